import { html, nothing, svg } from 'lit';
import { Page } from './page.js';
import { icon, state } from './icons.js';
import { bytes, duration, grouped, live, time } from './core.js';

const STAGES = ['head', 'planned', 'fetched', 'normalized', 'loaded'];
const MEANING = {
  head: 'Newest one that may be read',
  planned: 'Asked for up to here',
  fetched: 'In the topic up to here, without a hole',
  normalized: 'Turned into rows up to here',
  loaded: 'Newest one in the tables',
};

/** Where a problem is dealt with. */
const TO = { letters: 'Dead letters', sources: 'Sources', topics: 'Topics' };

class Home extends Page {
  render() {
    const s = live.snapshot;
    if (!s) {
      return html`<div class="content"><section class="panel"><div class="empty">${live.problem ? state('bad', live.problem) : html`<p class="pulse">Looking at the pipeline…</p>`}</div></section></div>`;
    }
    const empty = s.feeds.length === 0 && s.tables.every((t) => t.rows === 0);
    return html`<div class="content">
      ${this.verdict(s)}
      ${empty ? this.starters() : nothing}
      ${s.feeds.length ? html`<section class="panel" aria-labelledby="feeds"><header><h2 id="feeds">Feeds</h2><span class="muted small">how far each stage is, and how long it is behind the head</span></header>${s.feeds.map((f) => this.feed(f))}</section>` : nothing}
      ${this.troubles(s)}
      <div class="two">${this.queues(s)}${this.tables(s)}</div>
    </div>`;
  }

  verdict(s) {
    const errors = s.problems.filter((p) => p.severity === 'error').length;
    const isBehind = (f) => f.holes > 0 || ['planned', 'fetched', 'normalized', 'loaded'].some((stage) => (f[stage] ?? f.first - 1) < f.head);
    const behind = s.feeds.filter(isBehind);
    const waiting = s.queues.reduce((sum, q) => sum + q.records, 0);
    let kind = 'good';
    let big = 'Complete';
    let text = `Everything that may be read is in the tables.`;
    if (errors) {
      kind = 'bad';
      big = errors === 1 ? s.problems[0].title : `${errors} things need somebody`;
      text = 'See below what helps.';
    } else if (s.feeds.length === 0) {
      kind = 'warn';
      big = 'Nothing is read yet';
      text = 'No source has planned anything.';
    } else if (behind.length || waiting > 0) {
      kind = 'wait';
      big = 'Catching up';
      text = `${behind.length ? `${behind.length} of ${s.feeds.length} feeds ${behind.length === 1 ? 'is' : 'are'} behind the head` : 'All feeds are read'}; ${grouped(waiting)} records wait between stages.`;
    } else if (s.problems.length) {
      kind = 'warn';
      big = 'Read, with problems';
      text = 'All feeds are up to date; what could not be processed, or is not as it should be, is below.';
    }
    return html`<section class="panel verdict ${kind}" aria-label="Is it complete?">
      ${icon(kind, 'mark')}
      <div><div class="big" id="verdict">${big}</div><p class="muted">${text}</p></div>
      <div class="parts">${s.parts.map((p) => html`<span title=${p.message ?? ''}>${state(p.up ? 'good' : 'bad', p.up ? p.name : `${p.name} down since ${time(p.since, { day: false })}`)}</span>`)}</div>
    </section>`;
  }

  starters() {
    return html`<section class="panel"><header><h2>Begin with one of these</h2></header><div class="body starters">
      <div class="starter"><h3>A chain of your own</h3><p class="muted">Put an endpoint into <code>.env</code>, such as <code>CHAINSTACK_ETHEREUM_URL=…</code>, then start again.</p><code>./pipeline up</code></div>
      <div class="starter"><h3>Prices</h3><p class="muted">Candles come from Binance's public API.</p><code>BINANCE_URL=https://data-api.binance.vision ./pipeline up</code></div>
      <div class="starter"><h3>Files</h3><p class="muted">CSV files and archives of blocks, logs, transfers or candles. Drop one on <a href="#/files">Files</a>, or:</p><code>./pipeline backfill FILE</code></div>
    </div></section>`;
  }

