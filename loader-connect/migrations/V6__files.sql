-- Rows of files: what a file does not tell is null, and a dead letter names the file and line.

ALTER TABLE chain.blocks ALTER COLUMN uncles DROP NOT NULL;
ALTER TABLE chain.blocks ALTER COLUMN transaction_count DROP NOT NULL;
ALTER TABLE chain.blocks ALTER COLUMN withdrawal_count DROP NOT NULL;
ALTER TABLE chain.blocks ALTER COLUMN access_list_entry_count DROP NOT NULL;
ALTER TABLE chain.blocks ALTER COLUMN authorization_count DROP NOT NULL;
COMMENT ON COLUMN chain.blocks.uncles IS 'Hashes of the uncle blocks, 32 bytes each; null where a file does not tell';
COMMENT ON COLUMN chain.blocks.transaction_count IS 'Rows of this block in chain.transactions; null where a file does not tell';
COMMENT ON COLUMN chain.blocks.withdrawal_count IS 'Rows of this block in chain.withdrawals; null where a file does not tell';
COMMENT ON COLUMN chain.blocks.access_list_entry_count IS 'Rows of this block in chain.access_list_entries; null where a file does not tell';
COMMENT ON COLUMN chain.blocks.authorization_count IS 'Rows of this block in chain.authorizations; null where a file does not tell';

COMMENT ON COLUMN chain.blocks.log_count IS 'Rows of this block in chain.logs; null where receipts were not fetched, or a file does not tell';
COMMENT ON COLUMN chain.blocks.token_transfer_count IS 'Rows of this block in chain.token_transfers; null where receipts were not fetched, or a file does not tell';
COMMENT ON COLUMN chain.blocks.source IS 'Name of the source that fetched the block, or of the dataset of its file';
COMMENT ON COLUMN chain.blocks.endpoint IS 'Name of the endpoint that answered, or the file';

ALTER TABLE chain.logs ALTER COLUMN block_timestamp DROP NOT NULL;
COMMENT ON COLUMN chain.logs.block_timestamp IS 'Time of the block, UTC; chains give whole seconds; null where a file does not tell';

ALTER TABLE chain.token_transfers ALTER COLUMN transaction_index DROP NOT NULL;
ALTER TABLE chain.token_transfers ALTER COLUMN block_hash DROP NOT NULL;
ALTER TABLE chain.token_transfers ALTER COLUMN block_timestamp DROP NOT NULL;
COMMENT ON COLUMN chain.token_transfers.transaction_index IS 'Position of the transaction in the block, from 0; null where a file does not tell';
COMMENT ON COLUMN chain.token_transfers.block_hash IS 'Hash of the block, 32 bytes; null where a file does not tell';
COMMENT ON COLUMN chain.token_transfers.block_timestamp IS 'Time of the block, UTC; chains give whole seconds; null where a file does not tell';

COMMENT ON COLUMN chain.token_transfers.transfer_index IS 'Position of the transfer among the block''s token transfers, from 0; of files the index of the log';
COMMENT ON COLUMN chain.token_transfers.standard IS 'erc20, erc721 or erc1155, by the form of the log; erc20_or_erc721 where a file does not tell, amount then holds the amount or the token id';

ALTER TABLE market.candles ALTER COLUMN open DROP NOT NULL;
ALTER TABLE market.candles ALTER COLUMN high DROP NOT NULL;
ALTER TABLE market.candles ALTER COLUMN low DROP NOT NULL;
ALTER TABLE market.candles ALTER COLUMN volume DROP NOT NULL;
COMMENT ON COLUMN market.candles.open IS 'First price, in quote per base; null where a file does not tell';
COMMENT ON COLUMN market.candles.high IS 'Highest price, in quote per base; null where a file does not tell';
COMMENT ON COLUMN market.candles.low IS 'Lowest price, in quote per base; null where a file does not tell';
COMMENT ON COLUMN market.candles.volume IS 'Amount traded, in base; null where a file does not tell';
COMMENT ON COLUMN market.candles.source IS 'Name of the source that fetched it, or of the dataset of its file';
COMMENT ON COLUMN market.candles.endpoint IS 'Name of the endpoint that answered, or the file';

