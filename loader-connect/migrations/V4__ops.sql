-- What was asked for, what came of it, what could not be processed, and how far the loader is.

CREATE SCHEMA ops;

CREATE TABLE ops.cursors (
    source text NOT NULL,
    first_number bigint NOT NULL,
    next_number bigint NOT NULL,
    head_number bigint NOT NULL,
    members text[] NOT NULL,
    planned_at timestamptz NOT NULL,
    PRIMARY KEY (source)
);

COMMENT ON TABLE ops.cursors IS 'How far a source is planned';
COMMENT ON COLUMN ops.cursors.source IS 'Name of the source, or of the stream if the source has several: source.symbol.interval';
COMMENT ON COLUMN ops.cursors.first_number IS 'First height that was planned';
COMMENT ON COLUMN ops.cursors.next_number IS 'First height that is not planned yet';
COMMENT ON COLUMN ops.cursors.head_number IS 'Newest height that the finality rule allowed when this was written';
COMMENT ON COLUMN ops.cursors.members IS 'Streams that were read together when this was written; none if it is by itself';
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
    outcome text NOT NULL,
    absent bigint NOT NULL,
    letters text[] NOT NULL,
    checks text[] NOT NULL,
    first_parent_hash bytea,
    last_hash bytea,
    PRIMARY KEY (request_id)
);

COMMENT ON TABLE ops.extract_results IS 'What came of a request. It is committed in one transaction with the raw records that it counts.';
COMMENT ON COLUMN ops.extract_results.request_id IS 'Id of the request, unique';
COMMENT ON COLUMN ops.extract_results.job_id IS 'As in the request';
COMMENT ON COLUMN ops.extract_results.source IS 'Name of the source, or of the stream if the source has several: source.symbol.interval';
COMMENT ON COLUMN ops.extract_results.from_number IS 'First height, inclusive';
COMMENT ON COLUMN ops.extract_results.to_number IS 'Last height, inclusive';
COMMENT ON COLUMN ops.extract_results.blocks IS 'Raw records published: blocks, candles or snapshots';
COMMENT ON COLUMN ops.extract_results.dead_letters IS 'Heights that went to the dead letters instead';
COMMENT ON COLUMN ops.extract_results.bytes IS 'Bytes of the source''s JSON published';
COMMENT ON COLUMN ops.extract_results.calls IS 'Calls made, each item of a JSON-RPC batch counted';
COMMENT ON COLUMN ops.extract_results.retries IS 'HTTP requests that had to be made again';
COMMENT ON COLUMN ops.extract_results.endpoint IS 'Name of the endpoint that answered';
COMMENT ON COLUMN ops.extract_results.worker IS 'Name of the instance that did the work';
COMMENT ON COLUMN ops.extract_results.started_at IS 'When the worker began, UTC';
COMMENT ON COLUMN ops.extract_results.finished_at IS 'When it had all replies, UTC';
COMMENT ON COLUMN ops.extract_results.outcome IS 'published, or cancelled if its job was cancelled before a worker came to it';
COMMENT ON COLUMN ops.extract_results.absent IS 'Numbers of the range at which the source has nothing, as was proven: an exchange that stood still, a chain that skipped a height';
COMMENT ON COLUMN ops.extract_results.letters IS 'Ids of the dead letters that heights of the range went to; they are withdrawn when a later request has the heights';
COMMENT ON COLUMN ops.extract_results.checks IS 'Names of the checks that every published record passed, in alphabetical order';
COMMENT ON COLUMN ops.extract_results.first_parent_hash IS 'Parent hash of the first block of the range, 32 bytes; null where there is none';
COMMENT ON COLUMN ops.extract_results.last_hash IS 'Hash of the last block of the range, 32 bytes; null where there is none';

CREATE INDEX extract_results_job ON ops.extract_results (job_id);

