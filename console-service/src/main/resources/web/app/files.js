import { html, nothing } from 'lit';
import { Ordering } from './page.js';
import { icon, state } from './icons.js';
import { ask, bytes, grouped, send, session, stamp, view } from './core.js';
import { openQuery } from './home.js';

const KIND = { done: 'good', running: 'wait', waiting: 'warn', seen: 'idle', failed: 'bad' };

class Files extends Ordering {
  static properties = { before: { state: true }, dropped: { state: true }, over: { state: true } };

  constructor() {
    super();
    this.files = [];
    this.before = '';
    this.place = null;
    this.dropped = null;
    this.over = false;
  }

  async load() {
    this.place ??= await ask('files/inbox');
    this.files = await view('files', { before: this.before });
  }

  page(before) {
    this.before = before;
    this.look();
  }

  /** Takes a file that was dropped or chosen, and looks what it would become. */
  take(file) {
    this.over = false;
    if (!file) return;
    this.said = { ...this.said, file: null };
    this.dropped = { file, dataset: '', set: '' };
    if (file.size > this.place.maxBytes) this.say('file', 'bad', `It has ${bytes(file.size)}, at most ${bytes(this.place.maxBytes)} can be dropped here. Put it into ${this.place.inbox} with a tool of the store.`);
    else this.preview();
  }

  query() {
    const { file, dataset, set } = this.dropped;
    const query = new URLSearchParams({ name: file.name, dataset });
    for (const one of set.split(/[\s,]+/).filter((w) => w)) query.append('set', one);
    return query;
  }

  /** Sends the file; what comes is null if it was refused, or another file was dropped meanwhile. */
  async sending(method, path, what) {
    const mine = this.dropped;
    mine.stop?.abort();
    mine.stop = new AbortController();
    const stop = mine.stop;
    this.dropped = { ...mine, sent: 0, what };
    const current = () => this.dropped?.stop === stop;
    try {
      const answer = await send(method, `${path}?${this.query()}`, mine.file, (sent, total) => {
        if (current()) this.dropped = { ...this.dropped, sent: total ? sent / total : 0 };
      }, stop.signal);
      return current() ? answer : null;
    } catch (e) {
      if (current()) this.say('file', 'bad', e.message);
      return null;
    } finally {
      if (current()) this.dropped = { ...this.dropped, sent: null };
    }
  }

  async preview() {
    this.dropped = { ...this.dropped, answer: null };
    const answer = await this.sending('POST', 'files/preview', 'Looking at');
    if (answer) this.dropped = { ...this.dropped, answer };
  }

  async put() {
    const stored = await this.sending('PUT', 'files', 'Sending');
    if (!stored) return;
    const { file, dataset, set } = this.dropped;
    this.dropped = { ...this.dropped, ordered: true };
    const parameters = set.split(/[\s,]+/).filter((w) => w);
    const answer = await this.order('file', { kind: 'load', target: stored.file, dataset, parameters }, 'backfill');
    if (answer && this.dropped?.file === file) {
      this.dropped = null;
      this.say('file', 'good', `${file.name} is in the inbox; below it tells how far its rows are.`);
      this.page('');
    } else if (this.dropped?.file === file) {
      this.dropped = { ...this.dropped, ordered: false };
    }
  }

  drop() {
    this.dropped?.stop?.abort();
    this.dropped = null;
    this.said = { ...this.said, file: null };
  }

  render() {
    return html`<div class="content">${this.loaded && session.role === 'operator' ? this.inbox() : nothing}<section class="panel"><header><h2>Files</h2><span class="muted small">read = loaded + unchanged + dead letters + on the way</span><span class="grow"></span>
      ${this.before ? html`<button class="button" @click=${() => this.page('')}>Newest</button>` : nothing}
      ${this.files.length === 200 ? html`<button class="button" @click=${() => this.page(this.files.at(-1).seen_at)}>Older</button>` : nothing}</header>
      ${this.problem ? html`<div class="failure"><b>${this.problem}</b></div>` : nothing}
      ${!this.loaded
        ? html`<div class="empty"><p class="pulse">Asking…</p></div>`
        : this.files.length === 0
          ? html`<div class="empty">${state('idle', 'no files')}<p>Drop one above, put one into the bucket or folder that the backfill reads, or load one from the command line:</p><code>./pipeline backfill FILE</code></div>`
          : this.files.map((f) => this.file(f))}
    </section></div>`;
  }

  inbox() {
    const said = this.said.file;
    if (!this.place?.inbox) {
      return html`<section class="panel"><div class="empty"><p>Files cannot be dropped here: no inbox is set. Set BACKFILL_INBOX_URL for the console, the same as the backfill's.</p></div></section>`;
    }
    const take = (e) => {
      e.preventDefault();
      this.take(e.dataTransfer.files[0]);
    };
    return html`<section class="panel" aria-label="Load a file">
      <label class="drop ${this.over ? 'over' : ''}" @dragover=${(e) => (e.preventDefault(), (this.over = true))} @dragleave=${() => (this.over = false)} @drop=${take}>
        ${icon('files')}<span><b>Drop a file</b> of candles, blocks, transactions, logs or transfers here, or choose one. <span class="muted">CSV, JSON lines or a JSON array, also as gzip, zstd or zip, up to ${bytes(this.place.maxBytes)}. You see what it becomes before it is loaded.</span></span>
        <input type="file" aria-label="Choose a file" @change=${(e) => (this.take(e.target.files[0]), (e.target.value = ''))} />
      </label>
      ${this.dropped ? this.wanted() : nothing}
      <div role="status" class="told">${said ? state(said.kind, said.text) : nothing}</div>
    </section>`;
  }

