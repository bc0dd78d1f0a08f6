-- Tables of the normalized topics in MariaDB: a database for each schema. What PostgreSQL has as arrays is
-- JSON here. Numbers of 256 bits need 78 digits, decimals have 65: token ids and values are text.

CREATE DATABASE IF NOT EXISTS business CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS chain CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS market CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS ops CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE chain.blocks (
    `chain_id` bigint NOT NULL COMMENT 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon',
    `number` bigint NOT NULL COMMENT 'Height of the block',
    `hash` varbinary(32) NOT NULL COMMENT 'Hash of the block, 32 bytes',
    `parent_hash` varbinary(32) COMMENT 'Hash of the parent block, 32 bytes; null where a file does not tell',
    `timestamp` datetime(6) NOT NULL COMMENT 'Time of the block, UTC; chains give whole seconds',
    `miner` varbinary(32) COMMENT 'Address that receives the priority fees, 20 bytes (coinbase, fee recipient); null where the chain has none',
    `gas_limit` bigint COMMENT 'Most gas that the block may use, in gas; null where the chain has none',
    `gas_used` bigint COMMENT 'Gas that its transactions used, in gas; null where the chain has none',
    `base_fee_per_gas` decimal(65,0) COMMENT 'Base fee per gas in wei (EIP-1559); null before London',
    `blob_gas_used` bigint COMMENT 'Blob gas used by the block, in blob gas (EIP-4844); null before Cancun',
    `excess_blob_gas` bigint COMMENT 'Running excess of blob gas over the target, in blob gas (EIP-4844); null before Cancun',
    `difficulty` decimal(65,0) COMMENT 'Proof-of-work difficulty; 0 since the merge; null where the chain has none',
    `total_difficulty` decimal(65,0) COMMENT 'Sum of difficulties up to this block, where the node still tells it',
    `size` bigint COMMENT 'Size of the RLP of the block as the node states it, in bytes',
    `extra_data` longblob COMMENT 'Free bytes set by the block''s producer; null where the chain has none',
    `logs_bloom` longblob COMMENT 'Bloom filter of addresses and topics of the logs, 256 bytes; null where the chain has none',
    `mix_hash` varbinary(32) COMMENT 'Proof-of-work mix; since the merge the RANDAO value (EIP-4399), 32 bytes',
    `nonce` varbinary(32) COMMENT 'Proof-of-work nonce, 8 bytes',
    `sha3_uncles` varbinary(32) COMMENT 'Keccak-256 of the list of uncle headers, 32 bytes; null where the chain has none',
    `state_root` varbinary(32) COMMENT 'Root of the state trie after the block, 32 bytes; null where the chain has none',
    `transactions_root` varbinary(32) COMMENT 'Root of the transactions trie, 32 bytes; null where the chain has none',
    `receipts_root` varbinary(32) COMMENT 'Root of the receipts trie, 32 bytes; null where the chain has none',
    `withdrawals_root` varbinary(32) COMMENT 'Root of the withdrawals trie, 32 bytes (EIP-4895); null before Shanghai',
    `parent_beacon_block_root` varbinary(32) COMMENT 'Root of the parent beacon block, 32 bytes (EIP-4788); null before Cancun',
    `requests_hash` varbinary(32) COMMENT 'Commitment to the execution layer requests, 32 bytes (EIP-7685); null before Prague',
    `uncles` json COMMENT 'Hashes of the uncle blocks, 32 bytes each; null where a file does not tell',
    `transaction_count` int COMMENT 'Rows of this block in chain.transactions; null where a file does not tell',
    `log_count` int COMMENT 'Rows of this block in chain.logs; null where receipts were not fetched, or a file does not tell',
    `token_transfer_count` int COMMENT 'Rows of this block in chain.token_transfers; null where receipts were not fetched, or a file does not tell',
    `withdrawal_count` int COMMENT 'Rows of this block in chain.withdrawals; null where a file does not tell',
    `access_list_entry_count` int COMMENT 'Rows of this block in chain.access_list_entries; null where a file does not tell',
    `authorization_count` int COMMENT 'Rows of this block in chain.authorizations; null where a file does not tell',
    `source` longtext NOT NULL COMMENT 'Name of the source that fetched the block, or of the dataset of its file',
    `endpoint` longtext NOT NULL COMMENT 'Name of the endpoint that answered, or the file',
    `fetched_at` datetime(6) NOT NULL COMMENT 'When the block was fetched, UTC',
    `checks` json NOT NULL COMMENT 'Names of the checks that the block passed before it was published',
    `unchecked` json NOT NULL COMMENT 'Names of the checks that did not hold, or could not be made, where the rules of the chain are not known',
    `deviations` json NOT NULL COMMENT 'Fields that the node leaves out or writes otherwise than the execution API has it, such as gasLimit or logs.logIndex, in alphabetical order: what cannot be read is null in its column',
    PRIMARY KEY (`chain_id`, `number`),
    KEY (hash)
) COMMENT 'A block: its header, what was checked of it, and how many child rows belong to it';

