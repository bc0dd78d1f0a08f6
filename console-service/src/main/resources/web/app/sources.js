import { html, nothing } from 'lit';
import { Ordering } from './page.js';
import { state } from './icons.js';
import { ask, duration, grouped, session, time, view } from './core.js';

const HEALTH = { healthy: 'good', probing: 'wait', paused: 'warn', down: 'bad' };

class Sources extends Ordering {
  static properties = { fetching: { state: true } };
  every = 2000;

  constructor() {
    super();
    this.instances = [];
    this.fetching = {};
  }

  async load() {
    this.instances = await ask('extractors');
    for (const [feed, job] of Object.entries(this.fetching)) {
      if (job.id && !job.ended) {
        const [now] = await view('job', { job: job.id });
        if (this.fetching[feed]?.id === job.id) this.fetching = { ...this.fetching, [feed]: { ...this.fetching[feed], ...now, ended: Number(now.done) >= job.ranges } };
      }
    }
  }

  /** Sources of the instances that run; where several read one, that with the newest word counts. */
  sources() {
    const found = new Map();
    for (const instance of this.instances) {
      for (const source of instance.detail) {
        if (!found.has(source.name)) found.set(source.name, { ...source, instance });
      }
    }
    return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  /** What a range would cost, once nothing more is typed. */
  preview(feed, form) {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.estimate(feed, form).catch(() => {}), 400);
  }

  async estimate(feed, form) {
    const from = form.from.value.trim();
    const to = form.to.value.trim();
    let text = '';
    if (/^\d+$/.test(from) && /^\d+$/.test(to) && Number(to) >= Number(from)) {
      const [pace] = await view('pace', { feed });
      const ranges = Math.ceil((Number(to) - Number(from) + 1) / Number(pace.size ?? 50));
      text = `${grouped(ranges)} range${ranges === 1 ? '' : 's'}${pace.seconds_each ? `, about ${duration(ranges * Number(pace.seconds_each))}` : ''}`;
    }
    this.fetching = { ...this.fetching, [feed]: { ...this.fetching[feed], preview: text } };
  }

  async fetch(e, feed) {
    e.preventDefault();
    const form = e.target;
    const answer = await this.order(feed, { kind: 'fetch', target: feed, from: form.from.value.trim(), to: form.to.value.trim() });
    if (answer?.jobId) this.follow(feed, answer);
  }

  follow(feed, answer) {
    this.fetching = { ...this.fetching, [feed]: { id: answer.jobId, ranges: answer.ranges, done: 0, records: 0 } };
    this.look();
  }

  render() {
    const sources = this.sources();
    const operator = session.role === 'operator';
    return html`<div class="content">
      ${this.problem ? html`<div class="failure"><b>${this.problem}</b></div>` : nothing}
      ${!this.loaded
        ? html`<section class="panel"><div class="empty"><p class="pulse">Asking…</p></div></section>`
        : sources.length === 0
          ? html`<section class="panel"><div class="empty">${state('idle', 'no sources')}<p>No extractor has told of a source. Give one an endpoint in .env, such as CHAINSTACK_ETHEREUM_URL, and start again.</p></div></section>`
          : sources.map((s) => this.source(s, operator))}
    </div>`;
  }

