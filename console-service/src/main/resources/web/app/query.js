import { html, nothing, svg } from 'lit';
import { Page } from './page.js';
import { icon, state } from './icons.js';
import { suggestions } from './charts.js';
import { ask, catalog, copy, described, fromBase64, grouped, receive, session, stream, toBase64 } from './core.js';
import { shown } from './grid.js';
import './editor.js';

const HISTORY = 100;
const SAMPLES = [
  ['Newest blocks with their price', "SELECT number, timestamp, transaction_count, gas_used, fees_paid, price, fees_paid_usd\nFROM business.block_economics\nORDER BY timestamp DESC\nLIMIT 200"],
  ['Fees by hour', 'SELECT hour, blocks, transactions, fees_paid, fees_paid_usd\nFROM business.hourly_chain_metrics\nORDER BY hour'],
  ['Largest token transfers', "SELECT block_number, standard, token_address, from_address, to_address, value\nFROM chain.token_transfers\nORDER BY value DESC NULLS LAST\nLIMIT 50"],
  ['A price as of each transaction', "SELECT block_number, transaction_index, value, price, price_closed_at, value_usd\nFROM business.transaction_costs\nORDER BY block_number DESC, transaction_index\nLIMIT 200"],
];

const newId = () => crypto.randomUUID?.() ?? String(Math.random()).slice(2);
const read = (key, otherwise) => {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
};

/** Names of the :name parameters of a statement, as psql sees them. */
export function parametersOf(sql) {
  const bare = sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$/g, ' ');
  return [...new Set([...bare.matchAll(/(?<![:\w\]\d]):([a-zA-Z_]\w*)/g)].map((m) => m[1]))];
}

class Query extends Page {
  static properties = { tabs: { state: true }, current: { state: true }, tables: { state: true }, wanted: { state: true }, treeOpen: { state: true }, problem: { state: true }, units: { state: true }, history: { state: true }, saved: { state: true }, naming: { state: true } };

  constructor() {
    super();
    this.tabs = read('tabs', []).map((t) => ({ ...t, result: null }));
    if (!this.tabs.length) this.tabs = [{ id: newId(), sql: '', parameters: {} }];
    this.current = this.tabs.some((t) => t.id === localStorage.getItem('tab')) ? localStorage.getItem('tab') : this.tabs[0].id;
    this.history = read('history', []);
    this.saved = [];
    this.naming = null;
    this.tables = [];
    this.wanted = '';
    this.units = true;
    this.opened = () => this.take();
    this.escaped = (e) => {
      if (e.key === 'Escape' && this.tab.running) {
        e.preventDefault();
        this.cancel();
      }
    };
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener('open-query', this.opened);
    addEventListener('hashchange', this.opened);
    addEventListener('keydown', this.escaped);
    this.take();
    this.lookUp();
    catalog().then(
      (tables) => (this.tables = tables),
      (e) => (this.problem = e.message),
    );
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener('open-query', this.opened);
    removeEventListener('hashchange', this.opened);
    removeEventListener('keydown', this.escaped);
    for (const tab of this.tabs) if (tab.running) this.cancel(tab);
  }

  get tab() {
    return this.tabs.find((t) => t.id === this.current);
  }

  get editor() {
    return this.querySelector('etl-editor');
  }

  /** Takes a statement of a link or of another page into a tab of its own. It does not run by itself. */
  take() {
    const given = sessionStorage.getItem('open');
    sessionStorage.removeItem('open');
    const link = new URLSearchParams(location.hash.split('?')[1] ?? '').get('q');
    let opened = given ? { sql: given } : null;
    if (link) {
      try {
        opened = JSON.parse(fromBase64(link));
      } catch {
        this.problem = 'This link is damaged: its query cannot be read.';
      }
      history.replaceState(null, '', '#/query');
    }
    if (!opened) return;
    const tab = { id: newId(), sql: String(opened.sql ?? ''), parameters: opened.parameters ?? {}, chart: opened.chart ?? null };
    const unused = this.tabs.length === 1 && !this.tabs[0].sql.trim();
    this.tabs = unused ? [tab] : [...this.tabs, tab];
    this.select(tab.id);
  }

  select(id) {
    this.current = id;
    this.keep();
    if (this.editor) this.editor.text = this.tab.sql;
  }

  keep() {
    localStorage.setItem('tabs', JSON.stringify(this.tabs.map(({ id, sql, parameters, chart, saved }) => ({ id, sql, parameters, chart, saved }))));
    localStorage.setItem('tab', this.current);
  }

