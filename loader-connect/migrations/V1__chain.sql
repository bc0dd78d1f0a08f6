-- Tables of chains. A table has the name, the columns and the key of its topic. Keys are positions,
-- so that loading appends to the right edge of the index.

CREATE SCHEMA chain;

CREATE TABLE chain.blocks (
    chain_id bigint NOT NULL,
    number bigint NOT NULL,
    hash bytea NOT NULL,
    parent_hash bytea,
    timestamp timestamptz NOT NULL,
    miner bytea,
    gas_limit bigint,
    gas_used bigint,
    base_fee_per_gas numeric(78,0),
    blob_gas_used bigint,
    excess_blob_gas bigint,
    difficulty numeric(78,0),
    total_difficulty numeric(78,0),
    size bigint,
    extra_data bytea,
    logs_bloom bytea,
    mix_hash bytea,
    nonce bytea,
    sha3_uncles bytea,
    state_root bytea,
    transactions_root bytea,
    receipts_root bytea,
    withdrawals_root bytea,
    parent_beacon_block_root bytea,
    requests_hash bytea,
    uncles bytea[],
    transaction_count integer,
    log_count integer,
    token_transfer_count integer,
    withdrawal_count integer,
    access_list_entry_count integer,
    authorization_count integer,
    source text NOT NULL,
    endpoint text NOT NULL,
    fetched_at timestamptz NOT NULL,
    checks text[] NOT NULL,
    unchecked text[] NOT NULL,
    deviations text[] NOT NULL,
    PRIMARY KEY (chain_id, number)
);

COMMENT ON TABLE chain.blocks IS 'A block: its header, what was checked of it, and how many child rows belong to it';
COMMENT ON COLUMN chain.blocks.chain_id IS 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon';
COMMENT ON COLUMN chain.blocks.number IS 'Height of the block';
COMMENT ON COLUMN chain.blocks.hash IS 'Hash of the block, 32 bytes';
COMMENT ON COLUMN chain.blocks.parent_hash IS 'Hash of the parent block, 32 bytes; null where a file does not tell';
COMMENT ON COLUMN chain.blocks.timestamp IS 'Time of the block, UTC; chains give whole seconds';
COMMENT ON COLUMN chain.blocks.miner IS 'Address that receives the priority fees, 20 bytes (coinbase, fee recipient); null where the chain has none';
COMMENT ON COLUMN chain.blocks.gas_limit IS 'Most gas that the block may use, in gas; null where the chain has none';
COMMENT ON COLUMN chain.blocks.gas_used IS 'Gas that its transactions used, in gas; null where the chain has none';
COMMENT ON COLUMN chain.blocks.base_fee_per_gas IS 'Base fee per gas in wei (EIP-1559); null before London';
COMMENT ON COLUMN chain.blocks.blob_gas_used IS 'Blob gas used by the block, in blob gas (EIP-4844); null before Cancun';
COMMENT ON COLUMN chain.blocks.excess_blob_gas IS 'Running excess of blob gas over the target, in blob gas (EIP-4844); null before Cancun';
COMMENT ON COLUMN chain.blocks.difficulty IS 'Proof-of-work difficulty; 0 since the merge; null where the chain has none';
COMMENT ON COLUMN chain.blocks.total_difficulty IS 'Sum of difficulties up to this block, where the node still tells it';
COMMENT ON COLUMN chain.blocks.size IS 'Size of the RLP of the block as the node states it, in bytes';
COMMENT ON COLUMN chain.blocks.extra_data IS 'Free bytes set by the block''s producer; null where the chain has none';
COMMENT ON COLUMN chain.blocks.logs_bloom IS 'Bloom filter of addresses and topics of the logs, 256 bytes; null where the chain has none';
COMMENT ON COLUMN chain.blocks.mix_hash IS 'Proof-of-work mix; since the merge the RANDAO value (EIP-4399), 32 bytes';
COMMENT ON COLUMN chain.blocks.nonce IS 'Proof-of-work nonce, 8 bytes';
COMMENT ON COLUMN chain.blocks.sha3_uncles IS 'Keccak-256 of the list of uncle headers, 32 bytes; null where the chain has none';
COMMENT ON COLUMN chain.blocks.state_root IS 'Root of the state trie after the block, 32 bytes; null where the chain has none';
COMMENT ON COLUMN chain.blocks.transactions_root IS 'Root of the transactions trie, 32 bytes; null where the chain has none';
COMMENT ON COLUMN chain.blocks.receipts_root IS 'Root of the receipts trie, 32 bytes; null where the chain has none';
COMMENT ON COLUMN chain.blocks.withdrawals_root IS 'Root of the withdrawals trie, 32 bytes (EIP-4895); null before Shanghai';
COMMENT ON COLUMN chain.blocks.parent_beacon_block_root IS 'Root of the parent beacon block, 32 bytes (EIP-4788); null before Cancun';
COMMENT ON COLUMN chain.blocks.requests_hash IS 'Commitment to the execution layer requests, 32 bytes (EIP-7685); null before Prague';
COMMENT ON COLUMN chain.blocks.uncles IS 'Hashes of the uncle blocks, 32 bytes each; null where a file does not tell';
COMMENT ON COLUMN chain.blocks.transaction_count IS 'Rows of this block in chain.transactions; null where a file does not tell';
COMMENT ON COLUMN chain.blocks.log_count IS 'Rows of this block in chain.logs; null where receipts were not fetched, or a file does not tell';
COMMENT ON COLUMN chain.blocks.token_transfer_count IS 'Rows of this block in chain.token_transfers; null where receipts were not fetched, or a file does not tell';
COMMENT ON COLUMN chain.blocks.withdrawal_count IS 'Rows of this block in chain.withdrawals; null where a file does not tell';
COMMENT ON COLUMN chain.blocks.access_list_entry_count IS 'Rows of this block in chain.access_list_entries; null where a file does not tell';
COMMENT ON COLUMN chain.blocks.authorization_count IS 'Rows of this block in chain.authorizations; null where a file does not tell';
COMMENT ON COLUMN chain.blocks.source IS 'Name of the source that fetched the block, or of the dataset of its file';
COMMENT ON COLUMN chain.blocks.endpoint IS 'Name of the endpoint that answered, or the file';
COMMENT ON COLUMN chain.blocks.fetched_at IS 'When the block was fetched, UTC';
COMMENT ON COLUMN chain.blocks.checks IS 'Names of the checks that the block passed before it was published';
COMMENT ON COLUMN chain.blocks.unchecked IS 'Names of the checks that did not hold, or could not be made, where the rules of the chain are not known';
COMMENT ON COLUMN chain.blocks.deviations IS 'Fields that the node leaves out or writes otherwise than the execution API has it, such as gasLimit or logs.logIndex, in alphabetical order: what cannot be read is null in its column';

