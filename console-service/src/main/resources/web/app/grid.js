import { html } from 'lit';
import { Page } from './page.js';
import { copy, ether, settings, stamp } from './core.js';

const ROW = 28;
const SPARE = 10;

/** Letters of a cell that are drawn: none is wide enough for more, and long texts take long to draw. */
const DRAWN = 200;
const NUMBERS = new Set(['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'oid', 'money']);

export function isNumber(column) {
  return NUMBERS.has(column.type);
}

/** A cell as people read it; what it really is stands in the view of the cell. */
export function shown(column, cell, units) {
  if (cell === null) return 'null';
  if (column.type === 'bytea' && cell.startsWith('\\x')) return '0x' + cell.slice(2);
  if (column.type === '_bytea') return cell.replaceAll('"\\\\x', '0x').replaceAll('"', '');
  if (column.type === 'bool') return cell === 't' ? 'true' : 'false';
  if (column.unit === 'wei' && units) return ether(cell);
  if (column.type === 'timestamptz' && !settings.utc && cell.endsWith('+00')) return stamp(cell);
  return cell;
}

function cut(text) {
  return text.length > DRAWN ? `${text.slice(0, DRAWN)}…` : text;
}

/** A table of any length: only the rows that are seen are drawn. */
class Grid extends Page {
  static properties = { columns: { attribute: false }, rows: { attribute: false }, units: { type: Boolean }, top: { state: true }, cell: { state: true } };

  constructor() {
    super();
    this.columns = [];
    this.rows = [];
    this.units = false;
    this.top = 0;
    this.cell = null;
  }

  connectedCallback() {
    super.connectedCallback();
    this.tabIndex = 0;
    this.setAttribute('role', 'grid');
    this.setAttribute('aria-label', 'Result');
    this.addEventListener('scroll', () => (this.top = this.scrollTop), { passive: true });
    this.addEventListener('keydown', (e) => this.key(e));
    this.sized = new ResizeObserver(() => this.requestUpdate());
    this.sized.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.sized.disconnect();
  }

  willUpdate(changed) {
    if (changed.has('columns') || changed.has('units')) {
      this.widths = null;
    }
    if (changed.has('columns')) {
      this.cell = null;
      this.scrollTop = 0;
    }
    if (!this.widths && this.rows.length + this.columns.length) {
      const sample = this.rows.slice(0, 60);
      this.widths = this.columns.map((c, i) => {
        const longest = Math.max(...sample.map((r) => shown(c, r[i], this.units).length), 0);
        return Math.min(420, Math.max(70, longest * 7.9 + 22, c.name.length * 8.4 + 24));
      });
    }
    this.setAttribute('aria-rowcount', this.rows.length + 1);
    this.setAttribute('aria-colcount', this.columns.length);
  }

  render() {
    const first = Math.max(0, Math.floor(this.top / ROW) - SPARE);
    const last = Math.min(this.rows.length, first + Math.ceil((this.clientHeight || 600) / ROW) + 2 * SPARE);
    const visible = [];
    for (let i = first; i < last; i++) visible.push(i);
    return html`
      <div class="grid-head" role="row" aria-rowindex="1">
        <div class="index" role="columnheader"><span class="visually-hidden">row</span></div>
        ${this.columns.map((c, i) => html`<div role="columnheader" class=${isNumber(c) ? 'number' : ''} .style=${`width: ${this.widths[i]}px`} title=${c.comment ?? c.name}>${c.name}<span class="type">${c.unit === 'wei' && this.units ? 'ETH' : (c.unit ?? c.type)}</span></div>`)}
      </div>
      <div class="grid-rows" role="rowgroup" .style=${`height: ${this.rows.length * ROW}px`}>
        ${visible.map((i) => html`<div class="grid-row" role="row" aria-rowindex=${i + 2} .style=${`top: ${i * ROW}px`}>
          <div class="index" role="rowheader">${i + 1}</div>
          ${this.columns.map((c, j) => html`<div role="gridcell" class="${isNumber(c) ? 'number' : ''} ${this.rows[i][j] === null ? 'null' : ''} ${this.cell?.[0] === i && this.cell?.[1] === j ? 'active' : ''}" .style=${`width: ${this.widths[j]}px`} @click=${() => this.choose(i, j)}>${cut(shown(c, this.rows[i][j], this.units))}</div>`)}
        </div>`)}
      </div>`;
  }

  choose(row, column) {
    this.cell = [row, column];
    this.dispatchEvent(new CustomEvent('cell', { detail: { column: this.columns[column], value: this.rows[row][column], row } }));
  }

  key(e) {
    if (!this.rows.length) return;
    const [row, column] = this.cell ?? [0, 0];
    const page = Math.floor(this.clientHeight / ROW) - 2;
    const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [page, 0], PageUp: [-page, 0], Home: [0, -column], End: [0, this.columns.length] };
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'c' && this.cell && !getSelection().toString()) {
      copy(shown(this.columns[column], this.rows[row][column] ?? '', false));
      return;
    }
    const move = moves[e.key];
    if (!move) return;
    e.preventDefault();
    const to = this.cell ? [Math.max(0, Math.min(this.rows.length - 1, row + move[0])), Math.max(0, Math.min(this.columns.length - 1, column + move[1]))] : [0, 0];
    this.choose(...to);
    const top = to[0] * ROW;
    if (top < this.scrollTop) this.scrollTop = top;
    else if (top + 3 * ROW > this.scrollTop + this.clientHeight) this.scrollTop = top + 3 * ROW - this.clientHeight;
    const left = 62 + this.widths.slice(0, to[1]).reduce((a, b) => a + b, 0);
    if (left < this.scrollLeft) this.scrollLeft = left - 62;
    else if (left + this.widths[to[1]] > this.scrollLeft + this.clientWidth) this.scrollLeft = left + this.widths[to[1]] - this.clientWidth;
  }
}
customElements.define('etl-grid', Grid);
