-- What the extractor proves, decides and did.

ALTER TABLE chain.blocks ADD COLUMN unchecked text[] NOT NULL DEFAULT '{}';

COMMENT ON COLUMN chain.blocks.unchecked IS 'Names of the checks that the rules of the chain make impossible for this block';

ALTER TABLE ops.extract_results
    ADD COLUMN outcome text NOT NULL DEFAULT 'published',
    ADD COLUMN absent bigint NOT NULL DEFAULT 0,
    ADD COLUMN checks text[] NOT NULL DEFAULT '{}',
    ADD COLUMN first_parent_hash bytea,
    ADD COLUMN last_hash bytea;

COMMENT ON COLUMN ops.extract_results.source IS 'Name of the source, or of the stream if the source has several: source.symbol.interval';
COMMENT ON COLUMN ops.extract_results.blocks IS 'Raw records published: blocks, candles or snapshots';
COMMENT ON COLUMN ops.extract_results.bytes IS 'Bytes of the source''s JSON published';
COMMENT ON COLUMN ops.extract_results.calls IS 'Calls made, each item of a JSON-RPC batch counted';
COMMENT ON COLUMN ops.extract_results.outcome IS 'published, or cancelled if its job was cancelled before a worker came to it';
COMMENT ON COLUMN ops.extract_results.absent IS 'Numbers of the range at which the source has nothing: an exchange that stood still';
COMMENT ON COLUMN ops.extract_results.checks IS 'Names of the checks that every published record passed, in alphabetical order';
COMMENT ON COLUMN ops.extract_results.first_parent_hash IS 'Parent hash of the first block of the range, 32 bytes; null where there is none';
COMMENT ON COLUMN ops.extract_results.last_hash IS 'Hash of the last block of the range, 32 bytes; null where there is none';
COMMENT ON COLUMN ops.cursors.source IS 'Name of the source, or of the stream if the source has several: source.symbol.interval';

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
    problem text,
    instance text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    PRIMARY KEY (run_id)
);

COMMENT ON TABLE ops.extract_runs IS 'A tick of a planner that planned something, failed, or was asked for by hand. Ticks that found nothing new are only counted.';
COMMENT ON COLUMN ops.extract_runs.run_id IS 'Id of the run, unique; the job_id of the requests that it made';
COMMENT ON COLUMN ops.extract_runs.source IS 'Name of the source, or of the stream if the source has several: source.symbol.interval';
COMMENT ON COLUMN ops.extract_runs.trigger IS 'schedule, or manual if somebody asked for it';
COMMENT ON COLUMN ops.extract_runs.outcome IS 'planned, nothing_new (only told of manual runs), failed, or halted if a reorganization is deeper than the window that is looked at';
COMMENT ON COLUMN ops.extract_runs.head_number IS 'Newest number that could be planned; null if the source could not tell';
COMMENT ON COLUMN ops.extract_runs.from_number IS 'First number that was planned; null if none was';
COMMENT ON COLUMN ops.extract_runs.to_number IS 'Last number that was planned; null if none was';
COMMENT ON COLUMN ops.extract_runs.ranges IS 'Requests made for numbers that were not planned before';
COMMENT ON COLUMN ops.extract_runs.replaced IS 'Requests made again, because the chain has other blocks there now';
COMMENT ON COLUMN ops.extract_runs.problem IS 'What the tick failed of';
COMMENT ON COLUMN ops.extract_runs.instance IS 'Name of the instance that planned';
COMMENT ON COLUMN ops.extract_runs.started_at IS 'When the tick began, UTC';
COMMENT ON COLUMN ops.extract_runs.finished_at IS 'When its requests were written, UTC';

CREATE VIEW ops.jobs AS
SELECT
    job_id,
    source,
    min(from_number) AS from_number,
    max(to_number) AS to_number,
    count(*) AS ranges_done,
    count(*) FILTER (WHERE outcome = 'cancelled') AS ranges_cancelled,
    sum(blocks) AS records,
    sum(dead_letters) AS dead_letters,
    sum(bytes) AS bytes,
    sum(retries) AS retries,
    min(started_at) AS started_at,
    max(finished_at) AS finished_at
FROM ops.extract_results
GROUP BY job_id, source;

COMMENT ON VIEW ops.jobs IS 'What came of the requests of a run or of a job that somebody asked for, as far as they are worked off';
