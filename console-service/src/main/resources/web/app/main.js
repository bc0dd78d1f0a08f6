import './style.css';
import { html, nothing } from 'lit';
import { Page } from './page.js';
import { icon, state } from './icons.js';
import { applyTheme, ask, catalog, live, openSession, session, settings, startPolling, time } from './core.js';
import { openQuery } from './home.js';
import './query.js';
import './explore.js';
import './runs.js';
import './sources.js';
import './files.js';
import './letters.js';
import './topics.js';

const PAGES = [
  { name: 'home', title: 'Home', view: () => html`<etl-home></etl-home>` },
  { name: 'query', title: 'Query', view: () => html`<etl-query></etl-query>` },
  { name: 'explore', title: 'Explore', view: () => html`<etl-explore></etl-explore>` },
  { name: 'runs', title: 'Runs', view: () => html`<etl-runs></etl-runs>` },
  { name: 'sources', title: 'Sources', view: () => html`<etl-sources></etl-sources>` },
  { name: 'files', title: 'Files', view: () => html`<etl-files></etl-files>` },
  { name: 'letters', title: 'Dead letters', view: () => html`<etl-letters></etl-letters>` },
  { name: 'topics', title: 'Topics', view: () => html`<etl-topics></etl-topics>` },
];

class App extends Page {
  static properties = { page: { state: true }, problem: { state: true }, ready: { state: true }, dialog: { state: true }, wanted: { state: true }, chosen: { state: true } };

  constructor() {
    super();
    this.ready = false;
    this.dialog = null;
    this.wanted = '';
    this.chosen = 0;
    this.tables = [];
    applyTheme();
    addEventListener('hashchange', () => this.route());
    addEventListener('session', () => this.requestUpdate());
    addEventListener('keydown', (e) => this.key(e));
    this.open();
  }

  async open() {
    try {
      this.problem = await openSession();
    } catch {
      this.problem = 'The console does not answer.';
    }
    this.ready = true;
    this.route();
    startPolling();
  }

  route() {
    const name = location.hash.replace(/^#\/?/, '').split('?')[0];
    this.page = PAGES.find((p) => p.name === name) ?? PAGES[0];
    document.title = `${this.page.title} · Crypto ETL`;
  }

  key(e) {
    if (!session.role) return;
    const typing = e.composedPath().some((t) => t.matches?.('input, textarea, select, .cm-content'));
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k') {
      e.preventDefault();
      this.show('palette');
    } else if (e.key === '?' && !typing) {
      e.preventDefault();
      this.show('keys');
    }
  }

  async show(dialog) {
    this.dialog = dialog;
    this.wanted = '';
    this.chosen = 0;
    await this.updateComplete;
    this.querySelector('dialog')?.showModal();
    this.querySelector('dialog input')?.focus();
    this.tables = await catalog().catch(() => []);
    this.requestUpdate();
  }

  hide() {
    this.querySelector('dialog')?.close();
    this.dialog = null;
  }

  render() {
    if (!this.ready) return html`<main class="login"><p class="muted">Opening…</p></main>`;
    if (!session.role) return this.login();
    return html`
      <div class="shell">
        <nav class="nav" aria-label="Pages">
          <div class="brand">${icon('brand')}<span>Crypto ETL</span></div>
          ${PAGES.map((p) => html`<a href="#/${p.name}" aria-current=${p === this.page ? 'page' : nothing}>${icon(p.name)}<span>${p.title}</span></a>`)}
          <div class="foot">
            <button class="button quiet" @click=${() => this.show('palette')}>${icon('search')}<span>Find</span><kbd>Ctrl K</kbd></button>
            <button class="button quiet" @click=${this.logout}>Log out (${session.name}, ${session.role})</button>
          </div>
        </nav>
        <div class="main">
          <header class="top">
            <h1>${this.page.title}</h1>
            ${this.freshness()}
            <div class="right">
              <button class="button quiet" title="Show times in UTC or in your time zone" @click=${() => (settings.utc = !settings.utc)}>${settings.utc ? 'UTC' : 'Local'}<span class="visually-hidden"> times; switch</span></button>
              <button class="button quiet" title="Light, dark, or as your system has it" @click=${this.nextTheme}>${icon('sun')}<span class="hide-small">${settings.theme}</span><span class="visually-hidden"> theme; switch</span></button>
              <button class="button quiet" title="Keys" @click=${() => this.show('keys')}><kbd>?</kbd><span class="visually-hidden">Keys</span></button>
            </div>
          </header>
          <main class="page">${this.page.view()}</main>
        </div>
      </div>
      ${this.dialog === 'palette' ? this.palette() : this.dialog === 'keys' ? this.keys() : nothing}`;
  }

