package io.cryptoetl.transformer;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteBufferManager;

/**
 * Lets all state stores of an instance share one bounded piece of memory: blocks, indexes, filters
 * and what is not yet written. Without it each store of each task would take up to a hundred MiB of
 * its own. How much is {@value #MEMORY} of the Streams configuration.
 */
public final class BoundedRocksDb implements RocksDBConfigSetter {
  static final String MEMORY = "rocksdb.memory.bytes";

  private static final long DEFAULT_MEMORY = 128L << 20;
  private static final long WRITE_BUFFER = 4L << 20;
  private static final int SHARD_BITS = 2;
  private static final double INDEX_SHARE = 0.1;

  /** Shared by all stores, and alive as long as the process. */
  private static Shared shared;

  private record Shared(Cache cache, WriteBufferManager writeBuffers, BloomFilter filter) {}

  private static synchronized Shared shared(Map<String, Object> configs) {
    if (shared == null) {
      RocksDB.loadLibrary();
      Object configured = configs.get(MEMORY);
      long bytes = configured == null ? DEFAULT_MEMORY : Long.parseLong(configured.toString());
      Cache cache = new LRUCache(bytes, SHARD_BITS, false, INDEX_SHARE);
      shared = new Shared(cache, new WriteBufferManager(bytes / 2, cache), new BloomFilter());
    }
    return shared;
  }

  @Override
  public void setConfig(String storeName, Options options, Map<String, Object> configs) {
    Shared memory = shared(configs);
    BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
    table.setBlockCache(memory.cache());
    table.setCacheIndexAndFilterBlocks(true);
    table.setCacheIndexAndFilterBlocksWithHighPriority(true);
    table.setPinTopLevelIndexAndFilter(true);
    // Most records are new: a filter tells so without reading.
    table.setFilterPolicy(memory.filter());
    options.setWriteBufferManager(memory.writeBuffers());
    options.setCompressionType(CompressionType.LZ4_COMPRESSION);
    options.setWriteBufferSize(WRITE_BUFFER);
    options.setMaxWriteBufferNumber(2);
    options.setTableFormatConfig(table);
  }

  @Override
  public void close(String storeName, Options options) {
    // What is shared outlives a store.
  }
}
