-- What blocks cost and moved, and views over it. Rows leave room in their pages: a price that comes
-- late changes the row of its block, which then finds place beside its old version.

CREATE SCHEMA business;

CREATE TABLE business.block_economics (
    chain_id bigint NOT NULL,
    number bigint NOT NULL,
    hash bytea NOT NULL,
    timestamp timestamptz NOT NULL,
    asset text,
    gas_used bigint,
    base_fee_per_gas numeric(78,0),
    transaction_count integer,
    succeeded_count integer,
    failed_count integer,
    contract_creation_count integer,
    legacy_count integer,
    access_list_count integer,
    dynamic_fee_count integer,
    blob_count integer,
    set_code_count integer,
    other_type_count integer,
    burned numeric(78,0),
    priority_fees numeric(78,0),
    blob_fees numeric(78,0),
    fees_paid numeric(78,0),
    value_moved numeric(78,0),
    gas_price_p10 numeric(78,0),
    gas_price_p25 numeric(78,0),
    gas_price_p50 numeric(78,0),
    gas_price_p75 numeric(78,0),
    gas_price_p90 numeric(78,0),
    price numeric(38,18),
    price_missing text,
    price_venue text,
    price_symbol text,
    price_interval text,
    price_closed_at timestamptz,
    price_quote text,
    usd_assumption text,
    burned_usd numeric(96,18),
    priority_fees_usd numeric(96,18),
    blob_fees_usd numeric(96,18),
    fees_paid_usd numeric(96,18),
    value_moved_usd numeric(96,18),
    PRIMARY KEY (chain_id, number)
) WITH (fillfactor = 85);