CREATE TABLE chain.transactions (
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    transaction_index integer NOT NULL,
    block_hash bytea,
    block_timestamp timestamptz,
    hash bytea NOT NULL,
    type integer,
    from_address bytea NOT NULL,
    to_address bytea,
    nonce bigint,
    value numeric(78,0),
    input bytea,
    gas bigint,
    gas_price numeric(78,0),
    max_fee_per_gas numeric(78,0),
    max_priority_fee_per_gas numeric(78,0),
    max_fee_per_blob_gas numeric(78,0),
    blob_versioned_hashes bytea[],
    transaction_chain_id numeric(78,0),
    v numeric(78,0),
    y_parity integer,
    r bytea,
    s bytea,
    status integer,
    state_root bytea,
    gas_used bigint,
    cumulative_gas_used bigint,
    effective_gas_price numeric(78,0),
    blob_gas_used bigint,
    blob_gas_price numeric(78,0),
    contract_address bytea,
    log_count integer,
    PRIMARY KEY (chain_id, block_number, transaction_index)
);

COMMENT ON TABLE chain.transactions IS 'A transaction with what its receipt says of its outcome. Receipt columns are null where receipts were not fetched. A receipt''s bloom is not kept: it follows from the logs.';
COMMENT ON COLUMN chain.transactions.chain_id IS 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon';
COMMENT ON COLUMN chain.transactions.block_number IS 'Height of the block';
COMMENT ON COLUMN chain.transactions.transaction_index IS 'Position of the transaction in the block, from 0';
COMMENT ON COLUMN chain.transactions.block_hash IS 'Hash of the block, 32 bytes; null where a file does not tell';
COMMENT ON COLUMN chain.transactions.block_timestamp IS 'Time of the block, UTC; chains give whole seconds; null where a file does not tell';
COMMENT ON COLUMN chain.transactions.hash IS 'Hash of the transaction, 32 bytes';
COMMENT ON COLUMN chain.transactions.type IS 'Transaction type: 0 legacy, 1 EIP-2930, 2 EIP-1559, 3 EIP-4844, 4 EIP-7702; other numbers are chain specific; null where a file does not tell';
COMMENT ON COLUMN chain.transactions.from_address IS 'Sender, 20 bytes';
COMMENT ON COLUMN chain.transactions.to_address IS 'Recipient, 20 bytes; null where the transaction creates a contract';
COMMENT ON COLUMN chain.transactions.nonce IS 'Number of transactions that the sender made before; null where the chain has none';
COMMENT ON COLUMN chain.transactions.value IS 'Native value sent, in wei; null where the chain has none';
COMMENT ON COLUMN chain.transactions.input IS 'Call data, or init code of a contract creation; null where the chain has none';
COMMENT ON COLUMN chain.transactions.gas IS 'Gas limit that the sender set, in gas; null where the chain has none';
COMMENT ON COLUMN chain.transactions.gas_price IS 'Gas price in wei; for types 2 to 4 what nodes state as the effective price';
COMMENT ON COLUMN chain.transactions.max_fee_per_gas IS 'Most wei per gas that the sender would pay (EIP-1559)';
COMMENT ON COLUMN chain.transactions.max_priority_fee_per_gas IS 'Most wei per gas of tip that the sender would pay (EIP-1559)';
COMMENT ON COLUMN chain.transactions.max_fee_per_blob_gas IS 'Most wei per blob gas that the sender would pay (EIP-4844)';
COMMENT ON COLUMN chain.transactions.blob_versioned_hashes IS 'Versioned hashes of the blobs, 32 bytes each (EIP-4844)';
COMMENT ON COLUMN chain.transactions.transaction_chain_id IS 'Chain id that the sender signed; null for legacy transactions without replay protection';
COMMENT ON COLUMN chain.transactions.v IS 'Signature v; for types 1 to 4 the same as y_parity';
COMMENT ON COLUMN chain.transactions.y_parity IS 'Parity of the signature''s y coordinate, 0 or 1; null for legacy transactions';
COMMENT ON COLUMN chain.transactions.r IS 'Signature r, 32 bytes, big endian';
COMMENT ON COLUMN chain.transactions.s IS 'Signature s, 32 bytes, big endian';
COMMENT ON COLUMN chain.transactions.status IS '1 succeeded, 0 failed; null before Byzantium or without receipt';
COMMENT ON COLUMN chain.transactions.state_root IS 'State root after the transaction, 32 bytes; before Byzantium only';
COMMENT ON COLUMN chain.transactions.gas_used IS 'Gas used by this transaction, in gas';
COMMENT ON COLUMN chain.transactions.cumulative_gas_used IS 'Gas used in the block up to and with this transaction, in gas';
COMMENT ON COLUMN chain.transactions.effective_gas_price IS 'Wei per gas that was paid, base fee and tip';
COMMENT ON COLUMN chain.transactions.blob_gas_used IS 'Blob gas used, in blob gas (EIP-4844)';
COMMENT ON COLUMN chain.transactions.blob_gas_price IS 'Wei per blob gas that was paid (EIP-4844)';
COMMENT ON COLUMN chain.transactions.contract_address IS 'Address of the contract that it created, 20 bytes';
COMMENT ON COLUMN chain.transactions.log_count IS 'Number of logs that it emitted';