CREATE TABLE chain.transactions (
    `chain_id` bigint NOT NULL COMMENT 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon',
    `block_number` bigint NOT NULL COMMENT 'Height of the block',
    `transaction_index` int NOT NULL COMMENT 'Position of the transaction in the block, from 0',
    `block_hash` varbinary(32) COMMENT 'Hash of the block, 32 bytes; null where a file does not tell',
    `block_timestamp` datetime(6) COMMENT 'Time of the block, UTC; chains give whole seconds; null where a file does not tell',
    `hash` varbinary(32) NOT NULL COMMENT 'Hash of the transaction, 32 bytes',
    `type` int COMMENT 'Transaction type: 0 legacy, 1 EIP-2930, 2 EIP-1559, 3 EIP-4844, 4 EIP-7702; other numbers are chain specific; null where a file does not tell',
    `from_address` varbinary(32) NOT NULL COMMENT 'Sender, 20 bytes',
    `to_address` varbinary(32) COMMENT 'Recipient, 20 bytes; null where the transaction creates a contract',
    `nonce` bigint COMMENT 'Number of transactions that the sender made before; null where the chain has none',
    `value` decimal(65,0) COMMENT 'Native value sent, in wei; null where the chain has none',
    `input` longblob COMMENT 'Call data, or init code of a contract creation; null where the chain has none',
    `gas` bigint COMMENT 'Gas limit that the sender set, in gas; null where the chain has none',
    `gas_price` decimal(65,0) COMMENT 'Gas price in wei; for types 2 to 4 what nodes state as the effective price',
    `max_fee_per_gas` decimal(65,0) COMMENT 'Most wei per gas that the sender would pay (EIP-1559)',
    `max_priority_fee_per_gas` decimal(65,0) COMMENT 'Most wei per gas of tip that the sender would pay (EIP-1559)',
    `max_fee_per_blob_gas` decimal(65,0) COMMENT 'Most wei per blob gas that the sender would pay (EIP-4844)',
    `blob_versioned_hashes` json COMMENT 'Versioned hashes of the blobs, 32 bytes each (EIP-4844)',
    `transaction_chain_id` decimal(65,0) COMMENT 'Chain id that the sender signed; null for legacy transactions without replay protection',
    `v` decimal(65,0) COMMENT 'Signature v; for types 1 to 4 the same as y_parity',
    `y_parity` int COMMENT 'Parity of the signature''s y coordinate, 0 or 1; null for legacy transactions',
    `r` varbinary(32) COMMENT 'Signature r, 32 bytes, big endian',
    `s` varbinary(32) COMMENT 'Signature s, 32 bytes, big endian',
    `status` int COMMENT '1 succeeded, 0 failed; null before Byzantium or without receipt',
    `state_root` varbinary(32) COMMENT 'State root after the transaction, 32 bytes; before Byzantium only',
    `gas_used` bigint COMMENT 'Gas used by this transaction, in gas',
    `cumulative_gas_used` bigint COMMENT 'Gas used in the block up to and with this transaction, in gas',
    `effective_gas_price` decimal(65,0) COMMENT 'Wei per gas that was paid, base fee and tip',
    `blob_gas_used` bigint COMMENT 'Blob gas used, in blob gas (EIP-4844)',
    `blob_gas_price` decimal(65,0) COMMENT 'Wei per blob gas that was paid (EIP-4844)',
    `contract_address` varbinary(32) COMMENT 'Address of the contract that it created, 20 bytes',
    `log_count` int COMMENT 'Number of logs that it emitted',
    PRIMARY KEY (`chain_id`, `block_number`, `transaction_index`),
    KEY (hash)
) COMMENT 'A transaction with what its receipt says of its outcome.';

CREATE TABLE chain.logs (
    `chain_id` bigint NOT NULL COMMENT 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon',
    `block_number` bigint NOT NULL COMMENT 'Height of the block',
    `log_index` int NOT NULL COMMENT 'Position of the log in the block, from 0',
    `transaction_index` int NOT NULL COMMENT 'Position of the transaction in the block, from 0',
    `transaction_hash` varbinary(32) NOT NULL COMMENT 'Hash of the transaction, 32 bytes',
    `block_hash` varbinary(32) COMMENT 'Hash of the block, 32 bytes; null where a file does not tell',
    `block_timestamp` datetime(6) COMMENT 'Time of the block, UTC; chains give whole seconds; null where a file does not tell',
    `address` varbinary(32) NOT NULL COMMENT 'Contract that emitted it, 20 bytes',
    `topic0` varbinary(32) COMMENT 'First topic, 32 bytes: the event''s signature hash unless anonymous',
    `topic1` varbinary(32) COMMENT 'Second topic, 32 bytes',
    `topic2` varbinary(32) COMMENT 'Third topic, 32 bytes',
    `topic3` varbinary(32) COMMENT 'Fourth topic, 32 bytes',
    `node_log_index` bigint COMMENT 'Index that the node states, where it is another one: some count the logs of each transaction, or leave gaps; null where it is log_index',
    `data` longblob NOT NULL COMMENT 'Data that is not indexed',
    PRIMARY KEY (`chain_id`, `block_number`, `log_index`)
) COMMENT 'An event log';