  firstUpdated() {
    this.editor.text = this.tab.sql;
    this.editor.focus();
  }

  updated() {
    this.editor.tables = this.tables;
  }

  // What people do.

  async run(statement, how = 'run') {
    const tab = this.tab;
    if (tab.running || !statement.text.trim()) return;
    const id = newId();
    const control = new AbortController();
    const result = { columns: [], rows: [], done: null, error: null, began: performance.now(), plan: null };
    Object.assign(tab, { running: { id, control }, result, view: how === 'run' ? (tab.chart ? 'chart' : 'table') : 'plan', cell: null });
    this.editor.mark(null);
    this.requestUpdate();
    const ticking = setInterval(() => this.requestUpdate(), 200);
    try {
      await stream(
        `${how === 'run' ? 'queries' : 'plans'}/${id}`,
        { sql: statement.text, parameters: tab.parameters, analyze: how === 'analyze' },
        (lines) => {
          receive(result, lines, (columns) => described(columns, this.tables));
          result.rows = result.rows.slice();
          this.requestUpdate();
        },
        control.signal,
      );
      if (!result.done && !result.error) result.error = { message: 'The result broke off before its end.', hint: 'Run it again.' };
    } catch (e) {
      if (e.name !== 'AbortError') result.error = { message: e.message, sqlstate: e.code ?? '' };
    } finally {
      clearInterval(ticking);
      tab.running = null;
      result.millis = performance.now() - result.began;
    }
    if (how !== 'run' && result.rows.length) result.plan = JSON.parse(result.rows.map((r) => r[0]).join('\n'))[0];
    if (result.error?.position) this.editor.mark(statement.from + result.error.position - 1);
    if (how === 'run') this.remember(statement.text);
    tab.charts = suggestions(result.columns);
    if (tab.chart && !tab.charts.some((c) => c.type === tab.chart.type && c.x === tab.chart.x)) {
      const isKnown = [tab.chart.x, ...tab.chart.y].every((name) => result.columns.some((c) => c.name === name));
      if (!isKnown) Object.assign(tab, { chart: null, view: 'table' });
    }
    this.keep();
    this.requestUpdate();
  }

  async cancel(tab = this.tab) {
    const running = tab.running;
    if (!running) return;
    try {
      await ask(`queries/${running.id}`, { method: 'DELETE' });
    } catch (e) {
      running.control.abort();
      this.problem = e.message;
    }
  }

  remember(sql) {
    this.history = [{ sql, at: Date.now() }, ...this.history.filter((h) => h.sql !== sql)].slice(0, HISTORY);
    localStorage.setItem('history', JSON.stringify(this.history));
  }

  async export(format) {
    try {
      const statement = this.editor.statement();
      const { id } = await ask('exports', { method: 'POST', body: { sql: statement.text, parameters: this.tab.parameters, format } });
      const link = document.createElement('a');
      link.href = `/api/exports/${id}`;
      link.download = '';
      link.click();
    } catch (e) {
      this.problem = e.message;
    }
  }

  async share() {
    const { sql, parameters, chart } = this.tab;
    await copy(`${location.origin}/#/query?q=${toBase64(JSON.stringify({ sql, parameters, chart }))}`);
    this.shared = true;
    this.requestUpdate();
    setTimeout(() => ((this.shared = false), this.requestUpdate()), 2000);
  }

  /** Queries that people keep; without Kafka there are those that were seen last. */
  async lookUp() {
    this.saved = await ask('saved').catch(() => this.saved);
  }

  openSaved(query) {
    const open = this.tabs.find((t) => t.saved === query.id && t.sql === query.sql);
    if (open) return this.select(open.id);
    const tab = { id: newId(), sql: query.sql, parameters: query.parameters, chart: query.chart ? JSON.parse(query.chart) : null, saved: query.id };
    const unused = this.tabs.length === 1 && !this.tabs[0].sql.trim();
    this.tabs = unused ? [tab] : [...this.tabs, tab];
    this.select(tab.id);
  }

  async save(e) {
    e.preventDefault();
    const tab = this.tab;
    const name = this.naming.name.trim();
    const id = this.saved.find((q) => q.id === tab.saved && q.name === name)?.id ?? newId();
    try {
      await ask(`saved/${id}`, { method: 'PUT', body: { name, sql: tab.sql, parameters: tab.parameters, chart: tab.chart ? JSON.stringify(tab.chart) : null } });
      tab.saved = id;
      this.naming = null;
      this.keep();
      await this.until(() => this.saved.some((q) => q.id === id && q.sql === tab.sql));
    } catch (problem) {
      this.problem = problem.message;
    }
  }