CREATE TABLE chain.logs (
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    log_index integer NOT NULL,
    transaction_index integer NOT NULL,
    transaction_hash bytea NOT NULL,
    block_hash bytea,
    block_timestamp timestamptz,
    address bytea NOT NULL,
    topic0 bytea,
    topic1 bytea,
    topic2 bytea,
    topic3 bytea,
    node_log_index bigint,
    data bytea NOT NULL,
    PRIMARY KEY (chain_id, block_number, log_index)
);

COMMENT ON TABLE chain.logs IS 'An event log';
COMMENT ON COLUMN chain.logs.chain_id IS 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon';
COMMENT ON COLUMN chain.logs.block_number IS 'Height of the block';
COMMENT ON COLUMN chain.logs.log_index IS 'Position of the log in the block, from 0';
COMMENT ON COLUMN chain.logs.transaction_index IS 'Position of the transaction in the block, from 0';
COMMENT ON COLUMN chain.logs.transaction_hash IS 'Hash of the transaction, 32 bytes';
COMMENT ON COLUMN chain.logs.block_hash IS 'Hash of the block, 32 bytes; null where a file does not tell';
COMMENT ON COLUMN chain.logs.block_timestamp IS 'Time of the block, UTC; chains give whole seconds; null where a file does not tell';
COMMENT ON COLUMN chain.logs.address IS 'Contract that emitted it, 20 bytes';
COMMENT ON COLUMN chain.logs.topic0 IS 'First topic, 32 bytes: the event''s signature hash unless anonymous';
COMMENT ON COLUMN chain.logs.topic1 IS 'Second topic, 32 bytes';
COMMENT ON COLUMN chain.logs.topic2 IS 'Third topic, 32 bytes';
COMMENT ON COLUMN chain.logs.topic3 IS 'Fourth topic, 32 bytes';
COMMENT ON COLUMN chain.logs.node_log_index IS 'Index that the node states, where it is another one: some count the logs of each transaction, or leave gaps; null where it is log_index';
COMMENT ON COLUMN chain.logs.data IS 'Data that is not indexed';

