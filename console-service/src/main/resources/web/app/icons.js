import { svg, html } from 'lit';

const drawn = {
  home: svg`<path d="M3 11.5 12 4l9 7.5M5.5 10v9.5h13V10"/>`,
  query: svg`<path d="M4 6h16M4 12h9M4 18h6"/><path d="m15 15 5 3-5 3z"/>`,
  explore: svg`<path d="M4 20V4M4 20h16"/><path d="m7 15 4-5 3 3 5-7"/>`,
  runs: svg`<rect x="4" y="4" width="6" height="6" rx="1"/><rect x="14" y="4" width="6" height="6" rx="1"/><rect x="4" y="14" width="6" height="6" rx="1"/><rect x="14" y="14" width="6" height="6" rx="1"/>`,
  sources: svg`<circle cx="12" cy="12" r="3"/><path d="M12 3v6M12 15v6M3 12h6M15 12h6"/>`,
  files: svg`<path d="M6 3h8l4 4v14H6z"/><path d="M14 3v4h4M9 12h6M9 16h6"/>`,
  letters: svg`<path d="M4 6h16v12H4z"/><path d="m4 7 8 6 8-6"/>`,
  topics: svg`<path d="M4 6h16M4 12h16M4 18h16"/><circle cx="8" cy="6" r="1.6"/><circle cx="15" cy="12" r="1.6"/><circle cx="10" cy="18" r="1.6"/>`,
  good: svg`<circle cx="12" cy="12" r="9"/><path d="m8 12.5 2.7 2.7L16 9.5"/>`,
  warn: svg`<path d="M12 4 2.8 20h18.4z"/><path d="M12 10v4.5M12 17.3v.2"/>`,
  bad: svg`<circle cx="12" cy="12" r="9"/><path d="m9 9 6 6M15 9l-6 6"/>`,
  idle: svg`<circle cx="12" cy="12" r="9"/><path d="M8 12h8"/>`,
  wait: svg`<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3 2"/>`,
  sun: svg`<circle cx="12" cy="12" r="4"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4"/>`,
  search: svg`<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>`,
  brand: svg`<path d="M4 7l8-4 8 4-8 4z"/><path d="M4 12l8 4 8-4M4 17l8 4 8-4"/>`,
};

export function icon(name, cls = '') {
  return html`<svg class=${cls} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${drawn[name]}</svg>`;
}

/** A state by colour, icon and word. */
export function state(kind, text) {
  return html`<span class="state ${kind}">${icon(kind)}${text}</span>`;
}
