// Reads a record each of raw.evm.blocks and chain.transactions with kafkajs and Confluent's schema
// registry client, and prints what it decoded as one JSON line.
import { AvroDeserializer, SchemaRegistryClient, SerdeType } from '@confluentinc/schemaregistry';
import kafkajs from 'kafkajs';

const [brokers, registry] = process.argv.slice(2);
// Without a limit its client waits for ever for an answer that a busy registry forgot.
const client = new SchemaRegistryClient({
  baseURLs: [registry],
  createAxiosDefaults: { timeout: 10_000, 'axios-retry': { shouldResetTimeout: true } },
});
const deserializer = new AvroDeserializer(client, SerdeType.VALUE, {});
// The broker compresses with zstd, which kafkajs leaves to a codec; Node has no such codec before 22,
// so a codec of pure JavaScript is plugged in.
const { Kafka, logLevel, CompressionTypes, CompressionCodecs } = kafkajs;
const { decompress } = await import('fzstd');
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: () => { throw new Error('read only'); },
  decompress: async (buffer) => Buffer.from(decompress(buffer)),
});
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.ERROR });

async function first(topic, accept) {
  const consumer = kafka.consumer({ groupId: `decode-${topic}-${process.pid}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  try {
    return await new Promise((resolve, reject) => {
      consumer.on(consumer.events.CRASH, (e) => reject(e.payload.error));
      consumer.run({
        eachMessage: async ({ message }) => {
          if (message.value === null) return;
          const value = await deserializer.deserialize(topic, message.value);
          if (accept(value)) resolve(value);
        },
      }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}

const plain = (key, value) => (typeof value === 'bigint' ? value.toString() : value);
const raw = await first('raw.evm.blocks', (v) => Number(v.chain_id) === 31337);
const transaction = await first('chain.transactions', (v) => Number(v.chain_id) === 31337);
console.log(JSON.stringify({
  raw: { chain_id: raw.chain_id, number: raw.number, endpoint: raw.endpoint, block: JSON.parse(Buffer.from(raw.block_json).toString()) },
  transaction: {
    chain_id: transaction.chain_id,
    block_number: transaction.block_number,
    transaction_index: transaction.transaction_index,
    hash: Buffer.from(transaction.hash).toString('hex'),
  },
}, plain));
process.exit(0);