  freshness() {
    if (live.problem) {
      return html`<span role="status">${state('bad', live.at ? `stale since ${time(live.at, { day: false })}` : 'not answering')}</span>`;
    }
    return live.at ? html`<span class="muted small hide-small">live</span>` : html`<span class="muted small">looking…</span>`;
  }

  nextTheme() {
    const themes = ['auto', 'light', 'dark'];
    settings.theme = themes[(themes.indexOf(settings.theme) + 1) % themes.length];
  }

  async logout() {
    await ask('session', { method: 'DELETE' });
    session.role = '';
    this.requestUpdate();
  }

  login() {
    return html`
      <main class="login"><section class="panel">
        <div class="brand">${icon('brand')}<span>Crypto ETL console</span></div>
        ${this.problem ? html`<p role="alert">${state('bad', 'Not let in')} ${this.problem}</p>` : nothing}
        ${session.password
          ? html`<form @submit=${this.enter}>
              <label for="name">Your name, for the record of what you order</label>
              <input id="name" class="input" autocomplete="username" maxlength="60" />
              <label for="password">Password</label>
              <input id="password" class="input" type="password" autocomplete="current-password" required />
              <button class="button primary">Log in</button>
            </form>`
          : html`<p>This console lets people in by a link that works once. On the machine where the pipeline runs:</p>
              <p><code>./pipeline console</code></p>
              <p class="muted">Open the link that it prints.</p>`}
      </section></main>`;
  }

  async enter(e) {
    e.preventDefault();
    try {
      await ask('login', { method: 'POST', body: { password: this.querySelector('#password').value, name: this.querySelector('#name').value } });
      this.problem = await openSession();
    } catch (problem) {
      this.problem = problem.message;
    }
    this.requestUpdate();
  }

  found() {
    const words = this.wanted.toLowerCase().split(/\s+/).filter((w) => w);
    const all = [
      ...PAGES.map((p) => ({ title: p.title, kind: 'page', go: () => (location.hash = `#/${p.name}`) })),
      { title: 'Times in UTC or local', kind: 'setting', go: () => (settings.utc = !settings.utc) },
      { title: 'Light or dark', kind: 'setting', go: () => this.nextTheme() },
      ...this.tables.map((t) => ({
        title: `${t.schema}.${t.name}`,
        kind: t.view ? 'view' : 'table',
        go: () => openQuery(`SELECT * FROM ${t.schema}.${t.name} LIMIT 100`),
      })),
    ];
    return all.filter((a) => words.every((w) => a.title.toLowerCase().includes(w))).slice(0, 50);
  }

  palette() {
    const found = this.found();
    const choose = (entry) => {
      this.hide();
      entry?.go();
    };
    return html`
      <dialog class="palette" aria-label="Find a page or a table" @close=${() => (this.dialog = null)}>
        <input class="input" role="combobox" aria-expanded="true" aria-controls="found" aria-activedescendant="found-${this.chosen}" aria-label="Find a page or a table" placeholder="Find a page or a table"
          .value=${this.wanted}
          @input=${(e) => ((this.wanted = e.target.value), (this.chosen = 0))}
          @keydown=${(e) => {
            if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
              e.preventDefault();
              this.chosen = Math.max(0, Math.min(found.length - 1, this.chosen + (e.key === 'ArrowDown' ? 1 : -1)));
              this.updateComplete.then(() => this.querySelector(`#found-${this.chosen}`)?.scrollIntoView({ block: 'nearest' }));
            } else if (e.key === 'Enter') {
              e.preventDefault();
              choose(found[this.chosen]);
            }
          }} />
        <ul id="found" role="listbox" aria-label="Found">
          ${found.map((entry, i) => html`<li id="found-${i}" role="option" aria-selected=${i === this.chosen} @click=${() => choose(entry)}><span>${entry.title}</span><span class="muted small">${entry.kind}</span></li>`)}
        </ul>
      </dialog>`;
  }

  keys() {
    const keys = [
      ['Ctrl Enter', 'Run the statement under the cursor, or the selection'],
      ['Esc', 'Cancel the query that runs, in the database'],
      ['Ctrl Space', 'Complete'],
      ['Ctrl K', 'Find a page or a table'],
      ['Arrows', 'Move in the result'],
      ['Ctrl C', 'Copy the cell'],
      ['?', 'These keys'],
    ];
    return html`
      <dialog aria-label="Keys" @close=${() => (this.dialog = null)}>
        <div class="keys"><h2>Keys</h2>
          <dl>${keys.map(([key, what]) => html`<dt><kbd>${key}</kbd></dt><dd>${what}</dd>`)}</dl>
          <div><button class="button" @click=${this.hide}>Close</button></div>
        </div>
      </dialog>`;
  }
}
customElements.define('etl-app', App);
