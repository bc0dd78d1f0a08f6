-- Proofs of completeness.

CREATE SCHEMA audit;

CREATE VIEW audit.gaps AS
SELECT chain_id, number + 1 AS from_number, next_number - 1 AS to_number
FROM (
    SELECT chain_id, number, hash, lead(number) OVER chain AS next_number, lead(parent_hash) OVER chain AS next_parent_hash
    FROM chain.blocks
    WINDOW chain AS (PARTITION BY chain_id ORDER BY number)
) AS b
WHERE next_number > number + 1 AND next_parent_hash IS DISTINCT FROM hash;

COMMENT ON VIEW audit.gaps IS 'Heights that are missing between loaded blocks of a chain, both inclusive. Heights that the chain itself skipped are none: the next block is the child of the one before';

CREATE VIEW audit.incomplete_blocks AS
SELECT *
FROM (
    SELECT
        b.chain_id,
        b.number,
        coalesce(b.transaction_count - t.own, 0) AS missing_transactions,
        coalesce(b.log_count - l.own, 0) AS missing_logs,
        coalesce(b.token_transfer_count - tt.own, 0) AS missing_token_transfers,
        coalesce(b.withdrawal_count - w.own, 0) AS missing_withdrawals,
        coalesce(b.access_list_entry_count - a.own, 0) AS missing_access_list_entries,
        coalesce(b.authorization_count - u.own, 0) AS missing_authorizations,
        t.others + l.others + tt.others + w.others + a.others + u.others AS surplus_rows
    FROM chain.blocks AS b
    CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE coalesce(c.block_hash, b.hash) = b.hash) AS own, count(*) FILTER (WHERE c.block_hash <> b.hash) AS others FROM chain.transactions AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number) AS t
    CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE coalesce(c.block_hash, b.hash) = b.hash) AS own, count(*) FILTER (WHERE c.block_hash <> b.hash) AS others FROM chain.logs AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number) AS l
    CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE coalesce(c.block_hash, b.hash) = b.hash) AS own, count(*) FILTER (WHERE c.block_hash <> b.hash) AS others FROM chain.token_transfers AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number) AS tt
    CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE c.block_hash = b.hash) AS own, count(*) FILTER (WHERE c.block_hash <> b.hash) AS others FROM chain.withdrawals AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number) AS w
    CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE c.block_hash = b.hash) AS own, count(*) FILTER (WHERE c.block_hash <> b.hash) AS others FROM chain.access_list_entries AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number) AS a
    CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE c.block_hash = b.hash) AS own, count(*) FILTER (WHERE c.block_hash <> b.hash) AS others FROM chain.authorizations AS c WHERE c.chain_id = b.chain_id AND c.block_number = b.number) AS u
) AS d
WHERE (missing_transactions, missing_logs, missing_token_transfers, missing_withdrawals, missing_access_list_entries, missing_authorizations, surplus_rows) <> (0, 0, 0, 0, 0, 0, 0);

COMMENT ON VIEW audit.incomplete_blocks IS 'Blocks whose loaded child rows are not as many as the block row says, or that have rows of another block at their height (surplus_rows): still being loaded, lost, or left behind. A count that the block row does not have is not checked. Add a condition on chain_id and number to check a range';

CREATE VIEW audit.prices AS
SELECT
    chain_id,
    date_trunc('day', timestamp, 'UTC') AS day,
    count(*) AS blocks,
    count(*) FILTER (WHERE price_missing = 'no_asset') AS without_asset,
    count(*) FILTER (WHERE price_missing = 'no_price') AS without_price,
    max(timestamp - price_closed_at) AS oldest_price
FROM business.block_economics
GROUP BY chain_id, date_trunc('day', timestamp, 'UTC');

COMMENT ON VIEW audit.prices IS 'Blocks without price, and how old prices are at most when their block comes, by chain and day, UTC';

CREATE VIEW audit.dead_letters AS
SELECT g.stage, g.code, g.source, g.topic, g.letters, g.first_at, g.last_at, l.reason AS last_reason
FROM (
    SELECT stage, code, source, topic, count(*) AS letters, min(occurred_at) AS first_at, max(occurred_at) AS last_at
    FROM ops.dead_letters
    GROUP BY stage, code, source, topic
) AS g
CROSS JOIN LATERAL (
    SELECT reason
    FROM ops.dead_letters AS d
    WHERE d.stage = g.stage AND d.code = g.code AND d.occurred_at = g.last_at
        AND d.source IS NOT DISTINCT FROM g.source AND d.topic IS NOT DISTINCT FROM g.topic
    LIMIT 1
) AS l;

COMMENT ON VIEW audit.dead_letters IS 'What could not be processed, by reason';
