-- How far the loader is.

CREATE TABLE ops.sink_offsets (
    connector text NOT NULL,
    topic text NOT NULL,
    topic_partition integer NOT NULL,
    topic_id text,
    next_offset bigint NOT NULL,
    incomplete_table text,
    incomplete_from bigint,
    missing_columns text,
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
COMMENT ON COLUMN ops.sink_offsets.updated_at IS 'When rows were loaded last, UTC';