  feed(f) {
    return html`<div class="feed" data-feed=${f.name}>
      <div class="name"><b>${f.name}</b>
        <span class="muted small">${f.chainId ? `chain ${f.chainId}` : f.kind}${f.unitSeconds ? ` · one every ${f.unitSeconds < 100 ? Number(f.unitSeconds.toPrecision(2)) + ' s' : duration(f.unitSeconds)}` : ''}</span>
        ${f.paused ? state('idle', 'paused') : nothing}
        ${f.holes > 0 ? state('warn', `${grouped(f.holes)} not fetched yet`) : nothing}
      </div>
      <ol class="flow">${STAGES.map((stage) => this.stage(f, stage))}</ol>
      <div>${spark(f.trend)}<div class="muted small">${grouped(f.blocks)} in the tables${f.newest ? html`<br />newest ${time(f.newest)}` : nothing}</div></div>
    </div>`;
  }

  stage(f, stage) {
    const at = f[stage] ?? f.first - 1;
    const by = f.head - at;
    const none = at < f.first && stage !== 'head';
    const kind = stage === 'head' ? 'head' : by <= 0 ? 'now' : 'behind';
    const behind = stage === 'head' ? `new ${duration((Date.now() - new Date(f.plannedAt)) / 1000)} ago` : by <= 0 ? 'up to date' : `${grouped(by)} behind${f.unitSeconds ? `, ~${duration(by * f.unitSeconds)}` : ''}`;
    return html`<li class=${kind} title=${MEANING[stage]}><span class="stage">${stage}</span><span class="at num">${none ? '—' : grouped(at)}</span><span class="behind-by">${behind}</span></li>`;
  }

  troubles(s) {
    return html`<section class="panel" aria-labelledby="problems"><header><h2 id="problems">Problems</h2><span class="muted small">${s.problems.length ? '' : 'none'}</span></header>
      ${s.problems.length === 0
        ? html`<div class="empty">${state('good', 'Nothing needs you')}</div>`
        : s.problems.map(
            (p) => html`<div class="trouble">
              ${state(p.severity === 'error' ? 'bad' : 'warn', p.severity)}
              <div class="detail"><b>${p.title}</b><br /><span class="small">${p.detail}</span></div>
              ${p.page ? html`<a class="button" href="#/${p.page}">${TO[p.page]}</a>` : html`<span></span>`}
              <p class="help small">${p.action}</p>
            </div>`,
          )}
    </section>`;
  }

  queues(s) {
    const waiting = s.queues.filter((q) => q.records > 0);
    return html`<section class="panel" aria-labelledby="queues"><header><h2 id="queues">Waiting between stages</h2></header>
      ${waiting.length === 0
        ? html`<div class="empty">${state('good', 'Nothing waits')}</div>`
        : html`<div class="scroll-x"><table class="table"><thead><tr><th>topic</th><th>read by</th><th class="right">records</th></tr></thead><tbody>
            ${waiting.map((q) => html`<tr><td class="mono">${q.topic}</td><td>${q.reader}</td><td class="right num">${grouped(q.records)}</td></tr>`)}
          </tbody></table></div>`}
    </section>`;
  }

  tables(s) {
    return html`<section class="panel" aria-labelledby="tables"><header><h2 id="tables">Tables</h2><span class="muted small">rows as PostgreSQL estimates them</span></header>
      <div class="scroll-x"><table class="table"><thead><tr><th>table</th><th class="right">rows</th><th class="right">size</th></tr></thead><tbody>
        ${s.tables.filter((t) => t.rows > 0 || t.bytes > 65536).map((t) => html`<tr><td><a class="mono" href="#/query" @click=${(e) => (e.preventDefault(), openQuery(`SELECT * FROM ${t.name} LIMIT 100`))}>${t.name}</a></td><td class="right num">${grouped(t.rows)}</td><td class="right num">${bytes(t.bytes)}</td></tr>`)}
      </tbody></table></div></section>`;
  }
}
customElements.define('etl-home', Home);

/** Opens a statement in the editor; it does not run by itself. */
export function openQuery(sql) {
  sessionStorage.setItem('open', sql);
  location.hash = '#/query';
  dispatchEvent(new Event('open-query'));
}

/** A small picture of how something grew. */
function spark(values) {
  if (values.length < 2) return nothing;
  const min = Math.min(...values);
  const max = Math.max(...values);
  const x = (i) => (i / (values.length - 1)) * 100;
  const y = (v) => (max === min ? 34 : 36 - ((v - min) / (max - min)) * 32);
  const line = values.map((v, i) => `${i ? 'L' : 'M'}${x(i).toFixed(2)} ${y(v).toFixed(2)}`).join('');
  return html`<svg class="spark" viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label="rows in the tables at the last looks, from ${grouped(values[0])} to ${grouped(values.at(-1))}">${svg`<path class="area" d="${line}L100 40L0 40Z"/><path class="line" d=${line}/>`}</svg>`;
}