CREATE TABLE chain.token_transfers (
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    transfer_index integer NOT NULL,
    log_index integer NOT NULL,
    batch_index integer NOT NULL,
    transaction_index integer,
    transaction_hash bytea NOT NULL,
    block_hash bytea,
    block_timestamp timestamptz,
    standard text NOT NULL,
    token_address bytea NOT NULL,
    from_address bytea NOT NULL,
    to_address bytea NOT NULL,
    operator_address bytea,
    token_id numeric(78,0),
    amount numeric(78,0) NOT NULL,
    PRIMARY KEY (chain_id, block_number, transfer_index)
);

COMMENT ON TABLE chain.token_transfers IS 'A token transfer, read from a log of the ERC-20, ERC-721 or ERC-1155 standard form. A TransferBatch log gives one row an item.';
COMMENT ON COLUMN chain.token_transfers.chain_id IS 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon';
COMMENT ON COLUMN chain.token_transfers.block_number IS 'Height of the block';
COMMENT ON COLUMN chain.token_transfers.transfer_index IS 'Position of the transfer among the block''s token transfers, from 0; of files the index of the log';
COMMENT ON COLUMN chain.token_transfers.log_index IS 'Position of the log in the block, from 0';
COMMENT ON COLUMN chain.token_transfers.batch_index IS 'Position within a TransferBatch log, from 0; 0 for other logs';
COMMENT ON COLUMN chain.token_transfers.transaction_index IS 'Position of the transaction in the block, from 0; null where a file does not tell';
COMMENT ON COLUMN chain.token_transfers.transaction_hash IS 'Hash of the transaction, 32 bytes';
COMMENT ON COLUMN chain.token_transfers.block_hash IS 'Hash of the block, 32 bytes; null where a file does not tell';
COMMENT ON COLUMN chain.token_transfers.block_timestamp IS 'Time of the block, UTC; chains give whole seconds; null where a file does not tell';
COMMENT ON COLUMN chain.token_transfers.standard IS 'erc20, erc721 or erc1155, by the form of the log; erc20_or_erc721 where a file does not tell, amount then holds the amount or the token id';
COMMENT ON COLUMN chain.token_transfers.token_address IS 'Token contract, 20 bytes';
COMMENT ON COLUMN chain.token_transfers.from_address IS 'Sender, 20 bytes; zero on mint';
COMMENT ON COLUMN chain.token_transfers.to_address IS 'Recipient, 20 bytes; zero on burn';
COMMENT ON COLUMN chain.token_transfers.operator_address IS 'Who made the transfer, 20 bytes; ERC-1155 only';
COMMENT ON COLUMN chain.token_transfers.token_id IS 'Id of the token; ERC-721 and ERC-1155 only';
COMMENT ON COLUMN chain.token_transfers.amount IS 'Amount in the token''s smallest unit; 1 for ERC-721';

CREATE TABLE chain.withdrawals (
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    withdrawal_index integer NOT NULL,
    block_hash bytea NOT NULL,
    block_timestamp timestamptz NOT NULL,
    global_index bigint NOT NULL,
    validator_index bigint NOT NULL,
    address bytea NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (chain_id, block_number, withdrawal_index)
);

COMMENT ON TABLE chain.withdrawals IS 'A withdrawal from the beacon chain (EIP-4895)';
COMMENT ON COLUMN chain.withdrawals.chain_id IS 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon';
COMMENT ON COLUMN chain.withdrawals.block_number IS 'Height of the block';
COMMENT ON COLUMN chain.withdrawals.withdrawal_index IS 'Position of the withdrawal in the block, from 0';
COMMENT ON COLUMN chain.withdrawals.block_hash IS 'Hash of the block, 32 bytes';
COMMENT ON COLUMN chain.withdrawals.block_timestamp IS 'Time of the block, UTC; chains give whole seconds';
COMMENT ON COLUMN chain.withdrawals.global_index IS 'The withdrawal''s index since genesis (EIP-4895 index)';
COMMENT ON COLUMN chain.withdrawals.validator_index IS 'Index of the validator';
COMMENT ON COLUMN chain.withdrawals.address IS 'Recipient, 20 bytes';
COMMENT ON COLUMN chain.withdrawals.amount IS 'Amount in Gwei (1 Gwei = 10^9 wei)';