  async unsave(query) {
    try {
      await ask(`saved/${query.id}`, { method: 'DELETE' });
      await this.until(() => !this.saved.some((q) => q.id === query.id));
    } catch (problem) {
      this.problem = problem.message;
    }
  }

  /** What was written comes back within a moment. */
  async until(there) {
    for (let i = 0; i < 20; i++) {
      await this.lookUp();
      if (there()) return;
      await new Promise((done) => setTimeout(done, 250));
    }
  }

  close(id) {
    const tab = this.tabs.find((t) => t.id === id);
    if (tab.running) this.cancel(tab);
    const at = this.tabs.indexOf(tab);
    this.tabs = this.tabs.filter((t) => t.id !== id);
    if (!this.tabs.length) this.tabs = [{ id: newId(), sql: '', parameters: {} }];
    this.select(this.current === id ? this.tabs[Math.max(0, at - 1)].id : this.current);
  }

  // What they see.

  render() {
    const tab = this.tab;
    const parameters = parametersOf(tab.sql);
    return html`
      <div class="query ${this.treeOpen ? 'tree-open' : ''}">
        ${this.tree()}
        <div class="work">
          <div class="tabs" role="group" aria-label="Queries">
            ${this.tabs.map((t) => html`<div class="tab ${t === tab ? 'selected' : ''}"><button aria-current=${t === tab ? 'true' : nothing} @click=${() => this.select(t.id)}>${title(t.sql)}</button><button class="close" aria-label="Close ${title(t.sql)}" @click=${() => this.close(t.id)}>×</button></div>`)}
            <button class="button quiet" aria-label="New query" title="New query" @click=${() => {
              const fresh = { id: newId(), sql: '', parameters: {} };
              this.tabs = [...this.tabs, fresh];
              this.select(fresh.id);
              this.editor.focus();
            }}>+</button>
          </div>
          <etl-editor class="editor" @run=${(e) => this.run(e.detail)} @change=${(e) => {
            this.tab.sql = e.detail;
            this.keep();
            this.requestUpdate();
          }}></etl-editor>
          <div class="bar">
            ${tab.running
              ? html`<button class="button danger" id="cancel" @click=${() => this.cancel()}>Cancel <kbd>Esc</kbd></button>`
              : html`<button class="button primary" id="run" @click=${() => this.run(this.editor.statement())}>Run <span class="hide-small">Ctrl ⏎</span></button>`}
            ${parameters.map((name) => html`<label class="row small"><span class="mono">:${name}</span><input class="input param" name=${name} .value=${tab.parameters[name] ?? ''} @input=${(e) => {
              tab.parameters = { ...tab.parameters, [name]: e.target.value };
              this.keep();
            }} /></label>`)}
            <button class="button" @click=${() => this.run(this.editor.statement(), 'plan')}>Explain</button>
            <button class="button hide-small" title="Run it, and measure each step" @click=${() => this.run(this.editor.statement(), 'analyze')}>Analyze</button>
            <button class="button" title="All rows, as \\copy writes them" @click=${() => this.export('csv')}>CSV</button>
            <button class="button hide-small" @click=${() => this.export('ndjson')}>NDJSON</button>
            <button class="button hide-small" title="All rows, with types; numbers of more than 38 digits as text" @click=${() => this.export('parquet')}>Parquet</button>
            <button class="button" @click=${() => this.share()}>${this.shared ? 'Copied' : 'Copy link'}</button>
            <button class="button quiet" aria-pressed=${Boolean(this.treeOpen)} @click=${() => (this.treeOpen = !this.treeOpen)}>${icon('search')}<span class="visually-hidden">Tables</span></button>
            ${session.role === 'operator' && tab.sql.trim()
              ? this.naming
                ? html`<form class="row" @submit=${this.save}><input class="input" name="name" maxlength="100" required aria-label="Name of the query" placeholder="Its name" .value=${this.naming.name} @input=${(e) => (this.naming = { name: e.target.value })} @keydown=${(e) => e.key === 'Escape' && (e.stopPropagation(), (this.naming = null))} /><button class="button">Keep it</button></form>`
                : html`<button class="button" title="Keep it for everybody" @click=${async () => {
                    this.naming = { name: this.saved.find((q) => q.id === tab.saved)?.name ?? '' };
                    await this.updateComplete;
                    this.querySelector('input[name=name]').focus();
                  }}>Save</button>`
              : nothing}
            ${this.past()}
          </div>
          <section class="result" aria-label="Result">${this.problem ? html`<div class="failure" role="alert"><b>${this.problem}</b><div><button class="button" @click=${() => (this.problem = null)}>Close</button></div></div>` : nothing}${this.result(tab)}</section>
        </div>
      </div>`;
  }

