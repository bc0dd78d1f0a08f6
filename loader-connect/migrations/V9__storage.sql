-- Room in the pages of rows that change: a price that comes late changes the row of its block, which
-- then finds place beside its old version. benchmarks/README.md has the measurement.

ALTER TABLE business.block_economics SET (fillfactor = 85);
