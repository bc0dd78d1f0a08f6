package io.cryptoetl.schemas;

import io.cryptoetl.business.BlockEconomics;
import io.cryptoetl.chain.AccessListEntry;
import io.cryptoetl.chain.AccessListEntryKey;
import io.cryptoetl.chain.Authorization;
import io.cryptoetl.chain.AuthorizationKey;
import io.cryptoetl.chain.Block;
import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.chain.Log;
import io.cryptoetl.chain.LogKey;
import io.cryptoetl.chain.TokenTransfer;
import io.cryptoetl.chain.TokenTransferKey;
import io.cryptoetl.chain.Transaction;
import io.cryptoetl.chain.TransactionKey;
import io.cryptoetl.chain.Withdrawal;
import io.cryptoetl.chain.WithdrawalKey;
import io.cryptoetl.files.FileRows;
import io.cryptoetl.files.FileRowsKey;
import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.market.Instrument;
import io.cryptoetl.market.InstrumentKey;
import io.cryptoetl.ops.Control;
import io.cryptoetl.ops.ControlKey;
import io.cryptoetl.ops.Cursor;
import io.cryptoetl.ops.CursorKey;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.DeadLetterKey;
import io.cryptoetl.ops.ExtractRequest;
import io.cryptoetl.ops.ExtractRequestKey;
import io.cryptoetl.ops.ExtractResult;
import io.cryptoetl.ops.ExtractResultKey;
import io.cryptoetl.ops.ExtractRun;
import io.cryptoetl.ops.ExtractRunKey;
import io.cryptoetl.ops.FileChunk;
import io.cryptoetl.ops.FileChunkKey;
import io.cryptoetl.ops.FileLoad;
import io.cryptoetl.ops.FileLoadKey;
import io.cryptoetl.ops.FileRequest;
import io.cryptoetl.ops.FileRequestKey;
import io.cryptoetl.ops.FileState;
import io.cryptoetl.ops.FileStateKey;
import io.cryptoetl.ops.Order;
import io.cryptoetl.ops.OrderKey;
import io.cryptoetl.ops.OrderResult;
import io.cryptoetl.ops.OrderResultKey;
import io.cryptoetl.ops.SavedQuery;
import io.cryptoetl.ops.SavedQueryKey;
import io.cryptoetl.ops.Status;
import io.cryptoetl.ops.StatusKey;
import io.cryptoetl.prices.PriceBucket;
import io.cryptoetl.prices.PriceBucketKey;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.raw.RawCandle;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.raw.RawCsvRowsKey;
import io.cryptoetl.raw.RawInstruments;
import io.cryptoetl.raw.RawInstrumentsKey;
import io.cryptoetl.replay.Replay;
import io.cryptoetl.replay.ReplayKey;
import io.cryptoetl.schemas.Topic.Cleanup;
import io.cryptoetl.schemas.Topic.Kind;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.avro.Schema;

/**
 * The topic catalogue: every topic of the pipeline, declared once.
 *
 * <p>A record is placed by its key: murmur2 over the Avro bytes of the key, without the frame that
 * holds the id of its schema. Producers in other languages must place records the same way, or two
 * copies of one block would be normalized apart from each other.
 */
public final class Topics {
  private static final int MIB = 1024 * 1024;
  private static final long DAY_MS = 24L * 60 * 60 * 1000;

  /** A database that is restored from a backup of some weeks still hears of what was deleted. */
  private static final long TOMBSTONES_MS = 60 * DAY_MS;

  private static final int PARTITIONS = 6;
  private static final int ROW_BYTES = 16 * MIB;
  private static final String EXTRACTOR = "extractor-service";
  private static final String TRANSFORMER = "transformer-streams";
  private static final String BACKFILL = "backfill-service";
  private static final String OPERATOR = "./pipeline replay";

  public static final Topic RAW_EVM_BLOCKS =
      new Topic(
          "raw.evm.blocks",
          Kind.RAW,
          PARTITIONS,
          Cleanup.DELETE,
          -1,
          40 * MIB,
          EXTRACTOR,
          false,
          BlockKey.getClassSchema(),
          RawBlock.getClassSchema());

  public static final Topic RAW_MARKET_CANDLES =
      new Topic(
          "raw.market.candles",
          Kind.RAW,
          PARTITIONS,
          Cleanup.DELETE,
          -1,
          MIB,
          EXTRACTOR,
          false,
          CandleKey.getClassSchema(),
          RawCandle.getClassSchema());
  public static final Topic RAW_MARKET_INSTRUMENTS =
      new Topic(
          "raw.market.instruments",
          Kind.RAW,
          1,
          Cleanup.DELETE,
          -1,
          40 * MIB,
          EXTRACTOR,
          false,
          RawInstrumentsKey.getClassSchema(),
          RawInstruments.getClassSchema());