  past() {
    if (!this.history.length) return nothing;
    return html`<select class="input hide-small" aria-label="History" @change=${(e) => {
      const entry = this.history[e.target.value];
      e.target.value = '';
      if (entry) {
        this.editor.text = entry.sql;
        this.editor.focus();
      }
    }}><option value="">History</option>${this.history.map((h, i) => html`<option value=${i}>${title(h.sql, 70)}</option>`)}</select>`;
  }

  tree() {
    const words = this.wanted.toLowerCase();
    const matches = (t) => !words || `${t.schema}.${t.name}`.includes(words) || t.columns.some((c) => c.name.includes(words));
    const schemas = [...new Set(this.tables.map((t) => t.schema))];
    return html`<aside class="tree" aria-label="Tables">
      <div class="search"><input class="input" placeholder="Find a table or column" aria-label="Find a table or column" .value=${this.wanted} @input=${(e) => (this.wanted = e.target.value)} /></div>
      <div class="list">${this.kept(words)}${schemas.map((schema) => {
        const of = this.tables.filter((t) => t.schema === schema && matches(t));
        if (!of.length) return nothing;
        return html`<details class="schema" open><summary>${schema}</summary><div class="of">
          ${of.map((t) => html`<details ?open=${words && t.columns.some((c) => c.name.includes(words))}><summary title=${t.comment ?? ''}>${t.name}</summary>
            ${t.comment ? html`<div class="hint">${t.comment}</div>` : nothing}
            <div class="hint"><button class="button quiet" @click=${() => this.editor.insert(`${t.schema}.${t.name}`)}>Insert name</button></div>
            ${t.columns.map((c) => html`<button class="column" title=${c.comment ?? ''} @click=${() => this.editor.insert(c.name)}><span>${c.name}</span><span class="type">${c.type}</span></button>`)}
          </details>`)}
        </div></details>`;
      })}</div>
    </aside>`;
  }

  kept(words) {
    const found = this.saved.filter((q) => !words || q.name.toLowerCase().includes(words));
    if (!found.length) return nothing;
    return html`<details class="schema" open><summary>saved queries</summary><div class="of">
      ${found.map((q) => html`<div class="row kept"><button class="column grow" title=${`${q.sql}\n\nsaved by ${q.savedBy}`} @click=${() => this.openSaved(q)}>${q.name}</button>${session.role === 'operator' ? html`<button class="close" aria-label="Remove ${q.name}" title="Keep it no longer" @click=${() => this.unsave(q)}>×</button>` : nothing}</div>`)}
    </div></details>`;
  }

  result(tab) {
    const r = tab.result;
    if (!r) {
      return html`<div class="empty"><p>Write a query, or begin with one of these. Nothing here can change a table.</p>
        <div class="samples">${SAMPLES.map(([name, sql]) => html`<button class="button" @click=${() => {
          this.editor.text = sql;
          this.editor.focus();
        }}>${name}</button>`)}</div></div>`;
    }
    const seconds = (((tab.running ? performance.now() - r.began : r.millis) ?? 0) / 1000).toFixed(1);
    const hasWei = r.columns.some((c) => c.unit === 'wei');
    return html`
      <div class="status" role="status">
        ${tab.running ? state('wait', 'running') : r.error ? state('bad', 'failed') : state('good', 'done')}
        <span class="num" id="counted">${r.plan ? '' : `${grouped(r.rows.length)} ${r.rows.length === 1 ? 'row' : 'rows'}`}</span>
        <span class="muted num">${seconds} s</span>
        ${r.done?.more ? html`<span>${state('warn', r.done.why === 'rows' ? `${grouped(r.rows.length)} shown, more exist` : 'as much as fits is shown, more exists')} <span class="muted small">CSV gives all</span></span>` : nothing}
        ${r.plan
          ? nothing
          : html`<div class="views">
              ${hasWei ? html`<button class="button" aria-pressed=${this.units} title="Show wei amounts in ETH" @click=${() => (this.units = !this.units)}>${this.units ? 'ETH' : 'wei'}</button>` : nothing}
              <button class="button" aria-pressed=${tab.view === 'table'} @click=${() => this.look(tab, 'table', null)}>Table</button>
              ${(tab.charts ?? []).map((c) => html`<button class="button" aria-pressed=${tab.view === 'chart' && tab.chart?.type === c.type && tab.chart?.x === c.x} @click=${() => this.look(tab, 'chart', c)}>${c.title}</button>`)}
            </div>`}
      </div>
      ${r.error ? html`<div class="failure" role="alert"><b>${r.error.message}</b>${r.error.hint ? html`<span class="hint">${r.error.hint}</span>` : nothing}${r.error.sqlstate ? html`<span class="muted small">SQLState ${r.error.sqlstate}</span>` : nothing}</div>` : nothing}
      ${r.plan ? plan(r.plan) : tab.view === 'chart' && tab.chart && !tab.running && r.rows.length ? this.chart(tab, r) : r.columns.length ? html`<etl-grid .columns=${r.columns} .rows=${r.rows} ?units=${this.units} @cell=${(e) => ((tab.cell = e.detail), this.requestUpdate())}></etl-grid>` : nothing}
      ${tab.cell && tab.view === 'table' && !r.plan ? html`<div class="cellview"><span class="muted small">${tab.cell.column.name}${tab.cell.column.comment ? html`<br />${tab.cell.column.comment}` : nothing}</span><pre id="cell">${shown(tab.cell.column, tab.cell.value, false)}</pre><button class="button" @click=${() => copy(shown(tab.cell.column, tab.cell.value ?? '', false))}>Copy</button></div>` : nothing}`;
  }