COMMENT ON TABLE business.block_economics IS 'What a block cost and moved, in wei and in USD at the price as of the block. Rollups charge for their data on the other chain besides, which is not included';
COMMENT ON COLUMN business.block_economics.chain_id IS 'EIP-155 chain id, 1 = Ethereum mainnet, 137 = Polygon';
COMMENT ON COLUMN business.block_economics.number IS 'Height of the block';
COMMENT ON COLUMN business.block_economics.hash IS 'Hash of the block, 32 bytes';
COMMENT ON COLUMN business.block_economics.timestamp IS 'Time of the block, UTC; chains give whole seconds';
COMMENT ON COLUMN business.block_economics.asset IS 'Native asset of the chain at that time, such as ETH; null if prices.yaml does not tell';
COMMENT ON COLUMN business.block_economics.gas_used IS 'Gas that its transactions used, in gas; null where the chain has none';
COMMENT ON COLUMN business.block_economics.base_fee_per_gas IS 'Base fee per gas in wei (EIP-1559); null before London';
COMMENT ON COLUMN business.block_economics.transaction_count IS 'Transactions of the block; null where a file does not tell';
COMMENT ON COLUMN business.block_economics.succeeded_count IS 'Transactions that succeeded; null before Byzantium or without receipts';
COMMENT ON COLUMN business.block_economics.failed_count IS 'Transactions that failed; null before Byzantium or without receipts';
COMMENT ON COLUMN business.block_economics.contract_creation_count IS 'Transactions that create a contract; null where a file does not tell';
COMMENT ON COLUMN business.block_economics.legacy_count IS 'Transactions of type 0; null where a file does not tell';
COMMENT ON COLUMN business.block_economics.access_list_count IS 'Transactions of type 1 (EIP-2930); null where a file does not tell';
COMMENT ON COLUMN business.block_economics.dynamic_fee_count IS 'Transactions of type 2 (EIP-1559); null where a file does not tell';
COMMENT ON COLUMN business.block_economics.blob_count IS 'Transactions of type 3 (EIP-4844); null where a file does not tell';
COMMENT ON COLUMN business.block_economics.set_code_count IS 'Transactions of type 4 (EIP-7702); null where a file does not tell';
COMMENT ON COLUMN business.block_economics.other_type_count IS 'Transactions of chain specific types; null where a file does not tell';
COMMENT ON COLUMN business.block_economics.burned IS 'Base fees burned: base_fee_per_gas times gas_used, in wei; 0 before London, null beyond 78 digits and where a file does not tell the base fee';
COMMENT ON COLUMN business.block_economics.priority_fees IS 'What the block''s producer got: gas used times what was paid above the base fee, in wei; null without receipts';
COMMENT ON COLUMN business.block_economics.blob_fees IS 'Blob fees burned: blob gas used times the blob gas price, in wei; null without receipts';
COMMENT ON COLUMN business.block_economics.fees_paid IS 'Burned, priority and blob fees together, in wei; null without receipts';
COMMENT ON COLUMN business.block_economics.value_moved IS 'Native value sent by transactions that did not fail, in wei; null without receipts';
COMMENT ON COLUMN business.block_economics.gas_price_p10 IS 'Price per gas that at least 10 % of the transactions paid at most, nearest rank, in wei; null without transactions or receipts';
COMMENT ON COLUMN business.block_economics.gas_price_p25 IS 'Price per gas that at least 25 % of the transactions paid at most, nearest rank, in wei; null without transactions or receipts';
COMMENT ON COLUMN business.block_economics.gas_price_p50 IS 'Price per gas that at least 50 % of the transactions paid at most, nearest rank, in wei; null without transactions or receipts';
COMMENT ON COLUMN business.block_economics.gas_price_p75 IS 'Price per gas that at least 75 % of the transactions paid at most, nearest rank, in wei; null without transactions or receipts';
COMMENT ON COLUMN business.block_economics.gas_price_p90 IS 'Price per gas that at least 90 % of the transactions paid at most, nearest rank, in wei; null without transactions or receipts';
COMMENT ON COLUMN business.block_economics.price IS 'Price of the asset: close of the last candle that closed at or before the block''s time, of the preferred market; null if there is none that is fresh';
COMMENT ON COLUMN business.block_economics.price_missing IS 'Why there is no price: no_asset if the chain''s asset is not known, no_price if no candle closed within the staleness; null if there is one';
COMMENT ON COLUMN business.block_economics.price_venue IS 'Exchange of the price';
COMMENT ON COLUMN business.block_economics.price_symbol IS 'Market of the price';
COMMENT ON COLUMN business.block_economics.price_interval IS 'Length of the candle of the price';
COMMENT ON COLUMN business.block_economics.price_closed_at IS 'When the candle of the price closed, UTC';
COMMENT ON COLUMN business.block_economics.price_quote IS 'What the price is in, such as USDT';
COMMENT ON COLUMN business.block_economics.usd_assumption IS 'What is assumed so that the price is in USD, such as 1 USDT = 1 USD; null if it is quoted in USD or missing';
COMMENT ON COLUMN business.block_economics.burned_usd IS 'Base fees burned, in USD: wei times price, exact to 18 digits after the point, half to even; null without price';
COMMENT ON COLUMN business.block_economics.priority_fees_usd IS 'Priority fees, in USD: wei times price, exact to 18 digits after the point, half to even; null without price';
COMMENT ON COLUMN business.block_economics.blob_fees_usd IS 'Blob fees burned, in USD: wei times price, exact to 18 digits after the point, half to even; null without price';
COMMENT ON COLUMN business.block_economics.fees_paid_usd IS 'All fees, in USD: wei times price, exact to 18 digits after the point, half to even; null without price';
COMMENT ON COLUMN business.block_economics.value_moved_usd IS 'Value moved, in USD: wei times price, exact to 18 digits after the point, half to even; null without price';

CREATE INDEX block_economics_timestamp ON business.block_economics (chain_id, timestamp);

CREATE VIEW business.transaction_costs AS
SELECT
    t.chain_id,
    t.block_number,
    t.transaction_index,
    coalesce(t.block_timestamp, e.timestamp) AS block_timestamp,
    t.hash,
    t.type,
    t.from_address,
    t.to_address,
    t.status,
    t.gas_used,
    t.effective_gas_price,
    f.fee,
    f.blob_fee,
    t.value,
    e.asset,
    e.price,
    e.price_closed_at,
    e.usd_assumption,
    round(f.fee * e.price / 1e18, 18) AS fee_usd,
    round(f.blob_fee * e.price / 1e18, 18) AS blob_fee_usd,
    CASE WHEN t.status = 0 THEN 0 ELSE round(t.value * e.price / 1e18, 18) END AS value_usd
