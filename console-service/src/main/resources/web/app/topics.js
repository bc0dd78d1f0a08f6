import { html, nothing } from 'lit';
import { Asking } from './page.js';
import { state } from './icons.js';
import { ask, bytes, grouped, live, lines, session, time } from './core.js';

class TopicsPage extends Asking {
  static properties = { chosen: { state: true }, records: { state: true }, wanted: { state: true }, looking: { state: true }, restarted: { state: true }, versions: { state: true } };

  constructor() {
    super();
    this.topics = [];
    this.groups = [];
    this.chosen = null;
    this.records = [];
    this.wanted = '';
    this.looking = null;
    this.restarted = {};
  }

  async load() {
    [this.topics, this.groups] = await Promise.all([ask('topics'), ask('topics/groups')]);
  }

  /** Versions of the topic's schemas, once somebody looks. */
  async schemas(topic) {
    if (this.versions && !this.versions.problem) return;
    this.versions = { all: [] };
    const versions = await ask(`schemas/${encodeURIComponent(topic.name)}`).then(
      (all) => ({ all, asked: true }),
      (e) => ({ all: [], problem: e.message }),
    );
    if (this.chosen === topic) this.versions = versions;
  }

  async restart(task) {
    const say = (kind, text) => (this.restarted = { ...this.restarted, [task]: { kind, text } });
    say('wait', 'asking Connect');
    try {
      say('good', (await ask(`tasks/${encodeURIComponent(task)}/restart`, { method: 'POST' })).message);
    } catch (e) {
      say('bad', e.message);
    }
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.control?.abort();
  }

  choose(topic) {
    this.chosen = topic;
    this.versions = null;
    if (this.querySelector('.versions')?.open) this.schemas(topic);
    this.find({ count: 20 });
  }

  async find(parameters) {
    this.control?.abort();
    const control = new AbortController();
    this.control = control;
    this.records = [];
    this.looking = { looked: 0, left: 0, done: false };
    const found = [];
    try {
      await lines(`topics/${encodeURIComponent(this.chosen.name)}/records?${new URLSearchParams(parameters)}`, control.signal, (all) => {
        for (const line of all) {
          if (line.progress) this.looking = line.progress;
          else if (line.error) this.looking = { ...this.looking, error: line.error, done: true };
          else found.push(line);
        }
        this.records = parameters.offset ? found.slice() : found.slice().sort((a, b) => b.time.localeCompare(a.time));
      });
    } catch (e) {
      if (!control.signal.aborted) this.looking = { ...this.looking, error: e.message, done: true };
    }
  }

  search(e) {
    e.preventDefault();
    const form = e.target;
    const parameters = { count: 50 };
    for (const name of ['partition', 'offset', 'contains']) if (form[name].value.trim()) parameters[name] = form[name].value.trim();
    this.find(parameters);
  }

  async whole(record) {
    await lines(`topics/${encodeURIComponent(this.chosen.name)}/records?${new URLSearchParams({ partition: record.partition, offset: record.offset, count: 1, full: true })}`, undefined, (all) => {
      for (const line of all) if (line.value !== undefined) this.records = this.records.map((r) => (r === record ? line : r));
    });
  }

