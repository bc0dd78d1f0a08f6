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

ALTER TABLE ops.file_chunks
    ADD COLUMN chain_id bigint,
    ADD COLUMN first_block bigint,
    ADD COLUMN last_block bigint;

COMMENT ON COLUMN ops.file_chunks.chain_id IS 'Chain that the made rows are of; null if they are of none or of several';
COMMENT ON COLUMN ops.file_chunks.first_block IS 'Smallest block number of the made rows; null if they are of no block';
COMMENT ON COLUMN ops.file_chunks.last_block IS 'Largest block number of the made rows; null if they are of no block';
COMMENT ON COLUMN ops.file_chunks.fetched_at IS 'As in raw.csv.rows; the rows that are loaded of it have the same';

CREATE VIEW ops.file_summary AS
WITH chunks AS (
    SELECT file, file_version, dataset, fetched_at, count(*) AS chunks,
           sum(rows)::bigint AS read, sum(made)::bigint AS made, sum(dead_letters)::bigint AS dead_letters,
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
       made - coalesce(rows, 0) AS on_the_way,
       chain_id, first_block, last_block
FROM chunks LEFT JOIN loads USING (file, file_version, dataset, fetched_at);

COMMENT ON VIEW ops.file_summary IS 'What became of the rows of each file: read = loaded + unchanged + dead_letters + on_the_way';