CREATE TABLE chain.token_transfers (
    `chain_id` bigint NOT NULL COMMENT 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon',
    `block_number` bigint NOT NULL COMMENT 'Height of the block',
    `transfer_index` int NOT NULL COMMENT 'Position of the transfer among the block''s token transfers, from 0; of files the index of the log',
    `log_index` int NOT NULL COMMENT 'Position of the log in the block, from 0',
    `batch_index` int NOT NULL COMMENT 'Position within a TransferBatch log, from 0; 0 for other logs',
    `transaction_index` int COMMENT 'Position of the transaction in the block, from 0; null where a file does not tell',
    `transaction_hash` varbinary(32) NOT NULL COMMENT 'Hash of the transaction, 32 bytes',
    `block_hash` varbinary(32) COMMENT 'Hash of the block, 32 bytes; null where a file does not tell',
    `block_timestamp` datetime(6) COMMENT 'Time of the block, UTC; chains give whole seconds; null where a file does not tell',
    `standard` longtext NOT NULL COMMENT 'erc20, erc721 or erc1155, by the form of the log; erc20_or_erc721 where a file does not tell, amount then holds the amount or the token id',
    `token_address` varbinary(32) NOT NULL COMMENT 'Token contract, 20 bytes',
    `from_address` varbinary(32) NOT NULL COMMENT 'Sender, 20 bytes; zero on mint',
    `to_address` varbinary(32) NOT NULL COMMENT 'Recipient, 20 bytes; zero on burn',
    `operator_address` varbinary(32) COMMENT 'Who made the transfer, 20 bytes; ERC-1155 only',
    `token_id` varchar(78) CHARACTER SET ascii COMMENT 'Id of the token; ERC-721 and ERC-1155 only',
    `amount` varchar(78) CHARACTER SET ascii NOT NULL COMMENT 'Amount in the token''s smallest unit; 1 for ERC-721',
    PRIMARY KEY (`chain_id`, `block_number`, `transfer_index`)
) COMMENT 'A token transfer, read from a log of the ERC-20, ERC-721 or ERC-1155 standard form.';

CREATE TABLE chain.withdrawals (
    `chain_id` bigint NOT NULL COMMENT 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon',
    `block_number` bigint NOT NULL COMMENT 'Height of the block',
    `withdrawal_index` int NOT NULL COMMENT 'Position of the withdrawal in the block, from 0',
    `block_hash` varbinary(32) NOT NULL COMMENT 'Hash of the block, 32 bytes',
    `block_timestamp` datetime(6) NOT NULL COMMENT 'Time of the block, UTC; chains give whole seconds',
    `global_index` bigint NOT NULL COMMENT 'The withdrawal''s index since genesis (EIP-4895 index)',
    `validator_index` bigint NOT NULL COMMENT 'Index of the validator',
    `address` varbinary(32) NOT NULL COMMENT 'Recipient, 20 bytes',
    `amount` bigint NOT NULL COMMENT 'Amount in Gwei (1 Gwei = 10^9 wei)',
    PRIMARY KEY (`chain_id`, `block_number`, `withdrawal_index`)
) COMMENT 'A withdrawal from the beacon chain (EIP-4895)';

CREATE TABLE chain.access_list_entries (
    `chain_id` bigint NOT NULL COMMENT 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon',
    `block_number` bigint NOT NULL COMMENT 'Height of the block',
    `entry_index` int NOT NULL COMMENT 'Position of the entry among all access list entries of the block, from 0',
    `transaction_index` int NOT NULL COMMENT 'Position of the transaction in the block, from 0',
    `index_in_transaction` int NOT NULL COMMENT 'Position in the transaction''s access list, from 0',
    `transaction_hash` varbinary(32) NOT NULL COMMENT 'Hash of the transaction, 32 bytes',
    `block_hash` varbinary(32) NOT NULL COMMENT 'Hash of the block, 32 bytes',
    `block_timestamp` datetime(6) NOT NULL COMMENT 'Time of the block, UTC; chains give whole seconds',
    `address` varbinary(32) NOT NULL COMMENT 'Account, 20 bytes',
    `storage_keys` json NOT NULL COMMENT 'Storage slots, 32 bytes each',
    PRIMARY KEY (`chain_id`, `block_number`, `entry_index`)
) COMMENT 'An address, with its storage keys, of a transaction''s access list (EIP-2930)';

CREATE TABLE chain.authorizations (
    `chain_id` bigint NOT NULL COMMENT 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon',
    `block_number` bigint NOT NULL COMMENT 'Height of the block',
    `authorization_index` int NOT NULL COMMENT 'Position of the authorization among all authorizations of the block, from 0',
    `transaction_index` int NOT NULL COMMENT 'Position of the transaction in the block, from 0',
    `index_in_transaction` int NOT NULL COMMENT 'Position in the transaction''s authorization list, from 0',
    `transaction_hash` varbinary(32) NOT NULL COMMENT 'Hash of the transaction, 32 bytes',
    `block_hash` varbinary(32) NOT NULL COMMENT 'Hash of the block, 32 bytes',
    `block_timestamp` datetime(6) NOT NULL COMMENT 'Time of the block, UTC; chains give whole seconds',
    `authorization_chain_id` decimal(65,0) COMMENT 'Chain for which it is valid; 0 = any; null where the chain has none',
    `address` varbinary(32) NOT NULL COMMENT 'Contract whose code the account delegates to, 20 bytes; zero clears the delegation',
    `nonce` decimal(20,0) COMMENT 'Nonce of the account, an unsigned 64-bit number; null where the chain has none',
    `y_parity` int COMMENT 'Parity of the signature''s y coordinate, 0 to 255 as signed; null where the chain has none',
    `r` varbinary(32) COMMENT 'Signature r, 32 bytes, big endian; null where the chain has none',
    `s` varbinary(32) COMMENT 'Signature s, 32 bytes, big endian; null where the chain has none',
    PRIMARY KEY (`chain_id`, `block_number`, `authorization_index`)
) COMMENT 'An authorization tuple of a type 4 transaction (EIP-7702).';