CREATE INDEX extract_results_finished ON ops.extract_results (source, finished_at);

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
    file text,
    line bigint,
    column_name text,
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
COMMENT ON COLUMN ops.dead_letters.file IS 'File that the row is from';
COMMENT ON COLUMN ops.dead_letters.line IS 'Line of the file in which the row begins, from 1';
COMMENT ON COLUMN ops.dead_letters.column_name IS 'Column of the row that is wrong, as the file names it';

CREATE TABLE ops.controls (
    kind text NOT NULL,
    id text NOT NULL,
    state text NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (kind, id)
);

COMMENT ON TABLE ops.controls IS 'What somebody decided about a source or a job. Every instance follows it.';
COMMENT ON COLUMN ops.controls.kind IS 'source or job';
COMMENT ON COLUMN ops.controls.id IS 'Name of the source or id of the job';
COMMENT ON COLUMN ops.controls.state IS 'paused or running for a source, cancelled for a job';
COMMENT ON COLUMN ops.controls.decided_by IS 'Who decided';
COMMENT ON COLUMN ops.controls.decided_at IS 'When it was decided, UTC';

CREATE TABLE ops.extract_runs (
    run_id text NOT NULL,
    source text NOT NULL,
    trigger text NOT NULL,
    outcome text NOT NULL,
    head_number bigint,
    from_number bigint,
    to_number bigint,
    ranges integer NOT NULL,
    replaced integer NOT NULL,
    retried integer NOT NULL,
    problem text,
    instance text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    PRIMARY KEY (run_id)
);

CREATE INDEX extract_runs_finished ON ops.extract_runs (finished_at);

COMMENT ON TABLE ops.extract_runs IS 'A tick of a planner that planned something, failed, or was asked for by hand. Ticks that found nothing new are only counted.';
COMMENT ON COLUMN ops.extract_runs.run_id IS 'Id of the run, unique; the job_id of the requests that it made';
COMMENT ON COLUMN ops.extract_runs.source IS 'Name of the source, or of the stream if the source has several: source.symbol.interval';
COMMENT ON COLUMN ops.extract_runs.trigger IS 'schedule, or manual if somebody asked for it';
COMMENT ON COLUMN ops.extract_runs.outcome IS 'planned, nothing_new (only told of manual runs), failed, or halted if a reorganization is deeper than the window that is looked at, or blocks are refused one after another';
COMMENT ON COLUMN ops.extract_runs.head_number IS 'Newest number that could be planned; null if the source could not tell';
COMMENT ON COLUMN ops.extract_runs.from_number IS 'First number that was planned; null if none was';
COMMENT ON COLUMN ops.extract_runs.to_number IS 'Last number that was planned; null if none was';
COMMENT ON COLUMN ops.extract_runs.ranges IS 'Requests made for numbers that were not planned before';
COMMENT ON COLUMN ops.extract_runs.replaced IS 'Requests made again, because the chain has other blocks there now';
COMMENT ON COLUMN ops.extract_runs.retried IS 'Ranges of it that were given up before and are asked for again';
COMMENT ON COLUMN ops.extract_runs.problem IS 'What the tick failed of';
COMMENT ON COLUMN ops.extract_runs.instance IS 'Name of the instance that planned';
COMMENT ON COLUMN ops.extract_runs.started_at IS 'When the tick began, UTC';
COMMENT ON COLUMN ops.extract_runs.finished_at IS 'When its requests were written, UTC';

CREATE TABLE ops.sink_offsets (
    connector text NOT NULL,
    topic text NOT NULL,
    topic_partition integer NOT NULL,
    topic_id text,
    next_offset bigint NOT NULL,
    incomplete_table text,
    incomplete_from bigint,
    missing_columns text,
    refused_rows text,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (connector, topic, topic_partition)
);

