import { html, nothing } from 'lit';
import { Asking } from './page.js';
import { icon, state } from './icons.js';
import { bytes, duration, grouped, instant, stamp, view } from './core.js';
import { openQuery } from './home.js';

const SHOWN = 40;

/** What became of a run: how it ended, and whether its ranges are worked off. */
function outcome(run) {
  if (run.outcome === 'failed') return ['bad', 'failed'];
  if (run.outcome === 'halted') return ['bad', 'halted'];
  if (Number(run.dead_letters ?? 0) > 0) return ['warn', 'dead letters'];
  if (Number(run.done) < Number(run.ranges)) return ['wait', 'being fetched'];
  return run.outcome === 'nothing_new' ? ['idle', 'nothing new'] : ['good', 'done'];
}

class Runs extends Asking {
  static properties = { chosen: { state: true }, ranges: { state: true }, before: { state: true } };

  constructor() {
    super();
    this.runs = [];
    this.chosen = null;
    this.ranges = [];
    this.before = '';
  }

  async load() {
    this.runs = await view('runs', { before: this.before });
    const chosen = this.chosen;
    if (!chosen) return;
    const ranges = await view('ranges', { run: chosen.run_id, source: chosen.source });
    if (chosen === this.chosen) this.ranges = ranges;
  }

  choose(run) {
    this.chosen = run;
    this.ranges = [];
    this.look();
  }

  page(before) {
    this.before = before;
    this.look();
  }

  render() {
    if (this.problem && !this.runs.length) return html`<div class="content"><section class="panel"><div class="empty">${state('bad', this.problem)}</div></section></div>`;
    if (!this.loaded) return html`<div class="content"><section class="panel"><div class="empty"><p class="pulse">Asking…</p></div></section></div>`;
    const feeds = [...new Set(this.runs.map((r) => r.source))].sort();
    return html`<div class="content">
      <section class="panel"><header><h2>Runs</h2><span class="muted small">each time a feed was planned, the newest on the right</span><span class="grow"></span>
        ${this.before ? html`<button class="button" @click=${() => this.page('')}>Newest</button>` : nothing}
        ${this.runs.length === 400 ? html`<button class="button" @click=${() => this.page(this.runs.at(-1).finished_at)}>Older</button>` : nothing}</header>
        ${feeds.length === 0
          ? html`<div class="empty">${state('idle', 'no runs')}<p>Nothing was planned in the time that runs are kept. A source plans by itself; ./pipeline sources run NAME does it now.</p></div>`
          : html`<div class="runs">${feeds.map((feed) => {
              const runs = this.runs.filter((r) => r.source === feed).slice(0, SHOWN).reverse();
              return html`<div class="runs-row"><b>${feed}</b><div class="runs-cells">${runs.map((run) => {
                const [kind, word] = outcome(run);
                const label = `${feed}, ${stamp(run.finished_at)}: ${word}`;
                return html`<button class="runs-cell ${kind}" title=${label} aria-label=${label} aria-pressed=${this.chosen?.run_id === run.run_id} @click=${() => this.choose(run)}>${icon(kind)}</button>`;
              })}</div></div>`;
            })}</div>
            <div class="legend">${state('good', 'done')}${state('wait', 'being fetched')}${state('warn', 'dead letters')}${state('bad', 'failed or halted')}${state('idle', 'nothing new')}</div>`}
      </section>
      ${this.chosen ? this.detail(this.chosen) : nothing}
    </div>`;
  }

  detail(chosen) {
    const run = this.runs.find((r) => r.run_id === chosen.run_id && r.source === chosen.source) ?? chosen;
    const [kind, word] = outcome(run);
    const facts = [
      ['planned', `${stamp(run.finished_at)}, ${run.trigger === 'manual' ? 'asked for by hand' : 'by schedule'}, by ${run.instance}`],
      ['numbers', run.from_number === null ? 'none' : `${grouped(run.from_number)} to ${grouped(run.to_number)}`],
      ['ranges', `${grouped(run.done)} of ${grouped(run.ranges)} worked off`],
      ['records', grouped(run.records ?? 0)],
      ['bytes', bytes(Number(run.bytes ?? 0))],
      ['retries', grouped(run.retries ?? 0)],
      ['dead letters', grouped(run.dead_letters ?? 0)],
      ...(run.last_at ? [['took', duration((instant(run.last_at) - instant(run.started_at)) / 1000)]] : []),
    ];
    return html`<section class="panel" aria-label="Run"><header><h2>${run.source}</h2>${state(kind, word)}<span class="grow"></span><button class="button" @click=${() => openQuery(`SELECT * FROM ops.extract_results WHERE job_id = '${run.run_id.replaceAll("'", "''")}' ORDER BY from_number`)}>Open as query</button></header>
      <div class="body"><dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
      ${run.problem ? html`<div class="failure"><b>${run.problem}</b></div>` : nothing}</div>
      ${this.ranges.length
        ? html`<div class="scroll-x"><table class="table"><thead><tr><th>range</th><th>outcome</th><th class="right">records</th><th class="right">absent</th><th class="right">dead letters</th><th class="right">retries</th><th>endpoint</th><th>worker</th><th>finished</th></tr></thead><tbody>
            ${this.ranges.map((r) => html`<tr><td class="num">${grouped(r.from_number)} – ${grouped(r.to_number)}</td><td>${r.outcome}</td><td class="right num">${grouped(r.blocks)}</td><td class="right num">${grouped(r.absent)}</td><td class="right num">${grouped(r.dead_letters)}</td><td class="right num">${grouped(r.retries)}</td><td>${r.endpoint}</td><td>${r.worker}</td><td class="num">${stamp(r.finished_at)}</td></tr>`)}
          </tbody></table></div>`
        : nothing}
    </section>`;
  }
}
customElements.define('etl-runs', Runs);
