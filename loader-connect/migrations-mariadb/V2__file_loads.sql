CREATE TABLE ops.file_loads (
    `file` varchar(500) NOT NULL COMMENT 'As in raw.csv.rows',
    `file_version` varchar(120) NOT NULL COMMENT 'As in raw.csv.rows',
    `dataset` varchar(100) NOT NULL COMMENT 'Name of the layout that was used',
    `fetched_at` datetime(6) NOT NULL COMMENT 'As in raw.csv.rows',
    `part` varchar(40) NOT NULL COMMENT 'Table of the rows, such as chain.logs; receipts for what is added to transactions',
    `partition` int NOT NULL COMMENT 'Partition of the rows'' keys: a file has rows in all of them',
    `rows` bigint NOT NULL COMMENT 'Accepted rows that have come to where the copies of their key are',
    `loaded` bigint NOT NULL COMMENT 'Those of them that stand in the table. The others change nothing: the table has the same of an earlier row or file, or has another copy; of receipts also, no file has their transaction',
    PRIMARY KEY (`file`, `file_version`, `dataset`, `fetched_at`, `part`, `partition`)
) COMMENT 'How many rows of a file stand in the tables now, of those whose keys are of one partition';

ALTER TABLE ops.file_chunks
    ADD COLUMN `chain_id` bigint COMMENT 'Chain that the made rows are of; null if they are of none or of several',
    ADD COLUMN `first_block` bigint COMMENT 'Smallest block number of the made rows; null if they are of no block',
    ADD COLUMN `last_block` bigint COMMENT 'Largest block number of the made rows; null if they are of no block';