COMMENT ON TABLE ops.sink_offsets IS 'How far each partition of a topic is loaded, written in the transactions that write the rows. To have rows loaded again, set next_offset back, and restart the connector''s tasks';
COMMENT ON COLUMN ops.sink_offsets.connector IS 'Name of the connector';
COMMENT ON COLUMN ops.sink_offsets.topic IS 'Topic that the rows are read from';
COMMENT ON COLUMN ops.sink_offsets.topic_partition IS 'Partition of the topic';
COMMENT ON COLUMN ops.sink_offsets.topic_id IS 'Kafka''s id of the topic: the offsets of a topic that was made anew begin again';
COMMENT ON COLUMN ops.sink_offsets.next_offset IS 'Offset of the record to load next';
COMMENT ON COLUMN ops.sink_offsets.incomplete_table IS 'Table whose rows lack columns that it had not when they were loaded; null if none do';
COMMENT ON COLUMN ops.sink_offsets.incomplete_from IS 'Offset of the first such row';
COMMENT ON COLUMN ops.sink_offsets.missing_columns IS 'Names of these columns, with commas. When all are there rows are loaded again from incomplete_from';
COMMENT ON COLUMN ops.sink_offsets.refused_rows IS 'Rows that are dead letters, the newest 1,000: offset and digest of the key, with commas. The letter of a row is withdrawn when a row of its key is loaded';
COMMENT ON COLUMN ops.sink_offsets.updated_at IS 'When rows were loaded last, UTC';

CREATE TABLE ops.orders (
    order_id text NOT NULL,
    kind text NOT NULL,
    target text NOT NULL,
    range_from text,
    range_to text,
    job_id text,
    dataset text,
    parameters text[] NOT NULL,
    again boolean NOT NULL,
    requested_by text NOT NULL,
    ordered_at timestamptz NOT NULL,
    PRIMARY KEY (order_id)
);

COMMENT ON TABLE ops.orders IS 'Something that somebody wants a service to do. The service that owns the target checks it and tells what came of it in ops.order_results';
COMMENT ON COLUMN ops.orders.order_id IS 'Id of the order, unique';
COMMENT ON COLUMN ops.orders.kind IS 'plan, fetch, refetch, pause, resume or cancel to the extractor; list or load to the backfill';
COMMENT ON COLUMN ops.orders.target IS 'Name of the source for plan, pause and resume; of the feed for fetch, refetch and cancel; of the location for list; s3 URL or path of the file for load';
COMMENT ON COLUMN ops.orders.range_from IS 'First height, date or time of a fetch, inclusive';
COMMENT ON COLUMN ops.orders.range_to IS 'Last height, date or time of a fetch, inclusive';
COMMENT ON COLUMN ops.orders.job_id IS 'Job that is to be cancelled';
COMMENT ON COLUMN ops.orders.dataset IS 'What the rows of a file mean; without it the location, the folder or the header tell';
COMMENT ON COLUMN ops.orders.parameters IS 'What neither rows nor name of a file tell, such as chain_id=1';
COMMENT ON COLUMN ops.orders.again IS 'Whether a file is to be published although that was done before';
COMMENT ON COLUMN ops.orders.requested_by IS 'Who asks';
COMMENT ON COLUMN ops.orders.ordered_at IS 'When it was asked, UTC';

CREATE TABLE ops.order_results (
    order_id text NOT NULL,
    kind text NOT NULL,
    target text NOT NULL,
    outcome text NOT NULL,
    message text NOT NULL,
    job_id text,
    ranges integer,
    from_number bigint,
    to_number bigint,
    request_id text,
    answered_by text NOT NULL,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (order_id)
);

COMMENT ON TABLE ops.order_results IS 'What a service makes of an order';
COMMENT ON COLUMN ops.order_results.order_id IS 'Id of the order, unique';
COMMENT ON COLUMN ops.order_results.kind IS 'As in the order';
COMMENT ON COLUMN ops.order_results.target IS 'As in the order';
COMMENT ON COLUMN ops.order_results.outcome IS 'accepted or refused';
COMMENT ON COLUMN ops.order_results.message IS 'What is done now; or what was given, what is allowed, what to do next';
COMMENT ON COLUMN ops.order_results.job_id IS 'Job whose requests were made; null if the order makes none';
COMMENT ON COLUMN ops.order_results.ranges IS 'Requests of the job; null if the order makes none';
COMMENT ON COLUMN ops.order_results.from_number IS 'First number of the job, as in ops.extract_requests; null if the order makes none';
COMMENT ON COLUMN ops.order_results.to_number IS 'Last number of the job, inclusive; null if the order makes none';
COMMENT ON COLUMN ops.order_results.request_id IS 'Request of a file, as in ops.files; null if the order makes none';
COMMENT ON COLUMN ops.order_results.answered_by IS 'Name of the instance that took the order';
COMMENT ON COLUMN ops.order_results.answered_at IS 'When it was answered, UTC';