  source(s, operator) {
    const said = this.said[`source ${s.name}`];
    return html`<section class="panel source" data-source=${s.name} aria-label=${s.name}>
      <header><h2>${s.name}</h2>
        ${!s.instance.up ? state('bad', `not seen since ${time(s.instance.seenAt)}`) : s.paused ? state('idle', 'paused') : s.problems.length ? state('warn', 'has problems') : state('good', 'running')}
        <span class="muted small">${s.chainId ? `chain ${s.chainId} · ` : ''}${s.schedule.replace(/PT(\d+)([HMS])$/, (_, n, unit) => `${n} ${{ H: 'h', M: 'min', S: 's' }[unit]}`)} · ${s.instance.instance}</span><span class="grow"></span>
        ${operator
          ? html`<button class="button" ?disabled=${s.paused} @click=${() => this.order(`source ${s.name}`, { kind: 'plan', target: s.name })}>Plan now</button>
              <button class="button" @click=${() => this.order(`source ${s.name}`, { kind: s.paused ? 'resume' : 'pause', target: s.name })}>${s.paused ? 'Resume' : 'Pause'}</button>`
          : nothing}
      </header>
      <div class="said" role="status">${said ? html`${state(said.kind, said.text)}` : nothing}</div>
      ${s.problems.map((p) => html`<div class="failure"><span>${p}</span></div>`)}
      ${s.feeds.map((f) => this.feed(f, s, operator))}
      <div class="scroll-x"><table class="table"><thead><tr><th>endpoint</th><th>health</th><th class="right">head</th><th class="right">in flight</th><th class="right">calls in one request</th><th class="right">answers after</th><th>failures</th></tr></thead><tbody>
        ${s.endpoints.map((e) => html`<tr><td>${e.name}</td><td>${state(HEALTH[e.health] ?? 'idle', e.health)}${e.problem ? html`<br /><span class="small">${e.problem}</span>` : nothing}${e.note ? html`<br /><span class="small muted">${e.note}</span>` : nothing}</td><td class="right num">${e.head === null || e.head === undefined ? '—' : grouped(e.head)}</td><td class="right num">${e.inFlight} of ${e.concurrency}</td><td class="right num">${e.batchCalls}</td><td class="right num">${grouped(e.latencyMillis)} ms</td><td class="small">${Object.entries(e.failures).map(([code, n]) => `${grouped(n)} ${code}`).join(', ') || 'none'}</td></tr>`)}
      </tbody></table></div>
    </section>`;
  }

  feed(f, s, operator) {
    const job = this.fetching[f.name];
    const said = this.said[f.name];
    const facts = [
      ['head', f.head],
      ['planned to', f.nextNumber === null || f.nextNumber === undefined ? null : f.nextNumber - 1],
      ['not planned yet', f.lag],
      ['not worked off', f.outstanding],
      ['given up', f.givenUp],
    ];
    return html`<div class="feed-orders">
      <div class="row wrap spread"><b>${f.name}</b>${f.halted ? state('bad', 'halted') : nothing}</div>
      <dl class="facts">${facts.map(([name, n]) => html`<div><dt>${name}</dt><dd class="num">${n === null || n === undefined ? '—' : grouped(n)}</dd></div>`)}</dl>
      ${operator
        ? html`<form class="row wrap" @submit=${(e) => this.fetch(e, f.name)} @input=${(e) => this.preview(f.name, e.currentTarget)}>
            <label class="row small">from <input class="input param" name="from" required placeholder=${s.chainId ? 'height' : 'date or number'} /></label>
            <label class="row small">to <input class="input param" name="to" required placeholder=${s.chainId ? 'height' : 'date or number'} /></label>
            <button class="button">Fetch</button>
            <button class="button" type="button" @click=${async () => {
              const answer = await this.order(f.name, { kind: 'refetch', target: f.name });
              if (answer?.jobId) this.follow(f.name, answer);
            }}>Fetch gaps</button>
            <span class="muted small">${job?.preview ?? ''}</span>
          </form>`
        : nothing}
      <div role="status">${said ? state(said.kind, said.text) : nothing}</div>
      ${job?.id
        ? html`<div class="row wrap"><progress max=${job.ranges} .value=${Number(job.done)} aria-label="ranges fetched"></progress><span class="small num">${grouped(job.done)} of ${grouped(job.ranges)} ranges, ${grouped(job.records ?? 0)} records${Number(job.dead_letters) ? `, ${grouped(job.dead_letters)} dead letters` : ''}</span>
            ${job.ended ? (Number(job.cancelled) ? state('idle', 'cancelled') : state('good', 'fetched')) : operator ? html`<button class="button danger" @click=${() => this.order(f.name, { kind: 'cancel', target: f.name, job: job.id })}>Cancel</button>` : nothing}</div>`
        : nothing}
    </div>`;
  }
}
customElements.define('etl-sources', Sources);
