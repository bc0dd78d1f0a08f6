// Makes candles for the recorded chain, so that its blocks have prices: a walk of made-up numbers, a
// minute each, from an hour before the first block to the last one. The venue's name says so.
//
//   node candles.mjs > ../anvil/candles.csv
//
// It gives the same candles each time.
const FIRST = 1767225600 - 3600; // an hour before 2026-01-01T00:00:00Z
const MINUTES = 60 + 445;

let state = 31337;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

/** A step of a walk, in cents: many small ones, few large ones. */
const step = () => Math.round((random() + random() + random() - 1.5) * 400);
const dollars = (cents) => (cents / 100).toFixed(2);

console.log('venue,symbol,interval,time,open,high,low,close,volume,trades');
let close = 300000;
for (let i = 0; i < MINUTES; i++) {
  const open = close + Math.round(step() / 8);
  close = Math.max(1000, open + step());
  const high = Math.max(open, close) + Math.abs(Math.round(step() / 2));
  const low = Math.min(open, close) - Math.abs(Math.round(step() / 2));
  const volume = (20 + random() * 180).toFixed(4);
  const trades = 40 + Math.floor(random() * 400);
  console.log(`made-up,TESTETHUSD,1m,${FIRST + 60 * i},${dollars(open)},${dollars(high)},${dollars(low)},${dollars(close)},${volume},${trades}`);
}