CREATE TABLE ops.status (
    service text NOT NULL,
    instance text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    problems text[] NOT NULL,
    detail text NOT NULL,
    PRIMARY KEY (service, instance)
);

COMMENT ON TABLE ops.status IS 'How an instance of a service does';
COMMENT ON COLUMN ops.status.service IS 'extractor, backfill or transformer';
COMMENT ON COLUMN ops.status.instance IS 'Name of the instance';
COMMENT ON COLUMN ops.status.started_at IS 'When the instance started, UTC';
COMMENT ON COLUMN ops.status.seen_at IS 'When this was written, UTC. An instance writes every few seconds while it runs';
COMMENT ON COLUMN ops.status.problems IS 'What keeps it from working now';
COMMENT ON COLUMN ops.status.detail IS 'What the instance knows of what it works on, as JSON: the extractor of its sources, feeds and endpoints, the backfill of its locations, the transformer of its threads and tasks';

CREATE TABLE ops.saved_queries (
    query_id text NOT NULL,
    name text NOT NULL,
    sql text NOT NULL,
    parameters text[] NOT NULL,
    chart text,
    saved_by text NOT NULL,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (query_id)
);

COMMENT ON TABLE ops.saved_queries IS 'A query that somebody keeps for everybody who uses the console';
COMMENT ON COLUMN ops.saved_queries.query_id IS 'Id of the query, unique';
COMMENT ON COLUMN ops.saved_queries.name IS 'What people call it';
COMMENT ON COLUMN ops.saved_queries.sql IS 'Its statement, which may have :name parameters';
COMMENT ON COLUMN ops.saved_queries.parameters IS 'Values that it was saved with, name=value';
COMMENT ON COLUMN ops.saved_queries.chart IS 'How its result is drawn, as JSON of the page; null for a table';
COMMENT ON COLUMN ops.saved_queries.saved_by IS 'Who saved it';
COMMENT ON COLUMN ops.saved_queries.saved_at IS 'When it was saved, UTC';

CREATE TABLE ops.files (
    file text NOT NULL,
    file_version text NOT NULL,
    state text NOT NULL,
    code text,
    reason text,
    request_id text NOT NULL,
    requested_by text NOT NULL,
    location text NOT NULL,
    dataset text,
    parameters text[] NOT NULL,
    size bigint NOT NULL,
    modified_at timestamptz NOT NULL,
    members integer,
    total_rows bigint,
    total_bytes bigint,
    rows bigint NOT NULL,
    bytes bigint NOT NULL,
    chunks bigint NOT NULL,
    next_line bigint NOT NULL,
    worker text,
    seen_at timestamptz NOT NULL,
    fetched_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (file, file_version)
);