CREATE TABLE market.candles (
    `venue` varchar(190) NOT NULL COMMENT 'Exchange, such as binance',
    `symbol` varchar(190) NOT NULL COMMENT 'Name of the market as the venue writes it, such as ETHUSDT',
    `interval` varchar(190) NOT NULL COMMENT 'Length of the candle as the venue writes it, such as 1m',
    `open_time` datetime(6) NOT NULL COMMENT 'When the candle opened, UTC',
    `close_time` datetime(6) NOT NULL COMMENT 'Last millisecond of the candle, UTC',
    `base` longtext COMMENT 'Asset that is priced, such as ETH; told from the symbol by its ending, null if the ending is no known quote',
    `quote` longtext COMMENT 'Asset that prices are in, such as USDT; null if it is not known',
    `open` decimal(38,18) COMMENT 'First price, in quote per base; null where a file does not tell',
    `high` decimal(38,18) COMMENT 'Highest price, in quote per base; null where a file does not tell',
    `low` decimal(38,18) COMMENT 'Lowest price, in quote per base; null where a file does not tell',
    `close` decimal(38,18) NOT NULL COMMENT 'Last price, in quote per base',
    `volume` decimal(38,18) COMMENT 'Amount traded, in base; null where a file does not tell',
    `quote_volume` decimal(38,18) COMMENT 'Amount traded, in quote; null where the venue does not tell',
    `trades` bigint COMMENT 'Number of trades; null where the venue does not tell',
    `taker_base_volume` decimal(38,18) COMMENT 'Amount that takers bought, in base; null where the venue does not tell',
    `taker_quote_volume` decimal(38,18) COMMENT 'Amount that takers bought, in quote; null where the venue does not tell',
    `source` longtext NOT NULL COMMENT 'Name of the source that fetched it, or of the dataset of its file',
    `endpoint` longtext NOT NULL COMMENT 'Name of the endpoint that answered, or the file',
    `fetched_at` datetime(6) NOT NULL COMMENT 'When it was fetched, UTC',
    `checks` json NOT NULL COMMENT 'Names of the checks that it passed before it was published',
    PRIMARY KEY (`venue`, `symbol`, `interval`, `open_time`)
) COMMENT 'A closed candle of a market, its numbers exactly as the venue wrote them';

CREATE TABLE market.instruments (
    `venue` varchar(190) NOT NULL COMMENT 'Exchange, such as binance',
    `symbol` varchar(190) NOT NULL COMMENT 'Name of the market as the venue writes it, such as ETHUSDT',
    `as_of` datetime(6) NOT NULL COMMENT 'Beginning of the period that the snapshot stands for, UTC',
    `status` longtext NOT NULL COMMENT 'State of the market as the venue writes it, such as TRADING or BREAK',
    `base` longtext NOT NULL COMMENT 'Asset that is priced, such as ETH',
    `quote` longtext NOT NULL COMMENT 'Asset that prices are in, such as USDT',
    `base_precision` int COMMENT 'Digits after the point of amounts in base; null where the venue does not tell',
    `quote_precision` int COMMENT 'Digits after the point of amounts in quote; null where the venue does not tell',
    `tick_size` decimal(38,18) COMMENT 'Smallest step of a price, in quote; null if there is none',
    `min_price` decimal(38,18) COMMENT 'Lowest price of an order, in quote; null if there is none',
    `max_price` decimal(38,18) COMMENT 'Highest price of an order, in quote; null if there is none',
    `step_size` decimal(38,18) COMMENT 'Smallest step of an amount, in base; null if there is none',
    `min_quantity` decimal(38,18) COMMENT 'Smallest amount of an order, in base; null if there is none',
    `max_quantity` decimal(38,18) COMMENT 'Largest amount of an order, in base; null if there is none',
    `min_notional` decimal(38,18) COMMENT 'Smallest value of an order, in quote; null if there is none',
    `source` longtext NOT NULL COMMENT 'Name of the source that fetched it',
    `endpoint` longtext NOT NULL COMMENT 'Name of the endpoint that answered',
    `fetched_at` datetime(6) NOT NULL COMMENT 'When it was fetched, UTC',
    `checks` json NOT NULL COMMENT 'Names of the checks that it passed before it was published',
    PRIMARY KEY (`venue`, `symbol`, `as_of`)
) COMMENT 'A market of a venue as it was at a point in time';

