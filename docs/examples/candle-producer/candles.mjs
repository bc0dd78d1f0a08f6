// A source in another language: reads a JSON array of candles, each an array that begins with its
// open time in milliseconds, and publishes the very bytes of each to raw.market.candles.
//
//   npm install
//   node candles.mjs --brokers HOST:PORT --registry URL --source NAME --venue VENUE
//                    --symbol SYMBOL --interval 1h FILE
//
// What a producer must keep to: records in Confluent's wire format under the registered schemas, each
// placed by murmur2 over its key without the frame, and all records of a run in one transaction.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AvroSerializer, SchemaRegistryClient, SerdeType } from '@confluentinc/schemaregistry';
import kafkajs from 'kafkajs';

const TOPIC = 'raw.market.candles';
const MILLIS = { '1m': 60e3, '5m': 300e3, '15m': 900e3, '1h': 3600e3, '4h': 14400e3, '1d': 86400e3 };

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(
    ['brokers', 'registry', 'source', 'venue', 'symbol', 'interval'].map((name) => [name, { type: 'string' }]),
  ),
});
const missing = ['brokers', 'registry', 'source', 'venue', 'symbol', 'interval'].filter((name) => !options[name]);
if (missing.length > 0 || positionals.length !== 1 || !(options.interval in MILLIS)) {
  console.error(`needed: a file and --brokers --registry --source --venue --symbol --interval (${Object.keys(MILLIS).join(', ')})`);
  process.exit(2);
}

// The elements of the outer array, cut out of the text as they stand.
function elements(text) {
  const found = [];
  let depth = 0;
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '[' && ++depth === 2) start = i;
    else if (c === ']' && depth-- === 2) found.push(text.slice(start, i + 1));
  }
  return found;
}

const file = positionals[0];
const length = MILLIS[options.interval];
const candles = elements(readFileSync(file, 'utf8')).map((json) => ({ json, openTime: JSON.parse(json)[0] }));
const wrong = candles.find(({ openTime }) => !Number.isInteger(openTime) || openTime % length !== 0);
if (wrong !== undefined) {
  console.error(`${file}: ${wrong.json} does not open at the beginning of an interval of ${options.interval}`);
  process.exit(1);
}

// Its client waits for an answer without end if it is not told otherwise, and registries were seen not
// to answer a request while they are busy. Each try gets the whole time.
const registry = new SchemaRegistryClient({
  baseURLs: [options.registry],
  createAxiosDefaults: { timeout: 10_000, 'axios-retry': { shouldResetTimeout: true } },
});
// The schemas are the pipeline's: a producer uses them, it does not make its own.
const settings = { autoRegisterSchemas: false, useLatestVersion: true };
const keys = new AvroSerializer(registry, SerdeType.KEY, settings);
const records = new AvroSerializer(registry, SerdeType.VALUE, settings);
const kafka = new kafkajs.Kafka({ clientId: options.source, brokers: options.brokers.split(','), logLevel: kafkajs.logLevel.ERROR });
// The frame is a zero byte and the id that this registry gave the schema: it says nothing of the key.
const FRAME = 5;
const placedByKey = () => {
  const murmur2 = kafkajs.Partitioners.DefaultPartitioner();
  return (record) => murmur2({ ...record, message: { ...record.message, key: record.message.key.subarray(FRAME) } });
};
const producer = kafka.producer({
  createPartitioner: placedByKey,
  transactionalId: options.source,
  idempotent: true,
  maxInFlightRequests: 1,
});

const fetchedAt = Date.now();
const messages = [];
for (const { json, openTime } of candles) {
  const key = { venue: options.venue, symbol: options.symbol, interval: options.interval, open_time: openTime };
  const value = {
    ...key,
    source: options.source,
    close_time: openTime + length - 1,
    candle_json: Buffer.from(json),
    endpoint: 'file',
    fetched_at: fetchedAt,
    checks: ['candle_in_range'],
  };
  messages.push({ key: await keys.serialize(TOPIC, key), value: await records.serialize(TOPIC, value) });
}
await producer.connect();
const transaction = await producer.transaction();
try {
  await transaction.send({ topic: TOPIC, acks: -1, messages });
  await transaction.commit();
} catch (e) {
  await transaction.abort();
  throw e;
} finally {
  await producer.disconnect();
}
console.log(`${messages.length} candles published to ${TOPIC}`);
// The registry's client keeps connections that would hold the process for minutes.
process.exit(0);