COMMENT ON TABLE ops.files IS 'How far a version of a file is. While it is running the state is committed in the transactions that hold its chunks, so that the numbers are exactly what was published.';
COMMENT ON COLUMN ops.files.file IS 'Where the file is: its path or s3 URL; of a member of an archive the archive''s, !/ and the member''s name';
COMMENT ON COLUMN ops.files.file_version IS 'What tells versions of a file under one name apart: ETag and size, or size, times and inode';
COMMENT ON COLUMN ops.files.state IS 'seen, running, waiting (its store does not answer), done or failed';
COMMENT ON COLUMN ops.files.code IS 'Countable reason of a failure or of the waiting, such as file_expands';
COMMENT ON COLUMN ops.files.reason IS 'What was found, what is allowed, what to do next';
COMMENT ON COLUMN ops.files.request_id IS 'Id of the request that was last worked on';
COMMENT ON COLUMN ops.files.requested_by IS 'schedule, or who asked';
COMMENT ON COLUMN ops.files.location IS 'Name of the location that holds the file';
COMMENT ON COLUMN ops.files.dataset IS 'Name of the layout that its rows have';
COMMENT ON COLUMN ops.files.parameters IS 'What the rows and the name of the file do not tell, such as chain_id=1, in alphabetical order';
COMMENT ON COLUMN ops.files.size IS 'Size of the file, packed if it is, in bytes';
COMMENT ON COLUMN ops.files.modified_at IS 'When the file was last modified, as its store tells, UTC';
COMMENT ON COLUMN ops.files.members IS 'Members of an archive, whose rows are counted in states of their own; null if the file is none';
COMMENT ON COLUMN ops.files.total_rows IS 'Rows that the check of the whole file counted before the first one was published';
COMMENT ON COLUMN ops.files.total_bytes IS 'Bytes of the unpacked file';
COMMENT ON COLUMN ops.files.rows IS 'Rows published so far, a first row that stands in the head not counted';
COMMENT ON COLUMN ops.files.bytes IS 'Bytes of rows published so far';
COMMENT ON COLUMN ops.files.chunks IS 'Records of raw.csv.rows published so far';
COMMENT ON COLUMN ops.files.next_line IS 'Line behind the last chunk that is published, where reading goes on after a crash; 0 before the first one';
COMMENT ON COLUMN ops.files.worker IS 'Name of the instance that worked on it last';
COMMENT ON COLUMN ops.files.seen_at IS 'When it was asked for, UTC';
COMMENT ON COLUMN ops.files.fetched_at IS 'When its reading began, as in its rows, UTC';
COMMENT ON COLUMN ops.files.finished_at IS 'When it was done or failed, UTC';

CREATE TABLE ops.file_chunks (
    file text NOT NULL,
    file_version text NOT NULL,
    dataset text NOT NULL,
    first_line bigint NOT NULL,
    rows bigint NOT NULL,
    made bigint NOT NULL,
    dead_letters bigint NOT NULL,
    rounded bigint NOT NULL,
    fetched_at timestamptz NOT NULL,
    chain_id bigint,
    first_block bigint,
    last_block bigint,
    PRIMARY KEY (file, file_version, dataset, first_line)
);

COMMENT ON TABLE ops.file_chunks IS 'What the transformer made of a chunk of raw.csv.rows. It is committed with the rows that it counts.';
COMMENT ON COLUMN ops.file_chunks.file IS 'As in raw.csv.rows';
COMMENT ON COLUMN ops.file_chunks.file_version IS 'As in raw.csv.rows';
COMMENT ON COLUMN ops.file_chunks.dataset IS 'Name of the layout that was used';
COMMENT ON COLUMN ops.file_chunks.first_line IS 'As in raw.csv.rows';
COMMENT ON COLUMN ops.file_chunks.rows IS 'Rows read, a first row that stands in the head of the file among them';
COMMENT ON COLUMN ops.file_chunks.made IS 'Rows of tables made of them: rows less dead letters';
COMMENT ON COLUMN ops.file_chunks.dead_letters IS 'Rows that went to the dead letters';
COMMENT ON COLUMN ops.file_chunks.rounded IS 'Rows made with a value that has more digits in the file than its column holds';
COMMENT ON COLUMN ops.file_chunks.fetched_at IS 'As in raw.csv.rows; the rows that are loaded of it have the same';
COMMENT ON COLUMN ops.file_chunks.chain_id IS 'Chain that the made rows are of; null if they are of none or of several';
COMMENT ON COLUMN ops.file_chunks.first_block IS 'Smallest block number of the made rows; null if they are of no block';
COMMENT ON COLUMN ops.file_chunks.last_block IS 'Largest block number of the made rows; null if they are of no block';