CREATE TABLE business.block_economics (
    `chain_id` bigint NOT NULL COMMENT 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon',
    `number` bigint NOT NULL COMMENT 'Height of the block',
    `hash` varbinary(32) NOT NULL COMMENT 'Hash of the block, 32 bytes',
    `timestamp` datetime(6) NOT NULL COMMENT 'Time of the block, UTC; chains give whole seconds',
    `asset` longtext COMMENT 'Native asset of the chain at that time, such as ETH; null if prices.yaml does not tell',
    `gas_used` bigint COMMENT 'Gas that its transactions used, in gas; null where the chain has none',
    `base_fee_per_gas` decimal(65,0) COMMENT 'Base fee per gas in wei (EIP-1559); null before London',
    `transaction_count` int COMMENT 'Transactions of the block; null where a file does not tell',
    `succeeded_count` int COMMENT 'Transactions that succeeded; null before Byzantium or without receipts',
    `failed_count` int COMMENT 'Transactions that failed; null before Byzantium or without receipts',
    `contract_creation_count` int COMMENT 'Transactions that create a contract; null where a file does not tell',
    `legacy_count` int COMMENT 'Transactions of type 0; null where a file does not tell',
    `access_list_count` int COMMENT 'Transactions of type 1 (EIP-2930); null where a file does not tell',
    `dynamic_fee_count` int COMMENT 'Transactions of type 2 (EIP-1559); null where a file does not tell',
    `blob_count` int COMMENT 'Transactions of type 3 (EIP-4844); null where a file does not tell',
    `set_code_count` int COMMENT 'Transactions of type 4 (EIP-7702); null where a file does not tell',
    `other_type_count` int COMMENT 'Transactions of chain specific types; null where a file does not tell',
    `burned` decimal(65,0) COMMENT 'Base fees burned: base_fee_per_gas times gas_used, in wei; 0 before London, null beyond 78 digits and where a file does not tell the base fee',
    `priority_fees` decimal(65,0) COMMENT 'What the block''s producer got: gas used times what was paid above the base fee, in wei; null without receipts',
    `blob_fees` decimal(65,0) COMMENT 'Blob fees burned: blob gas used times the blob gas price, in wei; null without receipts',
    `fees_paid` decimal(65,0) COMMENT 'Burned, priority and blob fees together, in wei; null without receipts',
    `value_moved` decimal(65,0) COMMENT 'Native value sent by transactions that did not fail, in wei; null without receipts',
    `gas_price_p10` decimal(65,0) COMMENT 'Price per gas that at least 10 % of the transactions paid at most, nearest rank, in wei; null without transactions or receipts',
    `gas_price_p25` decimal(65,0) COMMENT 'Price per gas that at least 25 % of the transactions paid at most, nearest rank, in wei; null without transactions or receipts',
    `gas_price_p50` decimal(65,0) COMMENT 'Price per gas that at least 50 % of the transactions paid at most, nearest rank, in wei; null without transactions or receipts',
    `gas_price_p75` decimal(65,0) COMMENT 'Price per gas that at least 75 % of the transactions paid at most, nearest rank, in wei; null without transactions or receipts',
    `gas_price_p90` decimal(65,0) COMMENT 'Price per gas that at least 90 % of the transactions paid at most, nearest rank, in wei; null without transactions or receipts',
    `price` decimal(38,18) COMMENT 'Price of the asset: close of the last candle that closed at or before the block''s time, of the preferred market; null if there is none that is fresh',
    `price_missing` longtext COMMENT 'Why there is no price: no_asset if the chain''s asset is not known, no_price if no candle closed within the staleness; null if there is one',
    `price_venue` longtext COMMENT 'Exchange of the price',
    `price_symbol` longtext COMMENT 'Market of the price',
    `price_interval` longtext COMMENT 'Length of the candle of the price',
    `price_closed_at` datetime(6) COMMENT 'When the candle of the price closed, UTC',
    `price_quote` longtext COMMENT 'What the price is in, such as USDT',
    `usd_assumption` longtext COMMENT 'What is assumed so that the price is in USD, such as 1 USDT = 1 USD; null if it is quoted in USD or missing',
    `burned_usd` decimal(65,18) COMMENT 'Base fees burned, in USD: wei times price, exact to 18 digits after the point, half to even; null without price',
    `priority_fees_usd` decimal(65,18) COMMENT 'Priority fees, in USD: wei times price, exact to 18 digits after the point, half to even; null without price',
    `blob_fees_usd` decimal(65,18) COMMENT 'Blob fees burned, in USD: wei times price, exact to 18 digits after the point, half to even; null without price',
    `fees_paid_usd` decimal(65,18) COMMENT 'All fees, in USD: wei times price, exact to 18 digits after the point, half to even; null without price',
    `value_moved_usd` decimal(65,18) COMMENT 'Value moved, in USD: wei times price, exact to 18 digits after the point, half to even; null without price',
    PRIMARY KEY (`chain_id`, `number`)
) COMMENT 'What a block cost and moved, in wei and in USD at the price as of the block.';

