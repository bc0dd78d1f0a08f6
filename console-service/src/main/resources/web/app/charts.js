// What can be drawn of a result, told from its columns. The drawing itself is loaded when it is wanted.
import { isNumber } from './grid.js';

const TIMES = new Set(['timestamptz', 'timestamp', 'date']);

/** Charts that fit, the best first: {type, x, y, title}. */
export function suggestions(columns) {
  const times = columns.filter((c) => TIMES.has(c.type));
  // What numbers a row is not what one draws over time.
  const numbers = columns.filter((c) => isNumber(c) && !/(^|_)(number|index|id)$/.test(c.name));
  const texts = columns.filter((c) => ['text', 'varchar', 'bytea', 'bool', 'name', 'bpchar'].includes(c.type));
  const named = (name) => columns.find((c) => c.name === name && isNumber(c));
  const found = [];
  if (times.length && ['open', 'high', 'low', 'close'].every(named)) {
    found.push({ type: 'candles', x: times[0].name, y: ['open', 'high', 'low', 'close'], title: 'Candles' });
  }
  if (times.length && numbers.length) {
    found.push({ type: 'line', x: times[0].name, y: numbers.slice(0, 8).map((c) => c.name), title: 'Line' });
  }
  const height = columns.find((c) => isNumber(c) && /number|height|index$/.test(c.name));
  if (!times.length && height && numbers.length) {
    found.push({ type: 'line', x: height.name, y: numbers.slice(0, 8).map((c) => c.name), title: 'Line' });
  }
  if (texts.length && numbers.length) {
    found.push({ type: 'bar', x: texts[0].name, y: numbers.slice(0, 3).map((c) => c.name), title: 'Bars' });
  }
  return found;
}

class Chart extends HTMLElement {
  #chart;
  #wanted;

  connectedCallback() {
    if (!this.firstChild) {
      const canvas = document.createElement('div');
      canvas.className = 'canvas';
      this.append(canvas);
    }
    this.sized = new ResizeObserver(() => this.#chart?.resize());
    this.sized.observe(this);
    this.themed = () => this.#draw();
    addEventListener('settings', this.themed);
  }

  disconnectedCallback() {
    this.sized.disconnect();
    removeEventListener('settings', this.themed);
    this.#chart?.dispose();
    this.#chart = null;
  }

  set data(data) {
    this.#wanted = data;
    this.#draw();
  }

  async #draw() {
    const data = this.#wanted;
    if (!data) return;
    const { draw } = await import('./drawing.js');
    if (data !== this.#wanted || !this.isConnected) return;
    this.#chart?.dispose();
    this.#chart = draw(this.firstChild, data);
    this.setAttribute('role', 'img');
    this.setAttribute('aria-label', `${data.chart.title}: ${data.chart.y.join(', ')} by ${data.chart.x}, ${data.rows.length} points. The table has the numbers.`);
  }
}
customElements.define('etl-chart', Chart);
