-- Files of the backfill, and what became of their chunks.

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
    parameters text[] NOT NULL DEFAULT '{}',
    size bigint NOT NULL,
    modified_at timestamptz NOT NULL,
    members integer,
    total_rows bigint,
    total_bytes bigint,
    rows bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    chunks bigint NOT NULL DEFAULT 0,
    next_line bigint NOT NULL DEFAULT 0,
    worker text,
    seen_at timestamptz NOT NULL,
    fetched_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (file, file_version)
);

COMMENT ON TABLE ops.files IS 'How far a version of a file is. While it is running the state is committed in the transactions that hold its chunks, so that the numbers are exactly what was published.';
COMMENT ON COLUMN ops.files.file IS 'Where the file is: its path or s3 URL; of a member of an archive the archive''s, !/ and the member''s name';
COMMENT ON COLUMN ops.files.file_version IS 'What tells versions of a file under one name apart: ETag and size, or size, times and inode';
COMMENT ON COLUMN ops.files.state IS 'seen, running, done or failed';
COMMENT ON COLUMN ops.files.code IS 'Countable reason of a failure, such as file_expands';
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
COMMENT ON COLUMN ops.files.next_line IS 'Chunks whose first line is below are published; 0 before the first one';
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
    fetched_at timestamptz NOT NULL,
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
COMMENT ON COLUMN ops.file_chunks.fetched_at IS 'As in raw.csv.rows; the rows in the tables have the same';
