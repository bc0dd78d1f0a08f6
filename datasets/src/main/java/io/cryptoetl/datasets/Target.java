package io.cryptoetl.datasets;

import io.cryptoetl.chain.Block;
import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.chain.Log;
import io.cryptoetl.chain.TokenTransfer;
import io.cryptoetl.chain.Transaction;
import io.cryptoetl.files.FileReceipt;
import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.schemas.Topics;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;

/** What rows of files can become. */
public enum Target {
  CANDLES(Topics.MARKET_CANDLES.name(), Candle::new, Target::candleKey, row -> 0),
  BLOCKS(
      Topics.CHAIN_BLOCKS.name(),
      Block::new,
      row -> new BlockKey(((Block) row).getChainId(), ((Block) row).getNumber()),
      row -> 0),
  TRANSACTIONS(
      Topics.CHAIN_TRANSACTIONS.name(),
      Transaction::new,
      row -> new BlockKey(((Transaction) row).getChainId(), ((Transaction) row).getBlockNumber()),
      row -> ((Transaction) row).getTransactionIndex()),
  /** Not a table: adds what a receipt tells to the row of its transaction. */
  RECEIPTS(
      "receipts",
      FileReceipt::new,
      row -> new BlockKey(((FileReceipt) row).getChainId(), ((FileReceipt) row).getBlockNumber()),
      row -> ((FileReceipt) row).getTransactionIndex()),
  LOGS(
      Topics.CHAIN_LOGS.name(),
      Log::new,
      row -> new BlockKey(((Log) row).getChainId(), ((Log) row).getBlockNumber()),
      row -> ((Log) row).getLogIndex()),
  TOKEN_TRANSFERS(
      Topics.CHAIN_TOKEN_TRANSFERS.name(),
      TokenTransfer::new,
      row ->
          new BlockKey(((TokenTransfer) row).getChainId(), ((TokenTransfer) row).getBlockNumber()),
      row -> ((TokenTransfer) row).getTransferIndex());

  /** Fields that say where a row is from, and are not in files. */
  static final Set<String> PROVENANCE =
      Set.of("source", "endpoint", "fetched_at", "checks", "unchecked", "deviations");

  /** Fields that follow from others. */
  private static final Set<String> DERIVED = Set.of("close_time", "base", "quote");

  /** Lengths in bytes of what has one: hashes and addresses as the yellow paper has them. */
  private static final Map<String, Integer> LENGTHS = lengths();

  private final String label;
  private final Supplier<SpecificRecord> fresh;
  private final Function<SpecificRecord, SpecificRecord> key;
  private final ToIntFunction<SpecificRecord> position;
  private final Schema schema;

  Target(
      String label,
      Supplier<SpecificRecord> fresh,
      Function<SpecificRecord, SpecificRecord> key,
      ToIntFunction<SpecificRecord> position) {
    this.label = label;
    this.fresh = fresh;
    this.key = key;
    this.position = position;
    this.schema = fresh.get().getSchema();
  }

  private static SpecificRecord candleKey(SpecificRecord row) {
    Candle candle = (Candle) row;
    return new CandleKey(
        candle.getVenue(), candle.getSymbol(), candle.getInterval(), candle.getOpenTime());
  }

  private static Map<String, Integer> lengths() {
    return Map.ofEntries(
        Map.entry("hash", 32),
        Map.entry("parent_hash", 32),
        Map.entry("block_hash", 32),
        Map.entry("transaction_hash", 32),
        Map.entry("sha3_uncles", 32),
        Map.entry("state_root", 32),
        Map.entry("transactions_root", 32),
        Map.entry("receipts_root", 32),
        Map.entry("withdrawals_root", 32),
        Map.entry("parent_beacon_block_root", 32),
        Map.entry("requests_hash", 32),
        Map.entry("mix_hash", 32),
        Map.entry("uncles", 32),
        Map.entry("blob_versioned_hashes", 32),
        Map.entry("topic0", 32),
        Map.entry("topic1", 32),
        Map.entry("topic2", 32),
        Map.entry("topic3", 32),
        Map.entry("nonce", 8),
        Map.entry("logs_bloom", 256),
        Map.entry("miner", 20),
        Map.entry("address", 20),
        Map.entry("from_address", 20),
        Map.entry("to_address", 20),
        Map.entry("token_address", 20),
        Map.entry("operator_address", 20),
        Map.entry("contract_address", 20));
  }

  public static Optional<Target> of(String label) {
    return Arrays.stream(values()).filter(t -> t.label.equals(label)).findFirst();
  }

  static String labels() {
    return Arrays.stream(values()).map(t -> t.label).collect(Collectors.joining(", "));
  }

  /** Name in layouts: a table, or receipts. */
  public String label() {
    return label;
  }

  SpecificRecord fresh() {
    return fresh.get();
  }

  /** Key by which all copies of the row meet. */
  public SpecificRecord key(SpecificRecord row) {
    return key.apply(row);
  }

  /** Position of the row in its block. */
  public int position(SpecificRecord row) {
    return position.applyAsInt(row);
  }

  /** A field that layouts may fill. */
  Optional<Schema.Field> field(String name) {
    return PROVENANCE.contains(name) || DERIVED.contains(name)
        ? Optional.empty()
        : Optional.ofNullable(schema.getField(name));
  }

  /** Fields that layouts may fill. */
  List<Schema.Field> fields() {
    return schema.getFields().stream().filter(f -> field(f.name()).isPresent()).toList();
  }

  /** Schema of the rows. */
  public Schema schema() {
    return schema;
  }

  /** Length of the bytes of a field; empty if any will do. */
  static Optional<Integer> length(String field) {
    return Optional.ofNullable(LENGTHS.get(field));
  }
}
