// What all pages use: the session, requests, what was seen last, and how values are written.
export const session = { role: '', name: '', password: false };

export class Refused extends Error {
  constructor(problem) {
    super(problem.message);
    this.code = problem.code;
    this.status = problem.status;
  }
}

async function refusal(response) {
  let problem;
  try {
    problem = await response.json();
  } catch {
    problem = { code: 'http', message: `The console answered ${response.status}.` };
  }
  problem.status = response.status;
  if (response.status === 401) {
    session.role = '';
    dispatchEvent(new Event('session'));
  }
  return new Refused(problem);
}

/** Sends a request and returns its JSON; throws what the console refuses with. */
export async function ask(path, { method = 'GET', body, signal, headers = {} } = {}) {
  const response = await fetch(`/api/${path}`, {
    method,
    signal,
    headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw await refusal(response);
  return response.status === 204 ? null : response.json();
}

/** Sends a file, telling how much of it is sent; throws what the console refuses with. */
export function send(method, path, file, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, `/api/${path}`);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.responseType = 'json';
    request.upload.onprogress = (e) => progress(e.loaded, e.total);
    request.onload = () => {
      if (request.status < 300) resolve(request.response);
      else reject(new Refused({ code: 'http', message: `The console answered ${request.status}.`, ...request.response, status: request.status }));
    };
    request.onerror = () => reject(new Error('The file could not be sent: the console does not answer, or the file was changed while it was read.'));
    request.onabort = () => reject(new DOMException('cancelled', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}

/** Sends a request and gives each line of JSON that comes to a listener. */
export async function stream(path, body, listener, signal) {
  const headers = { 'Content-Type': 'application/json' };
  await each(await fetch(`/api/${path}`, { method: 'POST', signal, headers, body: JSON.stringify(body) }), listener);
}

/** Asks, and gives each line of JSON that comes to a listener. */
export async function lines(path, signal, listener) {
  await each(await fetch(`/api/${path}`, { signal }), listener);
}

async function each(response, listener) {
  if (!response.ok) throw await refusal(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    listener(lines.filter((line) => line).map((line) => JSON.parse(line)));
  }
  if (rest) listener([JSON.parse(rest)]);
}

/** Takes lines of a result: its columns, rows, and what came of it. */
export function receive(result, lines, describe = (columns) => columns) {
  for (const line of lines) {
    if (Array.isArray(line)) result.rows.push(line);
    else if (line.columns) result.columns = describe(line.columns);
    else Object.assign(result, line);
  }
}

/** Rows of one of the pages' own queries, as objects with texts. */
export async function view(name, parameters = {}) {
  const result = { columns: [], rows: [], error: null };
  await stream(`views/${name}`, { parameters }, (lines) => receive(result, lines));
  if (result.error) throw new Error(result.error.message);
  return result.rows.map((row) => Object.fromEntries(result.columns.map((c, i) => [c.name, row[i]])));
}

export async function openSession() {
  const login = new URLSearchParams(location.hash.replace(/^#/, '')).get('login');
  let problem = null;
  if (login) {
    history.replaceState(null, '', location.pathname + '#/home');
    try {
      await ask('login', { method: 'POST', body: { link: login } });
    } catch (e) {
      problem = e.message;
    }
  }
  Object.assign(session, await ask('session'));
  // Whoever is logged in already does not need the link.
  return session.role ? null : problem;
}

/** What the pipeline looked like last: polled while the page is visible, told by the event `snapshot`. */
export const live = { snapshot: null, at: null, problem: null };
const STALE = 45_000;
let tag = null;
let timer = null;

async function poll() {
  clearTimeout(timer);
  if (document.visibilityState === 'visible' && session.role) {
    try {
      const response = await fetch('/api/snapshot', { headers: tag ? { 'If-None-Match': tag } : {}, signal: AbortSignal.timeout(10_000) });
      if (response.status !== 304) {
        if (!response.ok) throw await refusal(response);
        live.snapshot = await response.json();
        tag = response.headers.get('ETag');
      }
      live.at = new Date(Number(response.headers.get('Seen-At')));
      live.problem = Date.now() - live.at > STALE ? 'The console has not looked for a while.' : null;
    } catch (e) {
      live.problem = e instanceof Refused ? e.message : 'The console does not answer.';
    }
    dispatchEvent(new Event('snapshot'));
  }
  timer = setTimeout(poll, live.snapshot ? 2000 : 500);
}

export function startPolling() {
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && poll());
  poll();
}

/** Names of tables and columns with their comments; read once in a while. */
let tables = null;
export async function catalog() {
  tables ??= ask('tables').catch((e) => {
    tables = null;
    throw e;
  });
  return tables;
}

/** Columns of a result with what their tables' comments say: a column that is computed has no unit. */
export function described(columns, tables) {
  return columns.map((column) => {
    const [schema, table, name] = (column.of ?? '').split('.');
    const comment = tables.find((t) => t.schema === schema && t.name === table)?.columns.find((c) => c.name === name)?.comment ?? null;
    return { ...column, comment, unit: /\bin (wei|gas|blob gas|USD|bytes)\b/.exec(comment ?? '')?.[1] };
  });
}

// How things are written.

export const settings = {
  get utc() {
    return localStorage.getItem('times') !== 'local';
  },
  set utc(value) {
    localStorage.setItem('times', value ? 'utc' : 'local');
    dispatchEvent(new Event('settings'));
  },
  get theme() {
    return localStorage.getItem('theme') ?? 'auto';
  },
  set theme(value) {
    localStorage.setItem('theme', value);
    applyTheme();
    dispatchEvent(new Event('settings'));
  },
};

const dark = matchMedia('(prefers-color-scheme: dark)');
export function isDark() {
  return settings.theme === 'dark' || (settings.theme === 'auto' && dark.matches);
}
export function applyTheme() {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
}
dark.addEventListener('change', () => {
  applyTheme();
  dispatchEvent(new Event('settings'));
});

/** 1234567 as 1,234,567; texts of any length. */
export function grouped(value) {
  const [, sign, digits, rest] = /^(-?)(\d+)(.*)$/.exec(String(value)) ?? [];
  return digits === undefined ? String(value) : sign + digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',') + rest;
}

export function bytes(n) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${n < 10 && i ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

/** A length of time in its two largest units. */
export function duration(seconds) {
  if (seconds < 1) return '<1 s';
  const parts = [];
  for (const [unit, length] of [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]]) {
    const n = Math.floor(seconds / length);
    if (n > 0 || parts.length) parts.push(`${n} ${unit}`);
    seconds -= n * length;
    if (parts.length === 2) break;
  }
  return parts.join(' ').replace(/ 0 (h|min|s)$/, '');
}

/** The time or day that the database wrote; in UTC where it has no zone. */
export function instant(text) {
  const iso = text.replace(' ', 'T');
  if (!iso.includes('T')) return new Date(iso);
  return new Date(/[+-]\d\d$/.test(iso) ? `${iso}:00` : /[+-]\d\d:\d\d$/.test(iso) ? iso : `${iso}Z`);
}

/** A time that the database wrote, as people read it. */
export function stamp(text) {
  return text === null ? '' : time(instant(text));
}

/** A time as people read it, in UTC or theirs. */
export function time(value, { seconds = true, day = true } = {}) {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return String(value);
  const pad = (n) => String(n).padStart(2, '0');
  const get = (name) => date[`get${settings.utc ? 'UTC' : ''}${name}`]();
  const clock = `${pad(get('Hours'))}:${pad(get('Minutes'))}${seconds ? `:${pad(get('Seconds'))}` : ''}`;
  const text = day ? `${get('FullYear')}-${pad(get('Month') + 1)}-${pad(get('Date'))} ${clock}` : clock;
  return settings.utc ? `${text} UTC` : text;
}

/** A wei amount in ether, exactly: digits are moved, nothing is rounded. */
export function ether(wei) {
  const negative = wei.startsWith('-');
  const [whole, fraction = ''] = (negative ? wei.slice(1) : wei).split('.');
  if (!/^\d+$/.test(whole)) return wei;
  const digits = whole.padStart(19, '0');
  const text = `${grouped(digits.slice(0, -18))}.${digits.slice(-18)}${fraction}`.replace(/\.?0+$/, '');
  return (negative ? '-' : '') + text;
}

export function toBase64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text))).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
export function fromBase64(text) {
  return new TextDecoder().decode(Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)));
}

export async function copy(text) {
  await navigator.clipboard.writeText(text);
}