  /** The file that was dropped, with what it would become. */
  wanted() {
    const d = this.dropped;
    const busy = d.sent !== null && d.sent !== undefined;
    const waits = busy || d.ordered;
    const rows = d.answer?.parts.reduce((sum, part) => sum + part.rows, 0) ?? 0;
    return html`<form class="dropped" @submit=${(e) => (e.preventDefault(), this.put())}>
      <div class="row wrap spread"><b>${d.file.name}</b><span class="muted small">${bytes(d.file.size)}</span></div>
      <div class="row wrap">
        <label>Dataset <select class="input" .value=${d.dataset} @change=${(e) => ((this.dropped = { ...d, dataset: e.target.value }), this.preview())}><option value="">told by the file</option>${this.place.datasets.map((name) => html`<option value=${name} ?selected=${name === d.dataset}>${name}</option>`)}</select></label>
        <label>Set <input class="input" placeholder="chain_id=1 symbol=ETHUSD" .value=${d.set} @change=${(e) => ((this.dropped = { ...d, set: e.target.value }), this.preview())} /></label>
        <span class="grow"></span>
        <button class="button" type="button" @click=${() => this.drop()}>Leave it</button>
        <button class="button primary" ?disabled=${waits || rows === 0}>${rows ? `Load ${grouped(rows)} row${rows === 1 ? '' : 's'}` : 'Load'}</button>
      </div>
      ${busy ? html`<div class="row"><span class="small pulse">${d.what} ${d.file.name}…</span><progress max="1" .value=${d.sent} aria-label="sent"></progress></div>` : nothing}
      ${d.answer?.refused.map((r) => html`<div class="failure"><b>${r.name}: ${r.code}</b><span>${r.message}</span><span class="hint">${this.hint(r.code)}</span></div>`)}
      ${d.answer?.parts.map((part) => this.part(part))}
    </form>`;
  }

  hint(code) {
    return { dataset_unknown: 'Choose its dataset above.', parameter_missing: 'Set what is missing above, as name=value.' }[code] ?? '';
  }

  part(part) {
    return html`<article class="letter">
      <div class="row wrap spread"><b>${part.name}</b><span class="muted small">${part.dataset} (${part.why})</span></div>
      <p>${part.rows ? state('good', `${grouped(part.rows)} rows for ${part.table}`) : state('idle', 'no rows')} ${part.dead ? state('bad', `${grouped(part.dead)} would be dead letters`) : nothing}</p>
      ${part.first.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="first rows"><table class="plain"><thead><tr>${part.columns.map((c) => html`<th>${c}</th>`)}</tr></thead><tbody>${part.first.map((row) => html`<tr>${row.map((cell) => html`<td title=${cell}>${cell.length > 28 ? `${cell.slice(0, 27)}…` : cell}</td>`)}</tr>`)}</tbody></table></div>` : nothing}
      ${part.problems.length ? html`<ul class="problems">${part.problems.map((p) => html`<li><b>${p.place}${p.column ? `, column ${p.column}` : ''}</b> ${p.message} <span class="muted">(${p.code})</span></li>`)}${part.dead > part.problems.length ? html`<li class="muted">and more: ${grouped(part.dead)} rows in all</li>` : nothing}</ul>` : nothing}
    </article>`;
  }

  file(f) {
    const total = Number(f.total_rows ?? 0);
    const share = f.state === 'done' ? 1 : total ? Number(f.rows) / total : 0;
    const name = f.file.split('/').pop();
    const counts = [['read', f.read ?? f.rows], ['loaded', f.loaded], ['unchanged', f.unchanged], ['dead letters', f.dead_letters], ['on the way', f.on_the_way]];
    return html`<div class="file">
      <div class="name"><b title=${f.file}>${name}</b><span class="muted small">${f.file.slice(0, -name.length)} · ${bytes(Number(f.size))}${f.dataset ? ` · ${f.dataset}` : ''}</span></div>
      <div>${state(KIND[f.state] ?? 'idle', f.state)}<div class="muted small">${stamp(f.finished_at ?? f.seen_at)}</div></div>
      <dl class="facts">${counts.map(([what, n]) => html`<div><dt>${what}</dt><dd class="num">${n === null || n === undefined ? '—' : grouped(n)}</dd></div>`)}</dl>
      ${f.state === 'failed' && session.role === 'operator' ? html`<button class="button" @click=${() => this.order(f.file, { kind: 'load', target: f.file.split('!/')[0], dataset: f.file.includes('!/') ? null : f.dataset, parameters: JSON.parse(f.parameters), again: true }, 'backfill')}>Ask again</button>` : f.dead_letters > 0 ? html`<button class="button" @click=${() => openQuery(`SELECT line, column_name, code, reason FROM ops.dead_letters WHERE file = '${f.file.replaceAll("'", "''")}' ORDER BY line`)}>Its dead letters</button>` : html`<span></span>`}
      ${f.state === 'running' ? html`<progress max="1" .value=${share} aria-label="rows published"></progress>` : nothing}
      ${f.reason ? html`<div class="failure"><b>${f.code}</b><span>${f.reason}</span></div>` : nothing}
      ${this.said[f.file] ? html`<div role="status">${state(this.said[f.file].kind, this.said[f.file].text)}</div>` : nothing}
    </div>`;
  }
}
customElements.define('etl-files', Files);