FROM chain.transactions AS t
CROSS JOIN LATERAL (
    SELECT
        t.gas_used * coalesce(t.effective_gas_price, t.gas_price) AS fee,
        coalesce(t.blob_gas_used * t.blob_gas_price, 0) AS blob_fee
) AS f
LEFT JOIN business.block_economics AS e ON e.chain_id = t.chain_id AND e.number = t.block_number;

COMMENT ON VIEW business.transaction_costs IS 'What each transaction cost and moved, in wei and in USD at the price as of its block (18 digits after the point). Rollups charge for their data on the other chain besides, which is not included';
COMMENT ON COLUMN business.transaction_costs.value IS 'Native value sent, in wei; it stayed where it was if status is 0';
COMMENT ON COLUMN business.transaction_costs.value_usd IS 'Native value that moved, in USD; 0 if status is 0';
COMMENT ON COLUMN business.transaction_costs.fee IS 'Gas used times the price that was paid, in wei, without blobs; null without receipt';
COMMENT ON COLUMN business.transaction_costs.blob_fee IS 'Blob gas used times its price, in wei';

CREATE VIEW business.hourly_chain_metrics AS
SELECT
    chain_id,
    date_trunc('hour', timestamp, 'UTC') AS hour,
    count(*) AS blocks,
    sum(transaction_count) AS transactions,
    sum(failed_count) AS failed_transactions,
    sum(contract_creation_count) AS contract_creations,
    sum(gas_used) AS gas_used,
    avg(base_fee_per_gas) AS average_base_fee_per_gas,
    avg(gas_price_p50) AS average_median_gas_price,
    sum(burned) AS burned,
    sum(priority_fees) AS priority_fees,
    sum(blob_fees) AS blob_fees,
    sum(fees_paid) AS fees_paid,
    sum(value_moved) AS value_moved,
    avg(price) AS average_price,
    count(*) FILTER (WHERE price IS NULL) AS blocks_without_price,
    sum(burned_usd) AS burned_usd,
    sum(priority_fees_usd) AS priority_fees_usd,
    sum(blob_fees_usd) AS blob_fees_usd,
    sum(fees_paid_usd) AS fees_paid_usd,
    sum(value_moved_usd) AS value_moved_usd
FROM business.block_economics
GROUP BY chain_id, date_trunc('hour', timestamp, 'UTC');

COMMENT ON VIEW business.hourly_chain_metrics IS 'Chains by hour, UTC. Sums in USD leave out blocks without price: see blocks_without_price';

CREATE VIEW business.daily_chain_metrics AS
SELECT
    chain_id,
    date_trunc('day', timestamp, 'UTC') AS day,
    count(*) AS blocks,
    sum(transaction_count) AS transactions,
    sum(failed_count) AS failed_transactions,
    sum(contract_creation_count) AS contract_creations,
    sum(gas_used) AS gas_used,
    avg(base_fee_per_gas) AS average_base_fee_per_gas,
    avg(gas_price_p50) AS average_median_gas_price,
    sum(burned) AS burned,
    sum(priority_fees) AS priority_fees,
    sum(blob_fees) AS blob_fees,
    sum(fees_paid) AS fees_paid,
    sum(value_moved) AS value_moved,
    avg(price) AS average_price,
    count(*) FILTER (WHERE price IS NULL) AS blocks_without_price,
    sum(burned_usd) AS burned_usd,
    sum(priority_fees_usd) AS priority_fees_usd,
    sum(blob_fees_usd) AS blob_fees_usd,
    sum(fees_paid_usd) AS fees_paid_usd,
    sum(value_moved_usd) AS value_moved_usd
FROM business.block_economics
GROUP BY chain_id, date_trunc('day', timestamp, 'UTC');

COMMENT ON VIEW business.daily_chain_metrics IS 'Chains by day, UTC. Sums in USD leave out blocks without price: see blocks_without_price';