  /** Rows of files, many in a record. */
  public static final Topic RAW_CSV_ROWS =
      new Topic(
          "raw.csv.rows",
          Kind.RAW,
          PARTITIONS,
          Cleanup.DELETE,
          -1,
          ROW_BYTES,
          BACKFILL,
          false,
          RawCsvRowsKey.getClassSchema(),
          RawCsvRows.getClassSchema());

  public static final Topic CHAIN_BLOCKS =
      table("chain.blocks", BlockKey.getClassSchema(), Block.getClassSchema());
  public static final Topic CHAIN_TRANSACTIONS =
      table("chain.transactions", TransactionKey.getClassSchema(), Transaction.getClassSchema());
  public static final Topic CHAIN_LOGS =
      table("chain.logs", LogKey.getClassSchema(), Log.getClassSchema());
  public static final Topic CHAIN_TOKEN_TRANSFERS =
      table(
          "chain.token_transfers",
          TokenTransferKey.getClassSchema(),
          TokenTransfer.getClassSchema());
  public static final Topic CHAIN_WITHDRAWALS =
      table("chain.withdrawals", WithdrawalKey.getClassSchema(), Withdrawal.getClassSchema());
  public static final Topic CHAIN_ACCESS_LIST_ENTRIES =
      table(
          "chain.access_list_entries",
          AccessListEntryKey.getClassSchema(),
          AccessListEntry.getClassSchema());
  public static final Topic CHAIN_AUTHORIZATIONS =
      table(
          "chain.authorizations",
          AuthorizationKey.getClassSchema(),
          Authorization.getClassSchema());

  public static final Topic MARKET_CANDLES =
      table("market.candles", CandleKey.getClassSchema(), Candle.getClassSchema());
  public static final Topic MARKET_INSTRUMENTS =
      table("market.instruments", InstrumentKey.getClassSchema(), Instrument.getClassSchema());

  /**
   * Closes of the markets that price chains, many in a record. Each record stands in every
   * partition, so that each task of the join has all of them beside its share of the blocks. None
   * is ever a tombstone: what is gone is not in the newest record of its bucket, however late that
   * is read.
   */
  public static final Topic TRANSFORMER_PRICES =
      new Topic(
          "transformer.prices",
          Kind.INTERNAL,
          PARTITIONS,
          Cleanup.COMPACT,
          TOMBSTONES_MS,
          MIB,
          TRANSFORMER,
          false,
          PriceBucketKey.getClassSchema(),
          PriceBucket.getClassSchema());

  /**
   * Rows of files, many in a record, in the partitions of their blocks, so that all copies of a
   * block meet. They are read within seconds; what a stopped transformer has not read in a month is
   * made again by a replay.
   */
  public static final Topic TRANSFORMER_FILE_ROWS =
      internal(
          "transformer.file_rows",
          PARTITIONS,
          TRANSFORMER,
          FileRowsKey.getClassSchema(),
          FileRows.getClassSchema());

  /**
   * Candles of files, many in a record, in the partitions of their keys, so that they meet those of
   * venues.
   */
  public static final Topic TRANSFORMER_FILE_CANDLES =
      internal(
          "transformer.file_candles",
          PARTITIONS,
          TRANSFORMER,
          FileRowsKey.getClassSchema(),
          FileRows.getClassSchema());

  public static final Topic BUSINESS_BLOCK_ECONOMICS =
      rows(
          "business.block_economics",
          Cleanup.COMPACT,
          TOMBSTONES_MS,
          BlockKey.getClassSchema(),
          BlockEconomics.getClassSchema());

  public static final Topic OPS_EXTRACT_REQUESTS = extractRequests("ops.extract_requests");

  /** Ranges that can wait: asked for by hand, asked for again, or far below the head. */
  public static final Topic OPS_EXTRACT_BULK_REQUESTS =
      extractRequests("ops.extract_bulk_requests");

  public static final Topic OPS_CURSORS =
      new Topic(
          "ops.cursors",
          Kind.OPS,
          1,
          Cleanup.COMPACT,
          TOMBSTONES_MS,
          MIB,
          EXTRACTOR,
          true,
          CursorKey.getClassSchema(),
          Cursor.getClassSchema());
  public static final Topic OPS_CONTROLS =
      new Topic(
          "ops.controls",
          Kind.OPS,
          1,
          Cleanup.COMPACT,
          TOMBSTONES_MS,
          MIB,
          EXTRACTOR,
          true,
          ControlKey.getClassSchema(),
          Control.getClassSchema());
  public static final Topic OPS_EXTRACT_RUNS =
      new Topic(
          "ops.extract_runs",
          Kind.OPS,
          1,
          Cleanup.DELETE,
          90 * DAY_MS,
          MIB,
          EXTRACTOR,
          true,
          ExtractRunKey.getClassSchema(),
          ExtractRun.getClassSchema());