CREATE TABLE ops.cursors (
    `source` varchar(700) NOT NULL COMMENT 'Name of the source, or of the stream if the source has several: source.symbol.interval',
    `first_number` bigint NOT NULL COMMENT 'First height that was planned',
    `next_number` bigint NOT NULL COMMENT 'First height that is not planned yet',
    `head_number` bigint NOT NULL COMMENT 'Newest height that the finality rule allowed when this was written',
    `members` json NOT NULL COMMENT 'Streams that were read together when this was written; none if it is by itself',
    `planned_at` datetime(6) NOT NULL COMMENT 'When it was written, UTC',
    PRIMARY KEY (`source`)
) COMMENT 'How far a source is planned';

CREATE TABLE ops.controls (
    `kind` varchar(190) NOT NULL COMMENT 'source or job',
    `id` varchar(190) NOT NULL COMMENT 'Name of the source or id of the job',
    `state` longtext NOT NULL COMMENT 'paused or running for a source, cancelled for a job',
    `decided_by` longtext NOT NULL COMMENT 'Who decided',
    `decided_at` datetime(6) NOT NULL COMMENT 'When it was decided, UTC',
    PRIMARY KEY (`kind`, `id`)
) COMMENT 'What somebody decided about a source or a job.';

CREATE TABLE ops.extract_runs (
    `run_id` varchar(700) NOT NULL COMMENT 'Id of the run, unique; the job_id of the requests that it made',
    `source` longtext NOT NULL COMMENT 'Name of the source, or of the stream if the source has several: source.symbol.interval',
    `trigger` longtext NOT NULL COMMENT 'schedule, or manual if somebody asked for it',
    `outcome` longtext NOT NULL COMMENT 'planned, nothing_new (only told of manual runs), failed, or halted if a reorganization is deeper than the window that is looked at, or blocks are refused one after another',
    `head_number` bigint COMMENT 'Newest number that could be planned; null if the source could not tell',
    `from_number` bigint COMMENT 'First number that was planned; null if none was',
    `to_number` bigint COMMENT 'Last number that was planned; null if none was',
    `ranges` int NOT NULL COMMENT 'Requests made for numbers that were not planned before',
    `replaced` int NOT NULL COMMENT 'Requests made again, because the chain has other blocks there now',
    `retried` int NOT NULL COMMENT 'Ranges of it that were given up before and are asked for again',
    `problem` longtext COMMENT 'What the tick failed of',
    `instance` longtext NOT NULL COMMENT 'Name of the instance that planned',
    `started_at` datetime(6) NOT NULL COMMENT 'When the tick began, UTC',
    `finished_at` datetime(6) NOT NULL COMMENT 'When its requests were written, UTC',
    PRIMARY KEY (`run_id`)
) COMMENT 'A tick of a planner that planned something, failed, or was asked for by hand.';

CREATE TABLE ops.extract_results (
    `request_id` varchar(700) NOT NULL COMMENT 'Id of the request, unique',
    `job_id` longtext NOT NULL COMMENT 'As in the request',
    `source` longtext NOT NULL COMMENT 'Name of the source, or of the stream if the source has several: source.symbol.interval',
    `from_number` bigint NOT NULL COMMENT 'First height, inclusive',
    `to_number` bigint NOT NULL COMMENT 'Last height, inclusive',
    `blocks` bigint NOT NULL COMMENT 'Raw records published: blocks, candles or snapshots',
    `dead_letters` bigint NOT NULL COMMENT 'Heights that went to the dead letters instead',
    `bytes` bigint NOT NULL COMMENT 'Bytes of the source''s JSON published',
    `calls` bigint NOT NULL COMMENT 'Calls made, each item of a JSON-RPC batch counted',
    `retries` bigint NOT NULL COMMENT 'HTTP requests that had to be made again',
    `endpoint` longtext NOT NULL COMMENT 'Name of the endpoint that answered',
    `worker` longtext NOT NULL COMMENT 'Name of the instance that did the work',
    `started_at` datetime(6) NOT NULL COMMENT 'When the worker began, UTC',
    `finished_at` datetime(6) NOT NULL COMMENT 'When it had all replies, UTC',
    `outcome` longtext NOT NULL COMMENT 'published, or cancelled if its job was cancelled before a worker came to it',
    `absent` bigint NOT NULL COMMENT 'Numbers of the range at which the source has nothing, as was proven: an exchange that stood still, a chain that skipped a height',
    `letters` json NOT NULL COMMENT 'Ids of the dead letters that heights of the range went to; they are withdrawn when a later request has the heights',
    `checks` json NOT NULL COMMENT 'Names of the checks that every published record passed, in alphabetical order',
    `first_parent_hash` varbinary(32) COMMENT 'Parent hash of the first block of the range, 32 bytes; null where there is none',
    `last_hash` varbinary(32) COMMENT 'Hash of the last block of the range, 32 bytes; null where there is none',
    PRIMARY KEY (`request_id`)
) COMMENT 'What came of a request.';

