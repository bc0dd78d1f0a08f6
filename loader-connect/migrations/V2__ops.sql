-- How the pipeline itself does: planning, results, and what could not be processed.

CREATE SCHEMA ops;

CREATE TABLE ops.cursors (
    source text NOT NULL,
    first_number bigint NOT NULL,
    next_number bigint NOT NULL,
    head_number bigint NOT NULL,
    planned_at timestamptz NOT NULL,
    PRIMARY KEY (source)
);

COMMENT ON TABLE ops.cursors IS 'How far a source is planned';
COMMENT ON COLUMN ops.cursors.source IS 'Name of the source';
COMMENT ON COLUMN ops.cursors.first_number IS 'First height that was planned';
COMMENT ON COLUMN ops.cursors.next_number IS 'First height that is not planned yet';
COMMENT ON COLUMN ops.cursors.head_number IS 'Newest height that the finality rule allowed when this was written';
COMMENT ON COLUMN ops.cursors.planned_at IS 'When it was written, UTC';

CREATE TABLE ops.extract_results (
    request_id text NOT NULL,
    job_id text NOT NULL,
    source text NOT NULL,
    from_number bigint NOT NULL,
    to_number bigint NOT NULL,
    blocks bigint NOT NULL,
    dead_letters bigint NOT NULL,
    bytes bigint NOT NULL,
    calls bigint NOT NULL,
    retries bigint NOT NULL,
    endpoint text NOT NULL,
    worker text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    PRIMARY KEY (request_id)
);

COMMENT ON TABLE ops.extract_results IS 'What came of a request. It is committed in one transaction with the raw records that it counts.';
COMMENT ON COLUMN ops.extract_results.request_id IS 'Id of the request, unique';
COMMENT ON COLUMN ops.extract_results.job_id IS 'As in the request';
COMMENT ON COLUMN ops.extract_results.source IS 'Name of the source';
COMMENT ON COLUMN ops.extract_results.from_number IS 'First height, inclusive';
COMMENT ON COLUMN ops.extract_results.to_number IS 'Last height, inclusive';
COMMENT ON COLUMN ops.extract_results.blocks IS 'Raw blocks published';
COMMENT ON COLUMN ops.extract_results.dead_letters IS 'Heights that went to the dead letters instead';
COMMENT ON COLUMN ops.extract_results.bytes IS 'Bytes of block and receipts JSON published';
COMMENT ON COLUMN ops.extract_results.calls IS 'JSON-RPC calls made, each item of a batch counted';
COMMENT ON COLUMN ops.extract_results.retries IS 'HTTP requests that had to be made again';
COMMENT ON COLUMN ops.extract_results.endpoint IS 'Name of the endpoint that answered';
COMMENT ON COLUMN ops.extract_results.worker IS 'Name of the instance that did the work';
COMMENT ON COLUMN ops.extract_results.started_at IS 'When the worker began, UTC';
COMMENT ON COLUMN ops.extract_results.finished_at IS 'When it had all replies, UTC';

CREATE TABLE ops.dead_letters (
    id text NOT NULL,
    stage text NOT NULL,
    code text NOT NULL,
    reason text NOT NULL,
    source text,
    endpoint text,
    chain_id bigint,
    block_number bigint,
    topic text,
    partition integer,
    "offset" bigint,
    payload bytea,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (id)
);

COMMENT ON TABLE ops.dead_letters IS 'Something that could not be processed, with its original bytes';
COMMENT ON COLUMN ops.dead_letters.id IS 'Made of the place where it failed, so that a repeat replaces it';
COMMENT ON COLUMN ops.dead_letters.stage IS 'extract, transform or load';
COMMENT ON COLUMN ops.dead_letters.code IS 'Countable reason, such as block_unavailable';
COMMENT ON COLUMN ops.dead_letters.reason IS 'What was given, what was expected, what to do next';
COMMENT ON COLUMN ops.dead_letters.source IS 'Name of the source';
COMMENT ON COLUMN ops.dead_letters.endpoint IS 'Name of the endpoint';
COMMENT ON COLUMN ops.dead_letters.chain_id IS 'EIP-155 chain id';
COMMENT ON COLUMN ops.dead_letters.block_number IS 'Height of the block';
COMMENT ON COLUMN ops.dead_letters.topic IS 'Topic of the record that failed';
COMMENT ON COLUMN ops.dead_letters.partition IS 'Partition of the record that failed';
COMMENT ON COLUMN ops.dead_letters."offset" IS 'Offset of the record that failed';
COMMENT ON COLUMN ops.dead_letters.payload IS 'The original bytes; null where none were received';
COMMENT ON COLUMN ops.dead_letters.occurred_at IS 'When it failed, UTC';