  /**
   * Kept for ever: together with the requests it tells which heights were ever fetched. In one
   * partition, because of two results of a height the later one counts.
   */
  public static final Topic OPS_EXTRACT_RESULTS =
      new Topic(
          "ops.extract_results",
          Kind.OPS,
          1,
          Cleanup.DELETE,
          -1,
          MIB,
          EXTRACTOR,
          true,
          ExtractResultKey.getClassSchema(),
          ExtractResult.getClassSchema());

  /** What people want services to do. */
  public static final Topic OPS_ORDERS =
      new Topic(
          "ops.orders",
          Kind.OPS,
          1,
          Cleanup.DELETE,
          90 * DAY_MS,
          MIB,
          "console-service, pipeline-local",
          true,
          OrderKey.getClassSchema(),
          Order.getClassSchema());

  /** What services make of it. */
  public static final Topic OPS_ORDER_RESULTS =
      new Topic(
          "ops.order_results",
          Kind.OPS,
          1,
          Cleanup.DELETE,
          90 * DAY_MS,
          MIB,
          "extractor-service, backfill-service",
          true,
          OrderResultKey.getClassSchema(),
          OrderResult.getClassSchema());

  /** How instances do. */
  public static final Topic OPS_STATUS =
      new Topic(
          "ops.status",
          Kind.OPS,
          1,
          Cleanup.COMPACT,
          TOMBSTONES_MS,
          MIB,
          "every service",
          true,
          StatusKey.getClassSchema(),
          Status.getClassSchema());

  /** Queries that people keep. */
  public static final Topic OPS_SAVED_QUERIES =
      new Topic(
          "ops.saved_queries",
          Kind.OPS,
          1,
          Cleanup.COMPACT,
          TOMBSTONES_MS,
          MIB,
          "console-service",
          true,
          SavedQueryKey.getClassSchema(),
          SavedQuery.getClassSchema());

  /** Files to read. */
  public static final Topic OPS_FILE_REQUESTS =
      new Topic(
          "ops.file_requests",
          Kind.OPS,
          PARTITIONS,
          Cleanup.DELETE,
          -1,
          MIB,
          BACKFILL,
          false,
          FileRequestKey.getClassSchema(),
          FileRequest.getClassSchema());

  /** Which files are known, and how far each one is. */
  public static final Topic OPS_FILES =
      new Topic(
          "ops.files",
          Kind.OPS,
          1,
          Cleanup.COMPACT,
          TOMBSTONES_MS,
          MIB,
          BACKFILL,
          true,
          FileStateKey.getClassSchema(),
          FileState.getClassSchema());

  public static final Topic OPS_FILE_CHUNKS =
      new Topic(
          "ops.file_chunks",
          Kind.OPS,
          PARTITIONS,
          Cleanup.COMPACT,
          TOMBSTONES_MS,
          MIB,
          TRANSFORMER,
          true,
          FileChunkKey.getClassSchema(),
          FileChunk.getClassSchema());

  /** How many rows of each file stand in the tables. */
  public static final Topic OPS_FILE_LOADS =
      new Topic(
          "ops.file_loads",
          Kind.OPS,
          PARTITIONS,
          Cleanup.COMPACT,
          TOMBSTONES_MS,
          MIB,
          TRANSFORMER,
          true,
          FileLoadKey.getClassSchema(),
          FileLoad.getClassSchema());

  /** Takes any record that another topic takes, so that nothing is too large to be kept. */
  public static final Topic OPS_DEAD_LETTERS =
      new Topic(
          "ops.dead_letters",
          Kind.OPS,
          1,
          Cleanup.DELETE,
          -1,
          128 * MIB,
          "every module",
          true,
          DeadLetterKey.getClassSchema(),
          DeadLetter.getClassSchema());

  /** Where requests to process a raw topic again go, partition by partition. */
  public static final Map<Topic, Topic> REPLAYS = replays();