CREATE TABLE ops.dead_letters (
    `id` varchar(700) NOT NULL COMMENT 'Made of the place where it failed, so that a repeat replaces it',
    `stage` longtext NOT NULL COMMENT 'extract, transform or load',
    `code` longtext NOT NULL COMMENT 'Countable reason, such as block_unavailable',
    `reason` longtext NOT NULL COMMENT 'What was given, what was expected, what to do next',
    `source` longtext COMMENT 'Name of the source',
    `endpoint` longtext COMMENT 'Name of the endpoint',
    `chain_id` bigint COMMENT 'EIP-155 chain id',
    `block_number` bigint COMMENT 'Height of the block',
    `topic` longtext COMMENT 'Topic of the record that failed',
    `partition` int COMMENT 'Partition of the record that failed',
    `offset` bigint COMMENT 'Offset of the record that failed',
    `file` longtext COMMENT 'File that the row is from',
    `line` bigint COMMENT 'Line of the file in which the row begins, from 1',
    `column_name` longtext COMMENT 'Column of the row that is wrong, as the file names it',
    `payload` longblob COMMENT 'The original bytes; null where none were received',
    `occurred_at` datetime(6) NOT NULL COMMENT 'When it failed, UTC',
    PRIMARY KEY (`id`)
) COMMENT 'Something that could not be processed, with its original bytes';

CREATE TABLE ops.orders (
    `order_id` varchar(700) NOT NULL COMMENT 'Id of the order, unique',
    `kind` longtext NOT NULL COMMENT 'plan, fetch, refetch, pause, resume or cancel to the extractor; list or load to the backfill',
    `target` longtext NOT NULL COMMENT 'Name of the source for plan, pause and resume; of the feed for fetch, refetch and cancel; of the location for list; s3 URL or path of the file for load',
    `range_from` longtext COMMENT 'First height, date or time of a fetch, inclusive',
    `range_to` longtext COMMENT 'Last height, date or time of a fetch, inclusive',
    `job_id` longtext COMMENT 'Job that is to be cancelled',
    `dataset` longtext COMMENT 'What the rows of a file mean; without it the location, the folder or the header tell',
    `parameters` json NOT NULL COMMENT 'What neither rows nor name of a file tell, such as chain_id=1',
    `again` boolean NOT NULL COMMENT 'Whether a file is to be published although that was done before',
    `requested_by` longtext NOT NULL COMMENT 'Who asks',
    `ordered_at` datetime(6) NOT NULL COMMENT 'When it was asked, UTC',
    PRIMARY KEY (`order_id`)
) COMMENT 'Something that somebody wants a service to do';

CREATE TABLE ops.order_results (
    `order_id` varchar(700) NOT NULL COMMENT 'Id of the order, unique',
    `kind` longtext NOT NULL COMMENT 'As in the order',
    `target` longtext NOT NULL COMMENT 'As in the order',
    `outcome` longtext NOT NULL COMMENT 'accepted or refused',
    `message` longtext NOT NULL COMMENT 'What is done now; or what was given, what is allowed, what to do next',
    `job_id` longtext COMMENT 'Job whose requests were made; null if the order makes none',
    `ranges` int COMMENT 'Requests of the job; null if the order makes none',
    `from_number` bigint COMMENT 'First number of the job, as in ops.extract_requests; null if the order makes none',
    `to_number` bigint COMMENT 'Last number of the job, inclusive; null if the order makes none',
    `request_id` longtext COMMENT 'Request of a file, as in ops.files; null if the order makes none',
    `answered_by` longtext NOT NULL COMMENT 'Name of the instance that took the order',
    `answered_at` datetime(6) NOT NULL COMMENT 'When it was answered, UTC',
    PRIMARY KEY (`order_id`)
) COMMENT 'What a service makes of an order';

CREATE TABLE ops.status (
    `service` varchar(190) NOT NULL COMMENT 'extractor, backfill or transformer',
    `instance` varchar(190) NOT NULL COMMENT 'Name of the instance',
    `started_at` datetime(6) NOT NULL COMMENT 'When the instance started, UTC',
    `seen_at` datetime(6) NOT NULL COMMENT 'When this was written, UTC. An instance writes every few seconds while it runs',
    `problems` json NOT NULL COMMENT 'What keeps it from working now',
    `detail` longtext NOT NULL COMMENT 'What the instance knows of what it works on, as JSON: the extractor of its sources, feeds and endpoints, the backfill of its locations, the transformer of its threads and tasks',
    PRIMARY KEY (`service`, `instance`)
) COMMENT 'How an instance of a service does';

CREATE TABLE ops.saved_queries (
    `query_id` varchar(700) NOT NULL COMMENT 'Id of the query, unique',
    `name` longtext NOT NULL COMMENT 'What people call it',
    `sql` longtext NOT NULL COMMENT 'Its statement, which may have :name parameters',
    `parameters` json NOT NULL COMMENT 'Values that it was saved with, name=value',
    `chart` longtext COMMENT 'How its result is drawn, as JSON of the page; null for a table',
    `saved_by` longtext NOT NULL COMMENT 'Who saved it',
    `saved_at` datetime(6) NOT NULL COMMENT 'When it was saved, UTC',
    PRIMARY KEY (`query_id`)
) COMMENT 'A query that somebody keeps for everybody who uses the console';

