import { html } from 'lit';
import { Page } from './page.js';
import { state } from './icons.js';
import { catalog, described, receive, stream } from './core.js';
import { openQuery } from './home.js';
import { suggestions } from './charts.js';
import './grid.js';

// Pictures of what is in the tables. Times are cut so that there are about 200 points, however long the chain is.
const SPAN = `WITH span AS (SELECT greatest(1, extract(epoch FROM max(timestamp) - min(timestamp)) / 200) AS seconds FROM business.block_economics)
SELECT to_timestamp(floor(extract(epoch FROM timestamp) / seconds) * seconds) AS time`;

const PICTURES = [
  { title: 'Blocks and transactions', text: 'How many there were at a time.', type: 'line', sql: `${SPAN}, count(*) AS blocks, sum(transaction_count) AS transactions\nFROM business.block_economics, span\nGROUP BY 1 ORDER BY 1` },
  { title: 'Gas price', text: 'Median and tenths of what transactions paid, in Gwei.', type: 'line', sql: `${SPAN}, avg(gas_price_p10) / 1e9 AS p10, avg(gas_price_p50) / 1e9 AS p50, avg(gas_price_p90) / 1e9 AS p90\nFROM business.block_economics, span\nGROUP BY 1 ORDER BY 1` },
  { title: 'Fees in USD', text: 'What was paid for blocks at the price as of each.', type: 'line', sql: `${SPAN}, sum(burned_usd) AS burned_usd, sum(priority_fees_usd) AS priority_fees_usd, sum(blob_fees_usd) AS blob_fees_usd\nFROM business.block_economics, span\nGROUP BY 1 ORDER BY 1` },
  { title: 'Price as of the blocks', text: 'The close that each block was joined with.', type: 'line', sql: `${SPAN}, avg(price) AS price\nFROM business.block_economics, span\nWHERE price IS NOT NULL\nGROUP BY 1 ORDER BY 1` },
  { title: 'Candles', text: 'The newest candles of the market that has most of them.', type: 'candles', sql: `SELECT open_time, open, high, low, close\nFROM market.candles\nWHERE (venue, symbol, interval) = (SELECT venue, symbol, interval FROM market.candles GROUP BY 1, 2, 3 ORDER BY count(*) DESC LIMIT 1)\nORDER BY open_time DESC\nLIMIT 200` },
  { title: 'Most moved tokens', text: 'Token transfers by contract.', type: 'bar', sql: `SELECT token_address, count(*) AS transfers\nFROM chain.token_transfers\nGROUP BY 1 ORDER BY 2 DESC\nLIMIT 15` },
  { title: 'Coverage of heights', text: 'Loaded blocks in each of 100 pieces of a chain, in percent; less than 100 is a gap.', type: 'bar', sql: `WITH heights AS (SELECT chain_id, min(number) AS first, greatest(1, (max(number) - min(number) + 100) / 100) AS piece FROM chain.blocks GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)\nSELECT (first + ((number - first) / piece) * piece)::text AS height, round(100.0 * count(*) / least(piece, (SELECT max(number) FROM chain.blocks AS m WHERE m.chain_id = h.chain_id) - (first + ((number - first) / piece) * piece) + 1), 1) AS percent\nFROM chain.blocks AS b JOIN heights AS h USING (chain_id)\nGROUP BY first, piece, h.chain_id, ((number - first) / piece)\nORDER BY ((number - first) / piece)` },
  { title: 'Largest transfers of the native asset', text: 'With the USD value as of their blocks.', type: 'table', sql: `SELECT block_number, from_address, to_address, value, value_usd\nFROM business.transaction_costs\nWHERE value > 0\nORDER BY value DESC\nLIMIT 20` },
];

class Explore extends Page {
  static properties = { results: { state: true } };

  constructor() {
    super();
    this.results = PICTURES.map(() => null);
  }

  connectedCallback() {
    super.connectedCallback();
    this.control = new AbortController();
    this.load();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.control.abort();
  }

  /** One after the other, so that one page does not take all places of queries. */
  async load() {
    const tables = await catalog().catch(() => []);
    for (const [i, picture] of PICTURES.entries()) {
      const result = { columns: [], rows: [], error: null };
      try {
        await stream(
          `queries/explore-${i}-${Math.random().toString(36).slice(2)}`,
          { sql: picture.sql },
          (lines) => receive(result, lines, (columns) => described(columns, tables)),
          this.control.signal,
        );
      } catch (e) {
        if (this.control.signal.aborted) return;
        result.error = e;
      }
      if (result.rows.every((r) => r.slice(1).every((v) => v === null))) result.rows = [];
      const chart = suggestions(result.columns).find((c) => c.type === picture.type);
      if (chart) result.data = { columns: result.columns, rows: result.rows, chart, units: true };
      this.results[i] = result;
      this.requestUpdate();
    }
  }

  render() {
    return html`<div class="content"><div class="cards">${PICTURES.map((picture, i) => this.card(picture, this.results[i]))}</div></div>`;
  }

  card(picture, result) {
    return html`<section class="panel card" aria-label=${picture.title}>
      <header><h2>${picture.title}</h2><span class="grow"></span><button class="button quiet" @click=${() => openQuery(picture.sql)}>Open as query<span class="visually-hidden">: ${picture.title}</span></button></header>
      <div class="picture">
        ${!result
          ? html`<div class="empty grow"><p class="pulse">Asking…</p></div>`
          : result.error
            ? html`<div class="empty grow">${state('bad', 'failed')}<p>${result.error.message}</p></div>`
            : result.rows.length === 0
              ? html`<div class="empty grow">${state('idle', 'nothing yet')}<p>The tables have no rows for this picture.</p></div>`
              : result.data
                ? html`<etl-chart .data=${result.data}></etl-chart>`
                : html`<etl-grid .columns=${result.columns} .rows=${result.rows} units></etl-grid>`}
      </div>
      <p class="muted small">${picture.text}</p>
    </section>`;
  }
}
customElements.define('etl-explore', Explore);