  private static final List<Topic> ALL =
      List.of(
          RAW_EVM_BLOCKS,
          RAW_MARKET_CANDLES,
          RAW_MARKET_INSTRUMENTS,
          RAW_CSV_ROWS,
          CHAIN_BLOCKS,
          CHAIN_TRANSACTIONS,
          CHAIN_LOGS,
          CHAIN_TOKEN_TRANSFERS,
          CHAIN_WITHDRAWALS,
          CHAIN_ACCESS_LIST_ENTRIES,
          CHAIN_AUTHORIZATIONS,
          MARKET_CANDLES,
          MARKET_INSTRUMENTS,
          TRANSFORMER_FILE_ROWS,
          TRANSFORMER_FILE_CANDLES,
          TRANSFORMER_PRICES,
          REPLAYS.get(RAW_EVM_BLOCKS),
          REPLAYS.get(RAW_MARKET_CANDLES),
          REPLAYS.get(RAW_MARKET_INSTRUMENTS),
          REPLAYS.get(RAW_CSV_ROWS),
          BUSINESS_BLOCK_ECONOMICS,
          OPS_EXTRACT_REQUESTS,
          OPS_EXTRACT_BULK_REQUESTS,
          OPS_CURSORS,
          OPS_CONTROLS,
          OPS_EXTRACT_RUNS,
          OPS_EXTRACT_RESULTS,
          OPS_ORDERS,
          OPS_ORDER_RESULTS,
          OPS_STATUS,
          OPS_SAVED_QUERIES,
          OPS_FILE_REQUESTS,
          OPS_FILES,
          OPS_FILE_CHUNKS,
          OPS_FILE_LOADS,
          OPS_DEAD_LETTERS);

  private Topics() {}

  /**
   * The raw topic whose records a topic of requests has processed again.
   *
   * @throws IllegalArgumentException if the topic is none of requests
   */
  public static Topic replayedBy(String requests) {
    return REPLAYS.entrySet().stream()
        .filter(e -> e.getValue().name().equals(requests))
        .map(Map.Entry::getKey)
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(requests + " holds no requests"));
  }

  /** Every topic, in the order of the flow. */
  public static List<Topic> all() {
    return ALL;
  }

  /** The catalogue as a Markdown table, which the documentation holds. */
  public static String markdown() {
    return ALL.stream()
        .map(
            t ->
                "| `%s` | %s | `%s` | `%s` | %d | %s | %s | %d MiB | %s | %s |"
                    .formatted(
                        t.name(),
                        t.kind().label(),
                        columns(t.key()),
                        t.value().getName(),
                        t.partitions(),
                        t.cleanup() == Cleanup.COMPACT ? "compact" : "delete",
                        t.cleanup() == Cleanup.COMPACT || t.retentionMs() < 0
                            ? "for ever"
                            : t.retentionMs() / DAY_MS + " days",
                        t.maxMessageBytes() / MIB,
                        t.table() ? "yes" : "no",
                        t.owner()))
        .collect(
            Collectors.joining(
                "\n",
                "| topic | class | key | value | partitions | cleanup | kept | largest record | table | written by |\n"
                    + "|---|---|---|---|---|---|---|---|---|---|\n",
                "\n"));
  }

  private static String columns(Schema key) {
    return key.getFields().stream().map(Schema.Field::name).collect(Collectors.joining(", "));
  }

  private static Topic internal(
      String name, int partitions, String owner, Schema key, Schema value) {
    return new Topic(
        name,
        Kind.INTERNAL,
        partitions,
        Cleanup.DELETE,
        30 * DAY_MS,
        ROW_BYTES,
        owner,
        false,
        key,
        value);
  }

  private static Topic extractRequests(String name) {
    return new Topic(
        name,
        Kind.OPS,
        PARTITIONS,
        Cleanup.DELETE,
        -1,
        MIB,
        EXTRACTOR,
        false,
        ExtractRequestKey.getClassSchema(),
        ExtractRequest.getClassSchema());
  }

  private static Map<Topic, Topic> replays() {
    Map<Topic, Topic> replays = new LinkedHashMap<>();
    for (Topic raw :
        List.of(RAW_EVM_BLOCKS, RAW_MARKET_CANDLES, RAW_MARKET_INSTRUMENTS, RAW_CSV_ROWS)) {
      replays.put(
          raw,
          internal(
              "transformer.replay." + raw.name().substring("raw.".length()),
              raw.partitions(),
              OPERATOR,
              ReplayKey.getClassSchema(),
              Replay.getClassSchema()));
    }
    return Collections.unmodifiableMap(replays);
  }

  private static Topic table(String name, Schema key, Schema value) {
    return rows(name, Cleanup.DELETE, -1, key, value);
  }

  /**
   * Rows whose keys are places that are taken once: compaction would find next to nothing to drop,
   * and rewrite the whole topic for it again and again. They are kept as they are.
   */
  private static Topic rows(
      String name, Cleanup cleanup, long retentionMs, Schema key, Schema value) {
    return new Topic(
        name,
        Kind.ROWS,
        PARTITIONS,
        cleanup,
        retentionMs,
        ROW_BYTES,
        TRANSFORMER,
        true,
        key,
        value);
  }
}