CREATE TABLE chain.access_list_entries (
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    entry_index integer NOT NULL,
    transaction_index integer NOT NULL,
    index_in_transaction integer NOT NULL,
    transaction_hash bytea NOT NULL,
    block_hash bytea NOT NULL,
    block_timestamp timestamptz NOT NULL,
    address bytea NOT NULL,
    storage_keys bytea[] NOT NULL,
    PRIMARY KEY (chain_id, block_number, entry_index)
);

COMMENT ON TABLE chain.access_list_entries IS 'An address, with its storage keys, of a transaction''s access list (EIP-2930)';
COMMENT ON COLUMN chain.access_list_entries.chain_id IS 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon';
COMMENT ON COLUMN chain.access_list_entries.block_number IS 'Height of the block';
COMMENT ON COLUMN chain.access_list_entries.entry_index IS 'Position of the entry among all access list entries of the block, from 0';
COMMENT ON COLUMN chain.access_list_entries.transaction_index IS 'Position of the transaction in the block, from 0';
COMMENT ON COLUMN chain.access_list_entries.index_in_transaction IS 'Position in the transaction''s access list, from 0';
COMMENT ON COLUMN chain.access_list_entries.transaction_hash IS 'Hash of the transaction, 32 bytes';
COMMENT ON COLUMN chain.access_list_entries.block_hash IS 'Hash of the block, 32 bytes';
COMMENT ON COLUMN chain.access_list_entries.block_timestamp IS 'Time of the block, UTC; chains give whole seconds';
COMMENT ON COLUMN chain.access_list_entries.address IS 'Account, 20 bytes';
COMMENT ON COLUMN chain.access_list_entries.storage_keys IS 'Storage slots, 32 bytes each';

CREATE TABLE chain.authorizations (
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    authorization_index integer NOT NULL,
    transaction_index integer NOT NULL,
    index_in_transaction integer NOT NULL,
    transaction_hash bytea NOT NULL,
    block_hash bytea NOT NULL,
    block_timestamp timestamptz NOT NULL,
    authorization_chain_id numeric(78,0),
    address bytea NOT NULL,
    nonce numeric(20,0),
    y_parity integer,
    r bytea,
    s bytea,
    PRIMARY KEY (chain_id, block_number, authorization_index)
);

COMMENT ON TABLE chain.authorizations IS 'An authorization tuple of a type 4 transaction (EIP-7702). The account that signed it is not part of the API and not recovered here.';
COMMENT ON COLUMN chain.authorizations.chain_id IS 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon';
COMMENT ON COLUMN chain.authorizations.block_number IS 'Height of the block';
COMMENT ON COLUMN chain.authorizations.authorization_index IS 'Position of the authorization among all authorizations of the block, from 0';
COMMENT ON COLUMN chain.authorizations.transaction_index IS 'Position of the transaction in the block, from 0';
COMMENT ON COLUMN chain.authorizations.index_in_transaction IS 'Position in the transaction''s authorization list, from 0';
COMMENT ON COLUMN chain.authorizations.transaction_hash IS 'Hash of the transaction, 32 bytes';
COMMENT ON COLUMN chain.authorizations.block_hash IS 'Hash of the block, 32 bytes';
COMMENT ON COLUMN chain.authorizations.block_timestamp IS 'Time of the block, UTC; chains give whole seconds';
COMMENT ON COLUMN chain.authorizations.authorization_chain_id IS 'Chain for which it is valid; 0 = any; null where the chain has none';
COMMENT ON COLUMN chain.authorizations.address IS 'Contract whose code the account delegates to, 20 bytes; zero clears the delegation';
COMMENT ON COLUMN chain.authorizations.nonce IS 'Nonce of the account, an unsigned 64-bit number; null where the chain has none';
COMMENT ON COLUMN chain.authorizations.y_parity IS 'Parity of the signature''s y coordinate, 0 to 255 as signed; null where the chain has none';
COMMENT ON COLUMN chain.authorizations.r IS 'Signature r, 32 bytes, big endian; null where the chain has none';
COMMENT ON COLUMN chain.authorizations.s IS 'Signature s, 32 bytes, big endian; null where the chain has none';

CREATE INDEX blocks_hash ON chain.blocks USING hash (hash);
CREATE INDEX transactions_hash ON chain.transactions USING hash (hash);