CREATE TABLE ops.file_loads (
    file text NOT NULL,
    file_version text NOT NULL,
    dataset text NOT NULL,
    fetched_at timestamptz NOT NULL,
    part text NOT NULL,
    partition integer NOT NULL,
    rows bigint NOT NULL,
    loaded bigint NOT NULL,
    PRIMARY KEY (file, file_version, dataset, fetched_at, part, partition)
);

COMMENT ON TABLE ops.file_loads IS 'How many rows of a file stand in the tables now, of those whose keys are of one partition. Follows the rows within seconds.';
COMMENT ON COLUMN ops.file_loads.file IS 'As in raw.csv.rows';
COMMENT ON COLUMN ops.file_loads.file_version IS 'As in raw.csv.rows';
COMMENT ON COLUMN ops.file_loads.dataset IS 'Name of the layout that was used';
COMMENT ON COLUMN ops.file_loads.fetched_at IS 'As in raw.csv.rows';
COMMENT ON COLUMN ops.file_loads.part IS 'Table of the rows, such as chain.logs; receipts for what is added to transactions';
COMMENT ON COLUMN ops.file_loads.partition IS 'Partition of the rows'' keys: a file has rows in all of them';
COMMENT ON COLUMN ops.file_loads.rows IS 'Accepted rows that have come to where the copies of their key are';
COMMENT ON COLUMN ops.file_loads.loaded IS 'Those of them that stand in the table. The others change nothing: the table has the same of an earlier row or file, or has another copy; of receipts also, no file has their transaction';

CREATE INDEX dead_letters_code ON ops.dead_letters (stage, code, occurred_at);

CREATE INDEX dead_letters_file ON ops.dead_letters (file, line) WHERE file IS NOT NULL;

CREATE VIEW ops.jobs AS
SELECT
    job_id,
    source,
    min(from_number) AS from_number,
    max(to_number) AS to_number,
    count(*) AS ranges_done,
    count(*) FILTER (WHERE outcome = 'cancelled') AS ranges_cancelled,
    sum(to_number - from_number + 1) AS numbers,
    sum(blocks) AS records,
    sum(absent) AS absent,
    sum(dead_letters) AS dead_letters,
    sum(bytes) AS bytes,
    sum(retries) AS retries,
    min(started_at) AS started_at,
    max(finished_at) AS finished_at
FROM ops.extract_results
GROUP BY job_id, source;

COMMENT ON VIEW ops.jobs IS 'What came of the requests of a run or of a job that somebody asked for, as far as they are worked off';

CREATE VIEW ops.file_summary AS
WITH chunks AS (
    SELECT file, file_version, dataset, fetched_at, count(*) AS chunks,
           sum(rows)::bigint AS read, sum(made)::bigint AS made, sum(dead_letters)::bigint AS dead_letters,
           sum(rounded)::bigint AS rounded,
           CASE WHEN min(chain_id) = max(chain_id)
                     AND count(*) FILTER (WHERE first_block IS NOT NULL AND chain_id IS NULL) = 0
                THEN min(chain_id) END AS chain_id,
           min(first_block) AS first_block, max(last_block) AS last_block
    FROM ops.file_chunks
    GROUP BY file, file_version, dataset, fetched_at
), loads AS (
    SELECT file, file_version, dataset, fetched_at,
           string_agg(DISTINCT part, ', ') AS part, sum(rows)::bigint AS rows, sum(loaded)::bigint AS loaded
    FROM ops.file_loads
    GROUP BY file, file_version, dataset, fetched_at
)
SELECT file, file_version, dataset, fetched_at, part, chunks, read,
       coalesce(loaded, 0) AS loaded,
       coalesce(rows - loaded, 0) AS unchanged,
       dead_letters,
       rounded,
       made - coalesce(rows, 0) AS on_the_way,
       chain_id, first_block, last_block
FROM chunks LEFT JOIN loads USING (file, file_version, dataset, fetched_at);

COMMENT ON VIEW ops.file_summary IS 'What became of the rows of each file: read = loaded + unchanged + dead_letters + on_the_way. Of rounded rows a value has more digits in the file than its column holds';