CREATE TABLE ops.files (
    `file` varchar(500) NOT NULL COMMENT 'Where the file is: its path or s3 URL; of a member of an archive the archive''s, !/ and the member''s name',
    `file_version` varchar(120) NOT NULL COMMENT 'What tells versions of a file under one name apart: ETag and size, or size, times and inode',
    `state` longtext NOT NULL COMMENT 'seen, running, waiting (its store does not answer), done or failed',
    `code` longtext COMMENT 'Countable reason of a failure or of the waiting, such as file_expands',
    `reason` longtext COMMENT 'What was found, what is allowed, what to do next',
    `request_id` longtext NOT NULL COMMENT 'Id of the request that was last worked on',
    `requested_by` longtext NOT NULL COMMENT 'schedule, or who asked',
    `location` longtext NOT NULL COMMENT 'Name of the location that holds the file',
    `dataset` longtext COMMENT 'Name of the layout that its rows have',
    `parameters` json NOT NULL COMMENT 'What the rows and the name of the file do not tell, such as chain_id=1, in alphabetical order',
    `size` bigint NOT NULL COMMENT 'Size of the file, packed if it is, in bytes',
    `modified_at` datetime(6) NOT NULL COMMENT 'When the file was last modified, as its store tells, UTC',
    `members` int COMMENT 'Members of an archive, whose rows are counted in states of their own; null if the file is none',
    `total_rows` bigint COMMENT 'Rows that the check of the whole file counted before the first one was published',
    `total_bytes` bigint COMMENT 'Bytes of the unpacked file',
    `rows` bigint NOT NULL COMMENT 'Rows published so far, a first row that stands in the head not counted',
    `bytes` bigint NOT NULL COMMENT 'Bytes of rows published so far',
    `chunks` bigint NOT NULL COMMENT 'Records of raw.csv.rows published so far',
    `next_line` bigint NOT NULL COMMENT 'Line behind the last chunk that is published, where reading goes on after a crash; 0 before the first one',
    `worker` longtext COMMENT 'Name of the instance that worked on it last',
    `seen_at` datetime(6) NOT NULL COMMENT 'When it was asked for, UTC',
    `fetched_at` datetime(6) COMMENT 'When its reading began, as in its rows, UTC',
    `finished_at` datetime(6) COMMENT 'When it was done or failed, UTC',
    PRIMARY KEY (`file`, `file_version`)
) COMMENT 'How far a version of a file is';

CREATE TABLE ops.file_chunks (
    `file` varchar(500) NOT NULL COMMENT 'As in raw.csv.rows',
    `file_version` varchar(120) NOT NULL COMMENT 'As in raw.csv.rows',
    `dataset` varchar(100) NOT NULL COMMENT 'Name of the layout that was used',
    `first_line` bigint NOT NULL COMMENT 'As in raw.csv.rows',
    `rows` bigint NOT NULL COMMENT 'Rows read, a first row that stands in the head of the file among them',
    `made` bigint NOT NULL COMMENT 'Rows of tables made of them: rows less dead letters',
    `dead_letters` bigint NOT NULL COMMENT 'Rows that went to the dead letters',
    `rounded` bigint NOT NULL COMMENT 'Rows made with a value that has more digits in the file than its column holds',
    `fetched_at` datetime(6) NOT NULL COMMENT 'As in raw.csv.rows; the rows in the tables have the same',
    `chain_id` bigint COMMENT 'Chain that the made rows are of; null if they are of none or of several',
    `first_block` bigint COMMENT 'Smallest block number of the made rows; null if they are of no block',
    `last_block` bigint COMMENT 'Largest block number of the made rows; null if they are of no block',
    PRIMARY KEY (`file`, `file_version`, `dataset`, `first_line`)
) COMMENT 'What the transformer made of a chunk of rows of a file';

CREATE TABLE ops.file_loads (
    `file` varchar(500) NOT NULL COMMENT 'As in raw.csv.rows',
    `file_version` varchar(120) NOT NULL COMMENT 'As in raw.csv.rows',
    `dataset` varchar(100) NOT NULL COMMENT 'Name of the layout that was used',
    `fetched_at` datetime(6) NOT NULL COMMENT 'As in raw.csv.rows',
    `part` varchar(40) NOT NULL COMMENT 'Table of the rows, such as chain.logs; receipts for what is added to transactions',
    `partition` int NOT NULL COMMENT 'Partition of the rows'' keys: a file has rows in all of them',
    `rows` bigint NOT NULL COMMENT 'Accepted rows that have come to where the copies of their key are',
    `loaded` bigint NOT NULL COMMENT 'Those of them that stand in the table. The others change nothing: the table has the same of an earlier row or file, or has another copy; of receipts also, no file has their transaction',
    PRIMARY KEY (`file`, `file_version`, `dataset`, `fetched_at`, `part`, `partition`)
) COMMENT 'How many rows of a file stand in the tables now, of those whose keys are of one partition';

CREATE TABLE ops.sink_offsets (
    connector varchar(200) NOT NULL,
    topic varchar(249) NOT NULL,
    topic_partition int NOT NULL,
    topic_id varchar(22),
    next_offset bigint NOT NULL,
    incomplete_table varchar(249),
    incomplete_from bigint,
    missing_columns text,
    refused_rows text,
    updated_at datetime(6) NOT NULL,
    PRIMARY KEY (connector, topic, topic_partition)
);