  look(tab, view, chart) {
    tab.view = view;
    tab.chart = chart;
    this.keep();
    this.requestUpdate();
  }

  chart(tab, r) {
    const key = tab.chart;
    const isSame = this.drawn && this.drawn.rows === r.rows && this.drawn.chart === key && this.drawn.units === this.units;
    if (!isSame) this.drawn = { columns: r.columns, rows: r.rows, chart: key, units: this.units };
    return html`<etl-chart .data=${this.drawn}></etl-chart>`;
  }
}
customElements.define('etl-query', Query);

function title(sql, length = 26) {
  const text = sql.replace(/--[^\n]*\n/g, ' ').replace(/\s+/g, ' ').trim();
  const from = /\bfrom\s+([\w.]+)/i.exec(text);
  if (length === 26 && from) return from[1];
  return text ? text.slice(0, length) : 'New query';
}

/** A plan as a tree, with what each step costs of the whole. */
function plan({ Plan: root, 'Execution Time': took }) {
  const total = root['Actual Total Time'] ?? root['Total Cost'];
  const node = (n) => {
    const loops = n['Actual Loops'] ?? 1;
    const own = (n['Actual Total Time'] !== undefined ? n['Actual Total Time'] * loops : n['Total Cost']) - (n.Plans ?? []).reduce((sum, p) => sum + (p['Actual Total Time'] !== undefined ? p['Actual Total Time'] * (p['Actual Loops'] ?? 1) : p['Total Cost']), 0);
    const share = Math.max(0, Math.min(1, own / (total || 1)));
    const what = [n['Index Name'], n['Relation Name'] && `${n.Schema ? n.Schema + '.' : ''}${n['Relation Name']}`, n['CTE Name']].filter((t) => t).join(' on ');
    const detail = [n['Index Cond'], n.Filter, n['Hash Cond'], n['Join Filter'], n['Sort Key']?.join(', '), n['Group Key']?.join(', ')].filter((t) => t);
    return html`<li><div class="node">
      <span><b>${n['Node Type']}</b> ${what ? html`<code>${what}</code>` : nothing} <span class="muted num">${grouped(n['Actual Rows'] ?? n['Plan Rows'])} rows${n['Actual Rows'] !== undefined ? ` (expected ${grouped(n['Plan Rows'])}), ${n['Actual Total Time']} ms` : ''}</span></span>
      <div class="cost" title="${Math.round(share * 100)} % of the whole"><svg viewBox="0 0 100 5" preserveAspectRatio="none">${svg`<rect width=${share * 100} height="5"/>`}</svg></div>
      ${detail.map((d) => html`<code class="muted">${d}</code>`)}
    </div>${n.Plans ? html`<ul>${n.Plans.map(node)}</ul>` : nothing}</li>`;
  };
  return html`<div class="plan" tabindex="0" role="region" aria-label="Plan">${took !== undefined ? html`<p class="muted">It took ${took} ms in the database.</p>` : html`<p class="muted">Estimated; Analyze runs it and measures.</p>`}<ul>${node(root)}</ul></div>`;
}
