import { LitElement } from 'lit';
import { ask } from './core.js';

const ANSWER_WITHIN = 20_000;

/** A page or a part of one: drawn into the document itself, again when what is seen or set changes. */
export class Page extends LitElement {
  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.again = () => this.requestUpdate();
    for (const event of ['snapshot', 'settings']) addEventListener(event, this.again);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const event of ['snapshot', 'settings']) removeEventListener(event, this.again);
  }
}

/** A page that asks for what it shows every few seconds while it is visible. */
export class Asking extends Page {
  every = 5000;

  constructor() {
    super();
    this.problem = null;
    this.loaded = false;
  }

  connectedCallback() {
    super.connectedCallback();
    this.look = async () => {
      clearTimeout(this.timer);
      if (document.visibilityState === 'visible') {
        try {
          await this.load();
          this.problem = null;
        } catch (e) {
          this.problem = e.message;
        }
        this.loaded = true;
        this.requestUpdate();
      }
      if (this.isConnected) this.timer = setTimeout(this.look, this.every);
    };
    this.look();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }
}

/** A page that gives orders: what came of them is told at their places. */
export class Ordering extends Asking {
  constructor() {
    super();
    this.said = {};
  }

  say(place, kind, text) {
    this.said = { ...this.said, [place]: { kind, text } };
    this.requestUpdate();
  }

  /** Gives an order and waits for the answer; null if there is none, or a refusal. */
  async order(place, body, owner = 'extractor') {
    this.say(place, 'wait', `waiting for the ${owner}`);
    try {
      const { id } = await ask('orders', { method: 'POST', body });
      const until = Date.now() + ANSWER_WITHIN;
      while (Date.now() < until) {
        const answer = await ask(`orders/${id}`);
        if (answer.outcome !== 'waiting') {
          const accepted = answer.outcome === 'accepted';
          this.say(place, accepted ? 'good' : 'bad', answer.message);
          this.look();
          return accepted ? answer : null;
        }
        await new Promise((done) => setTimeout(done, 300));
      }
      this.say(place, 'warn', `Nobody has answered yet. The order stands for ten minutes: it is taken when the ${owner} runs.`);
    } catch (e) {
      this.say(place, 'bad', e.message);
    }
    return null;
  }
}
