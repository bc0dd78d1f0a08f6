-- Proofs of completeness.

CREATE SCHEMA audit;

CREATE VIEW audit.gaps AS
SELECT chain_id, number + 1 AS from_number, next_number - 1 AS to_number
FROM (
    SELECT chain_id, number, lead(number) OVER (PARTITION BY chain_id ORDER BY number) AS next_number
    FROM chain.blocks
) AS b
WHERE next_number > number + 1;

COMMENT ON VIEW audit.gaps IS 'Heights that are missing between loaded blocks of a chain, both inclusive';

CREATE VIEW audit.incomplete_blocks AS
SELECT *
FROM (
    SELECT
        b.chain_id,
        b.number,
        b.transaction_count - (SELECT count(*) FROM chain.transactions AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash) AS missing_transactions,
        coalesce(b.log_count, 0) - (SELECT count(*) FROM chain.logs AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash) AS missing_logs,
        coalesce(b.token_transfer_count, 0) - (SELECT count(*) FROM chain.token_transfers AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash) AS missing_token_transfers,
        b.withdrawal_count - (SELECT count(*) FROM chain.withdrawals AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash) AS missing_withdrawals,
        b.access_list_entry_count - (SELECT count(*) FROM chain.access_list_entries AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash) AS missing_access_list_entries,
        b.authorization_count - (SELECT count(*) FROM chain.authorizations AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number AND c.block_hash = b.hash) AS missing_authorizations
    FROM chain.blocks AS b
) AS d
WHERE (missing_transactions, missing_logs, missing_token_transfers, missing_withdrawals, missing_access_list_entries, missing_authorizations) <> (0, 0, 0, 0, 0, 0);

COMMENT ON VIEW audit.incomplete_blocks IS 'Blocks whose loaded child rows are not as many as the block row says: still being loaded, or lost. Add a condition on chain_id and number to check a range';