  render() {
    const words = this.wanted.toLowerCase();
    const topics = this.topics.filter((t) => !words || t.name.toLowerCase().includes(words));
    const tasks = live.snapshot?.tasks ?? [];
    return html`<div class="content">
      ${this.problem ? html`<div class="failure"><b>${this.problem}</b></div>` : nothing}
      <div class="two">
        <section class="panel" aria-labelledby="topics"><header><h2 id="topics">Topics</h2><input class="input grow" aria-label="Find a topic" placeholder="Find a topic" .value=${this.wanted} @input=${(e) => (this.wanted = e.target.value)} /></header>
          ${!this.loaded ? html`<div class="empty"><p class="pulse">Asking…</p></div>` : html`<div class="scroll-x topic-list" tabindex="0" role="region" aria-label="Topics"><table class="table"><thead><tr><th>topic</th><th>kind</th><th class="right">partitions</th><th class="right">offsets</th></tr></thead><tbody>
            ${topics.map((t) => html`<tr class="topic-row"><td><button class="link mono" aria-pressed=${this.chosen?.name === t.name} @click=${() => this.choose(t)}>${t.name}</button></td><td class="small">${t.kind}</td><td class="right num">${t.partitions}</td><td class="right num">${grouped(t.offsets)}</td></tr>`)}
          </tbody></table></div>`}
        </section>
        <div class="column-of-two">
          <section class="panel" aria-labelledby="groups"><header><h2 id="groups">Groups</h2><span class="muted small">those that lag most first</span></header>
            <div class="scroll-x topic-list small-list" tabindex="0" role="region" aria-label="Groups"><table class="table"><thead><tr><th>group</th><th>state</th><th class="right">lag</th></tr></thead><tbody>
              ${this.groups.map((g) => html`<tr><td class="mono">${g.name}</td><td class="small">${g.state.toLowerCase()}</td><td class="right num" title=${Object.entries(g.topics).map(([t, n]) => `${t} ${n}`).join('\n')}>${grouped(g.lag)}</td></tr>`)}
            </tbody></table></div></section>
          <section class="panel" aria-labelledby="tasks"><header><h2 id="tasks">Connector tasks</h2></header>
            ${tasks.length === 0 ? html`<div class="empty">${state('idle', 'none')}</div>` : tasks.map((t) => html`<div class="trouble">${state(t.state === 'RUNNING' ? 'good' : t.state === 'FAILED' ? 'bad' : 'idle', t.state.toLowerCase())}<div class="detail"><b>${t.name}</b> <span class="muted small">${t.worker}</span>${t.trace ? html`<details><summary class="small">trace</summary><pre class="mono">${t.trace}</pre></details>` : nothing}<div role="status">${this.restarted[t.name] ? state(this.restarted[t.name].kind, this.restarted[t.name].text) : nothing}</div></div>${session.role === 'operator' && /-\d+$/.test(t.name) ? html`<button class="button" @click=${() => this.restart(t.name)}>Restart<span class="visually-hidden"> ${t.name}</span></button>` : html`<span></span>`}</div>`)}
          </section>
        </div>
      </div>
      ${this.chosen ? this.detail() : nothing}
    </div>`;
  }

  detail() {
    const t = this.chosen;
    const l = this.looking;
    return html`<section class="panel" aria-label="Records"><header><h2 class="mono">${t.name}</h2><span class="muted small">${t.owner ? `written by ${t.owner}` : 'not of the catalogue'}${t.table ? ', loads into the table of the same name' : ''}</span></header>
      <form class="bar" @submit=${this.search}>
        <label class="row small">partition <input class="input param" name="partition" inputmode="numeric" placeholder="all" /></label>
        <label class="row small">from offset or time <input class="input param" name="offset" placeholder="the newest" /></label>
        <label class="row small">containing <input class="input param" name="contains" placeholder="any text" /></label>
        <button class="button primary">Look</button>
        <span class="small muted" role="status">${l ? html`${l.error ? state('bad', l.error) : nothing} ${grouped(this.records.length)} found in ${grouped(l.looked)} records, ${grouped(l.left)} offsets not looked at${l.done ? '' : '…'}` : nothing}</span>
      </form>
      ${t.fields.length ? html`<details class="schema"><summary>Fields of its values</summary><div class="scroll-x"><table class="table"><tbody>${t.fields.map((f) => html`<tr><td class="mono">${f.name}</td><td class="small">${f.type}</td><td class="small">${f.doc}</td></tr>`)}</tbody></table></div></details>` : nothing}
      <details class="schema versions" @toggle=${(e) => e.target.open && this.schemas(t)}><summary>Versions of its schemas</summary>
        ${this.versions?.problem ? html`<p>${state('bad', this.versions.problem)}</p>` : nothing}
        ${this.versions?.asked && this.versions.all.length === 0 ? html`<p class="muted small">The registry has none.</p>` : nothing}
        ${this.versions?.all.map((v) => html`<details class="record"><summary><b>${v.part}</b> version ${v.version} <span class="muted small">id ${v.id}${v.changes.length ? ` · ${v.changes.length} changed` : v.version === 1 ? ' · the first' : ' · no field changed'}</span></summary>${v.changes.length ? html`<ul class="problems">${v.changes.map((c) => html`<li><code>${c}</code></li>`)}</ul>` : nothing}<pre>${JSON.stringify(JSON.parse(v.schema), null, 2)}</pre></details>`)}
      </details>
      ${this.records.map((r) => html`<details class="record"><summary><span class="num">${r.partition} / ${grouped(r.offset)}</span> <span class="muted small">${time(r.time)} · ${bytes(r.bytes)}${r.value === null ? ' · tombstone' : ''}</span> <code>${JSON.stringify(r.key).slice(0, 160)}</code></summary><pre>${JSON.stringify(r.value, null, 2)}</pre>${r.cut ? html`<button class="button" @click=${() => this.whole(r)}>Show all of it</button>` : nothing}</details>`)}
      ${l?.done && !l.error && this.records.length === 0 ? html`<div class="empty">${state('idle', 'no records')}<p>There is nothing there.</p></div>` : nothing}
    </section>`;
  }
}
customElements.define('etl-topics', TopicsPage);