ALTER TABLE business.block_economics ALTER COLUMN transaction_count DROP NOT NULL;
ALTER TABLE business.block_economics ALTER COLUMN contract_creation_count DROP NOT NULL;
ALTER TABLE business.block_economics ALTER COLUMN legacy_count DROP NOT NULL;
ALTER TABLE business.block_economics ALTER COLUMN access_list_count DROP NOT NULL;
ALTER TABLE business.block_economics ALTER COLUMN dynamic_fee_count DROP NOT NULL;
ALTER TABLE business.block_economics ALTER COLUMN blob_count DROP NOT NULL;
ALTER TABLE business.block_economics ALTER COLUMN set_code_count DROP NOT NULL;
ALTER TABLE business.block_economics ALTER COLUMN other_type_count DROP NOT NULL;
COMMENT ON COLUMN business.block_economics.transaction_count IS 'Transactions of the block; null where a file does not tell';
COMMENT ON COLUMN business.block_economics.contract_creation_count IS 'Transactions that create a contract; null where a file does not tell';
COMMENT ON COLUMN business.block_economics.legacy_count IS 'Transactions of type 0; null where a file does not tell';
COMMENT ON COLUMN business.block_economics.access_list_count IS 'Transactions of type 1 (EIP-2930); null where a file does not tell';
COMMENT ON COLUMN business.block_economics.dynamic_fee_count IS 'Transactions of type 2 (EIP-1559); null where a file does not tell';
COMMENT ON COLUMN business.block_economics.blob_count IS 'Transactions of type 3 (EIP-4844); null where a file does not tell';
COMMENT ON COLUMN business.block_economics.set_code_count IS 'Transactions of type 4 (EIP-7702); null where a file does not tell';
COMMENT ON COLUMN business.block_economics.other_type_count IS 'Transactions of chain specific types; null where a file does not tell';

COMMENT ON COLUMN business.block_economics.burned IS 'Base fees burned: base_fee_per_gas times gas_used, in wei; 0 before London, null beyond 78 digits and where a file does not tell the base fee';

ALTER TABLE ops.dead_letters ADD COLUMN file text;
ALTER TABLE ops.dead_letters ADD COLUMN line bigint;
ALTER TABLE ops.dead_letters ADD COLUMN column_name text;
COMMENT ON COLUMN ops.dead_letters.file IS 'File that the row is from';
COMMENT ON COLUMN ops.dead_letters.line IS 'Line of the file in which the row begins, from 1';
COMMENT ON COLUMN ops.dead_letters.column_name IS 'Column of the row that is wrong, as the file names it';
CREATE INDEX dead_letters_file ON ops.dead_letters (file, line) WHERE file IS NOT NULL;

CREATE OR REPLACE VIEW audit.incomplete_blocks AS
SELECT *
FROM (
    SELECT
        b.chain_id,
        b.number,
        coalesce(b.transaction_count - (SELECT count(*) FROM chain.transactions AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash), 0) AS missing_transactions,
        coalesce(b.log_count - (SELECT count(*) FROM chain.logs AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash), 0) AS missing_logs,
        coalesce(b.token_transfer_count - (SELECT count(*) FROM chain.token_transfers AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash), 0) AS missing_token_transfers,
        coalesce(b.withdrawal_count - (SELECT count(*) FROM chain.withdrawals AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash), 0) AS missing_withdrawals,
        coalesce(b.access_list_entry_count - (SELECT count(*) FROM chain.access_list_entries AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash), 0) AS missing_access_list_entries,
        coalesce(b.authorization_count - (SELECT count(*) FROM chain.authorizations AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash), 0) AS missing_authorizations
    FROM chain.blocks AS b
) AS d
WHERE (missing_transactions, missing_logs, missing_token_transfers, missing_withdrawals, missing_access_list_entries, missing_authorizations) <> (0, 0, 0, 0, 0, 0);

COMMENT ON VIEW audit.incomplete_blocks IS 'Blocks whose loaded child rows are not as many as the block row says: still being loaded, or lost. A count that the block row does not have is not checked. Add a condition on chain_id and number to check a range';
