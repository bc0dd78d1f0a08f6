-- Candles and instruments.

CREATE SCHEMA market;

CREATE TABLE market.candles (
    venue text NOT NULL,
    symbol text NOT NULL,
    interval text NOT NULL,
    open_time timestamptz NOT NULL,
    close_time timestamptz NOT NULL,
    base text,
    quote text,
    open numeric(38,18),
    high numeric(38,18),
    low numeric(38,18),
    close numeric(38,18) NOT NULL,
    volume numeric(38,18),
    quote_volume numeric(38,18),
    trades bigint,
    taker_base_volume numeric(38,18),
    taker_quote_volume numeric(38,18),
    source text NOT NULL,
    endpoint text NOT NULL,
    fetched_at timestamptz NOT NULL,
    checks text[] NOT NULL,
    PRIMARY KEY (venue, symbol, interval, open_time)
);

COMMENT ON TABLE market.candles IS 'A closed candle of a market, its numbers exactly as the venue wrote them';
COMMENT ON COLUMN market.candles.venue IS 'Exchange, such as binance';
COMMENT ON COLUMN market.candles.symbol IS 'Name of the market as the venue writes it, such as ETHUSDT';
COMMENT ON COLUMN market.candles.interval IS 'Length of the candle as the venue writes it, such as 1m';
COMMENT ON COLUMN market.candles.open_time IS 'When the candle opened, UTC';
COMMENT ON COLUMN market.candles.close_time IS 'Last millisecond of the candle, UTC';
COMMENT ON COLUMN market.candles.base IS 'Asset that is priced, such as ETH; told from the symbol by its ending, null if the ending is no known quote';
COMMENT ON COLUMN market.candles.quote IS 'Asset that prices are in, such as USDT; null if it is not known';
COMMENT ON COLUMN market.candles.open IS 'First price, in quote per base; null where a file does not tell';
COMMENT ON COLUMN market.candles.high IS 'Highest price, in quote per base; null where a file does not tell';
COMMENT ON COLUMN market.candles.low IS 'Lowest price, in quote per base; null where a file does not tell';
COMMENT ON COLUMN market.candles.close IS 'Last price, in quote per base';
COMMENT ON COLUMN market.candles.volume IS 'Amount traded, in base; null where a file does not tell';
COMMENT ON COLUMN market.candles.quote_volume IS 'Amount traded, in quote; null where the venue does not tell';
COMMENT ON COLUMN market.candles.trades IS 'Number of trades; null where the venue does not tell';
COMMENT ON COLUMN market.candles.taker_base_volume IS 'Amount that takers bought, in base; null where the venue does not tell';
COMMENT ON COLUMN market.candles.taker_quote_volume IS 'Amount that takers bought, in quote; null where the venue does not tell';
COMMENT ON COLUMN market.candles.source IS 'Name of the source that fetched it, or of the dataset of its file';
COMMENT ON COLUMN market.candles.endpoint IS 'Name of the endpoint that answered, or the file';
COMMENT ON COLUMN market.candles.fetched_at IS 'When it was fetched, UTC';
COMMENT ON COLUMN market.candles.checks IS 'Names of the checks that it passed before it was published';

CREATE TABLE market.instruments (
    venue text NOT NULL,
    symbol text NOT NULL,
    as_of timestamptz NOT NULL,
    status text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    base_precision integer,
    quote_precision integer,
    tick_size numeric(38,18),
    min_price numeric(38,18),
    max_price numeric(38,18),
    step_size numeric(38,18),
    min_quantity numeric(38,18),
    max_quantity numeric(38,18),
    min_notional numeric(38,18),
    source text NOT NULL,
    endpoint text NOT NULL,
    fetched_at timestamptz NOT NULL,
    checks text[] NOT NULL,
    PRIMARY KEY (venue, symbol, as_of)
);

COMMENT ON TABLE market.instruments IS 'A market of a venue as it was at a point in time';
COMMENT ON COLUMN market.instruments.venue IS 'Exchange, such as binance';
COMMENT ON COLUMN market.instruments.symbol IS 'Name of the market as the venue writes it, such as ETHUSDT';
COMMENT ON COLUMN market.instruments.as_of IS 'Beginning of the period that the snapshot stands for, UTC';
COMMENT ON COLUMN market.instruments.status IS 'State of the market as the venue writes it, such as TRADING or BREAK';
COMMENT ON COLUMN market.instruments.base IS 'Asset that is priced, such as ETH';
COMMENT ON COLUMN market.instruments.quote IS 'Asset that prices are in, such as USDT';
COMMENT ON COLUMN market.instruments.base_precision IS 'Digits after the point of amounts in base; null where the venue does not tell';
COMMENT ON COLUMN market.instruments.quote_precision IS 'Digits after the point of amounts in quote; null where the venue does not tell';
COMMENT ON COLUMN market.instruments.tick_size IS 'Smallest step of a price, in quote; null if there is none';
COMMENT ON COLUMN market.instruments.min_price IS 'Lowest price of an order, in quote; null if there is none';
COMMENT ON COLUMN market.instruments.max_price IS 'Highest price of an order, in quote; null if there is none';
COMMENT ON COLUMN market.instruments.step_size IS 'Smallest step of an amount, in base; null if there is none';
COMMENT ON COLUMN market.instruments.min_quantity IS 'Smallest amount of an order, in base; null if there is none';
COMMENT ON COLUMN market.instruments.max_quantity IS 'Largest amount of an order, in base; null if there is none';
COMMENT ON COLUMN market.instruments.min_notional IS 'Smallest value of an order, in quote; null if there is none';
COMMENT ON COLUMN market.instruments.source IS 'Name of the source that fetched it';
COMMENT ON COLUMN market.instruments.endpoint IS 'Name of the endpoint that answered';
COMMENT ON COLUMN market.instruments.fetched_at IS 'When it was fetched, UTC';
COMMENT ON COLUMN market.instruments.checks IS 'Names of the checks that it passed before it was published';

CREATE VIEW market.latest_prices AS
SELECT DISTINCT ON (venue, symbol, interval)
    venue, symbol, interval, base, quote, close AS price, close_time, fetched_at
FROM market.candles
ORDER BY venue, symbol, interval, open_time DESC;

COMMENT ON VIEW market.latest_prices IS 'Close of the last candle of each market and length';
