import { html, nothing } from 'lit';
import { Ordering } from './page.js';
import { state } from './icons.js';
import { ask, bytes, grouped, session, stamp, view } from './core.js';
import { openQuery } from './home.js';

class Letters extends Ordering {
  static properties = { open: { state: true }, letters: { state: true }, replay: { state: true } };

  constructor() {
    super();
    this.groups = [];
    this.open = null;
    this.letters = [];
    this.replay = null;
  }

  key(g) {
    return [g.stage, g.code, g.source, g.topic].join('\n');
  }

  async load() {
    // Somebody else may have begun one, or this page did before it was left.
    if (session.role === 'operator' && (!this.replay || this.replay.state === 'running')) {
      const before = this.replay;
      const now = await ask('replays');
      const message = before && now.state === 'none' ? 'The console was started again meanwhile. Map them again to withdraw the letters of what could be mapped.' : now.message;
      if (before || now.state !== 'none') this.replay = { ...before, ...now, state: now.state === 'none' ? 'failed' : now.state, message, place: now.of ? this.key({ stage: 'transform', ...now.of }) : before.place };
    }
    this.every = this.replay?.state === 'running' ? 1000 : 5000;
    this.groups = await view('letter_groups');
    const open = this.groups.find((g) => this.key(g) === this.open);
    const key = this.open;
    if (!open) return;
    const letters = await view('letters', { stage: open.stage, code: open.code, source: open.source, topic: open.topic });
    if (key === this.open) this.letters = letters;
  }

  /** Has the records of a group processed again. */
  async mapAgain(g) {
    try {
      this.replay = { place: this.key(g), ...(await ask('replays', { method: 'POST', body: { code: g.code, source: g.source, topic: g.topic } })) };
    } catch (e) {
      this.replay = { place: this.key(g), state: 'failed', message: e.message };
    }
    this.look();
  }

  /** What may be done about a group. */
  help(g) {
    if (session.role !== 'operator') return nothing;
    const place = this.key(g);
    if (g.stage === 'extract' && g.source) return html`<button class="button" @click=${() => this.order(place, { kind: 'refetch', target: g.source })}>Ask for all of them again</button>`;
    if (g.stage === 'transform' && g.topic.startsWith('raw.')) return html`<button class="button" ?disabled=${this.replay?.state === 'running'} @click=${() => this.mapAgain(g)}>Map them again</button>`;
    return nothing;
  }

  told(place) {
    const said = this.said[place];
    const replay = this.replay?.place === place ? this.replay : null;
    return html`<div role="status" class="row wrap">${said ? state(said.kind, said.text) : nothing}
      ${replay?.state === 'running'
        ? html`<progress max=${replay.records} .value=${replay.done} aria-label="records mapped again"></progress><span class="small num">${grouped(replay.done)} of ${grouped(replay.records)} records mapped again</span>`
        : replay ? state(replay.state === 'done' ? 'good' : 'bad', replay.message) : nothing}</div>`;
  }

  toggle(g) {
    this.open = this.open === this.key(g) ? null : this.key(g);
    this.letters = [];
    this.look();
  }

  render() {
    return html`<div class="content"><section class="panel"><header><h2>Dead letters</h2><span class="muted small">what could not be processed, with its bytes, by reason</span></header>
      ${this.problem ? html`<div class="failure"><b>${this.problem}</b></div>` : nothing}
      ${this.replay?.state === 'done' && !this.groups.some((g) => this.key(g) === this.replay.place) ? html`<div role="status" class="told">${state('good', this.replay.message)}</div>` : nothing}
      ${!this.loaded
        ? html`<div class="empty"><p class="pulse">Asking…</p></div>`
        : this.groups.length === 0
          ? html`<div class="empty">${state('good', 'No dead letters')}<p>Everything that was read could be processed.</p></div>`
          : this.groups.map((g) => this.group(g))}
    </section></div>`;
  }

  group(g) {
    const isOpen = this.open === this.key(g);
    return html`<div class="letters">
      <button class="letters-head" aria-expanded=${isOpen} @click=${() => this.toggle(g)}>
        <span class="num count">${grouped(g.letters)}</span><span><b>${g.code}</b> <span class="muted">${g.stage}${g.source ? ` · ${g.source}` : ''}${g.topic ? ` · ${g.topic}` : ''}</span><br /><span class="small">${g.last_reason}</span></span><span class="muted small">last ${stamp(g.last_at)}</span>
      </button>
      ${isOpen ? html`<div class="letters-body"><p class="small">${this.fix(g)}</p><div class="row wrap">${this.help(g)} <button class="button" @click=${() => openQuery(`SELECT * FROM ops.dead_letters\nWHERE stage = '${g.stage}' AND code = '${g.code}'\nORDER BY occurred_at DESC`)}>All of them as a query</button></div>${this.told(this.key(g))}${this.letters.map((l) => this.letter(l))}</div>` : nothing}
    </div>`;
  }

  fix(g) {
    if (g.stage === 'extract') return 'These numbers are asked for again by themselves after growing pauses; a success withdraws the letter.';
    if (g.stage === 'transform') return 'Once the cause is mended (a layout, a price rule, the service itself), map these raw records again: what can be mapped then loses its letter. Nothing is fetched. ./pipeline replay does it for whole topics.';
    return 'Once the table or its data is mended, send the rows again with ./pipeline replay.';
  }

  /** Asks for one number, or one file, again. */
  once(l) {
    const target = l.stage === 'extract' && l.source && l.block_number ? { kind: 'fetch', target: l.source, from: l.block_number, to: l.block_number } : null;
    if (session.role !== 'operator' || !target) return nothing;
    return html`<div class="row wrap"><button class="button" @click=${() => this.order(l.id, target)}>Ask for block ${grouped(l.block_number)} again</button>${this.told(l.id)}</div>`;
  }

  letter(l) {
    const place = [l.file && `${l.file}${l.line ? ` line ${grouped(l.line)}` : ''}${l.column_name ? `, column ${l.column_name}` : ''}`, l.block_number && `block ${grouped(l.block_number)}${l.chain_id ? ` of chain ${l.chain_id}` : ''}`, l.topic && `${l.topic} partition ${l.partition} offset ${l.offset}`, l.endpoint && `endpoint ${l.endpoint}`].filter((t) => t);
    return html`<article class="letter"><div class="row wrap spread"><b>${place.join(' · ')}</b><span class="muted small">${stamp(l.occurred_at)}</span></div>
      <p class="small">${l.reason}</p>
      ${this.once(l)}
      ${l.payload ? html`<details><summary class="small">its bytes (${bytes(Number(l.payload_bytes))}${Number(l.payload_bytes) > 2000 ? ', the first 2 kB' : ''})</summary><pre>${l.payload}</pre></details>` : html`<p class="muted small">No bytes were received.</p>`}
    </article>`;
  }
}
customElements.define('etl-letters', Letters);
