package io.cryptoetl.transformer.blocks;

import io.cryptoetl.chain.Block;
import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.chain.Log;
import io.cryptoetl.chain.LogKey;
import io.cryptoetl.chain.TokenTransfer;
import io.cryptoetl.chain.TokenTransferKey;
import io.cryptoetl.chain.Transaction;
import io.cryptoetl.chain.TransactionKey;
import io.cryptoetl.datasets.Target;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.files.FileReceipt;
import io.cryptoetl.files.FileRows;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.files.FileCopies;
import io.cryptoetl.transformer.files.FileCopies.Copy;
import io.cryptoetl.transformer.files.FileLoads;
import io.cryptoetl.transformer.files.FileRowsNormalizer;
import io.cryptoetl.transformer.state.BlockWinner;
import io.cryptoetl.transformer.state.Buckets;
import io.cryptoetl.transformer.state.Stores;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;

/**
 * The rows of a height, in all tables of blocks: those of a node's block, of several the {@link
 * BlockWinner winner}. A block of a node hides all that files say of its height: it is whole and,
 * as far as can be, proven. Without one, each row of a file stands for itself, the best of its
 * {@link FileCopies copies}. A transaction's row gets what a receipt of a file adds to it, if both
 * name the same transaction.
 */
public final class BlockTable implements FileRowsNormalizer.Rows {
  /** What rows of files become rows of blocks. */
  public static final Set<Target> PARTS =
      Collections.unmodifiableSet(EnumSet.complementOf(EnumSet.of(Target.CANDLES)));

  /** What nodes say. Key: chain id, number. */
  private static final String WINNERS = "block-winners";

  /** What files say, by {@link Buckets bucket}. */
  private static final String COPIES = "file-rows";

  private static final String LOADS = "file-row-loads";

  private final UnaryOperator<String> sink;
  private final String economics;
  private ProcessorContext<SpecificRecord, SpecificRecord> context;
  private KeyValueStore<byte[], byte[]> winners;
  private FileCopies copies;
  private FileLoads loads;

  /** Makes the rows of a block. */
  interface Mapping {
    /** The rows. */
    BlockRows rows() throws BadRecordException;
  }

  /**
   * The table.
   *
   * @param sink name of the node that writes a topic
   * @param economics name of the node that takes what blocks cost, still without price
   */
  public BlockTable(UnaryOperator<String> sink, String economics) {
    this.sink = sink;
    this.economics = economics;
  }

  /** The stores of the table. */
  public static Set<StoreBuilder<?>> stores() {
    return Stores.with(Stores.of(WINNERS, COPIES), Stores.cached(LOADS));
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    context = processorContext;
    winners = processorContext.getStateStore(WINNERS);
    loads = new FileLoads(processorContext, LOADS, sink.apply(Topics.OPS_FILE_LOADS.name()));
    copies = new FileCopies(processorContext.getStateStore(COPIES), loads);
  }

  /**
   * Takes a block of a node, unless there is a better one. The one whose rows are out is mapped
   * again: that is how a replay brings what has changed in the mapping. Tombstones take away rows
   * that are too many.
   *
   * @throws BadRecordException if there are no rows of it; if they were out, they are not any more
   */
  void offer(BlockKey block, BlockWinner challenger, long timestamp, Mapping mapping)
      throws BadRecordException {
    byte[] stored = winners.get(winnerKey(block));
    BlockWinner before = stored == null ? null : BlockWinner.fromBytes(stored);
    int rank = before == null ? 1 : challenger.compareRank(before);
    if (rank < 0) {
      return;
    }
    BlockRows rows;
    try {
      rows = mapping.rows();
    } catch (BadRecordException e) {
      if (rank == 0) {
        withdraw(block, before, timestamp);
      }
      throw e;
    }
    int[] counts = new int[ChildTable.values().length];
    for (ChildTable table : ChildTable.values()) {
      List<? extends SpecificRecord> children = table.rows(rows);
      counts[table.slot()] = children.size();
      for (int i = 0; i < children.size(); i++) {
        put(table, block, i, children.get(i), timestamp);
      }
      takeAway(table, block, children.size(), before, timestamp);
    }
    if (before == null) {
      hideFiles(block, counts, timestamp);
    }
    forward(Topics.CHAIN_BLOCKS.name(), block, rows.block(), timestamp);
    winners.put(winnerKey(block), challenger.withCounts(counts).toBytes());
    context.forward(new Record<>(block, Economics.of(rows), timestamp), economics);
  }

  private void put(
      ChildTable table, BlockKey block, int position, SpecificRecord row, long timestamp) {
    forward(
        table.topic().name(),
        table.key(block.getChainId(), block.getNumber(), position),
        row,
        timestamp);
  }

  private void forward(String topic, SpecificRecord key, SpecificRecord row, long timestamp) {
    context.forward(new Record<>(key, row, timestamp), sink.apply(topic));
  }

  /** Tombstones for rows of a block from a position on. */
  private void takeAway(
      ChildTable table, BlockKey block, int from, BlockWinner before, long timestamp) {
    int count = before == null ? 0 : before.counts()[table.slot()];
    for (int i = from; i < count; i++) {
      put(table, block, i, null, timestamp);
    }
  }

  /** Takes away the rows of a block that cannot be mapped any more. */
  private void withdraw(BlockKey block, BlockWinner before, long timestamp) {
    for (ChildTable table : ChildTable.values()) {
      takeAway(table, block, 0, before, timestamp);
    }
    showBlock(block, null, timestamp);
    winners.delete(winnerKey(block));
    showFiles(block, timestamp);
  }

  /** Takes what files say of a height out of the tables, but for what a node's block replaces. */
  private void hideFiles(BlockKey block, int[] counts, long timestamp) {
    FileLoads.Counts moves = loads.count();
    ofFiles(
        block,
        (part, position, standing) -> {
          moves.moved(standing.files(), List.of());
          int kept =
              switch (part) {
                case TRANSACTIONS -> counts[ChildTable.TRANSACTIONS.slot()];
                case LOGS -> counts[ChildTable.LOGS.slot()];
                case TOKEN_TRANSFERS -> counts[ChildTable.TOKEN_TRANSFERS.slot()];
                default -> Integer.MAX_VALUE;
              };
          if (position >= kept) {
            show(part, block, position, null, timestamp);
          }
        });
    moves.commit();
  }

  /** Puts what files say of a height into the tables. */
  private void showFiles(BlockKey block, long timestamp) {
    FileLoads.Counts moves = loads.count();
    ofFiles(
        block,
        (part, position, standing) -> {
          moves.moved(List.of(), standing.files());
          show(part, block, position, standing.row(), timestamp);
        });
    moves.commit();
  }

  private interface Visitor {
    void row(Target part, int position, Standing standing);
  }

  /** All rows of tables that files have of a height, those of one table by position. */
  private void ofFiles(BlockKey block, Visitor visitor) {
    for (Target part : List.of(Target.BLOCKS, Target.LOGS, Target.TOKEN_TRANSFERS)) {
      standing(part, block)
          .forEach(
              (position, copy) ->
                  visitor.row(part, position, new Standing(row(part, copy), Copy.files(copy))));
    }
    Map<Integer, Copy> receipts = standing(Target.RECEIPTS, block);
    standing(Target.TRANSACTIONS, block)
        .forEach(
            (position, copy) ->
                visitor.row(
                    Target.TRANSACTIONS, position, transaction(copy, receipts.get(position))));
  }

  /** What stands of copies of a part of a height, by position. */
  private Map<Integer, Copy> standing(Target part, BlockKey block) {
    Map<Integer, Copy> standing = new TreeMap<>();
    byte[] bucket = Buckets.of(part, block);
    copies
        .standing(part, bucket)
        .forEach(
            (slot, copy) -> {
              if (Buckets.block(part, bucket, slot).equals(block)) {
                standing.put(Buckets.position(slot), copy);
              }
            });
    return standing;
  }

  @Override
  public void take(FileRows chunk, long timestamp) {
    copies.take(
        chunk,
        (part, bucket, changes, counts) -> {
          Map<Long, Copy> others =
              switch (part) {
                case TRANSACTIONS -> copies.standing(Target.RECEIPTS, sibling(part, bucket));
                case RECEIPTS -> copies.standing(Target.TRANSACTIONS, sibling(part, bucket));
                default -> Map.of();
              };
          Map<BlockKey, Boolean> hidden = new HashMap<>();
          for (FileCopies.Change change : changes) {
            BlockKey block = Buckets.block(part, bucket, change.slot());
            if (!hidden.computeIfAbsent(block, b -> winners.get(winnerKey(b)) != null)) {
              change(part, block, change, others.get(change.slot()), counts, timestamp);
            }
          }
        });
  }

  /** The bucket of transactions for one of receipts, and the other way round. */
  private static byte[] sibling(Target part, byte[] bucket) {
    return Buckets.of(
        part == Target.RECEIPTS ? Target.TRANSACTIONS : Target.RECEIPTS,
        Buckets.block(part, bucket, 0));
  }

  /**
   * Shows what has changed.
   *
   * @param other of a transaction what stands of its receipt, and the other way round
   */
  private void change(
      Target part,
      BlockKey block,
      FileCopies.Change change,
      Copy other,
      FileLoads.Counts counts,
      long timestamp) {
    int position = Buckets.position(change.slot());
    switch (part) {
      case TRANSACTIONS -> {
        Standing now = transaction(change.now(), other);
        counts.moved(transaction(change.before(), other).files(), now.files());
        show(part, block, position, now.row(), timestamp);
      }
      case RECEIPTS -> {
        Standing now = transaction(other, change.now());
        counts.moved(transaction(other, change.before()).files(), now.files());
        if (now.row() != null) {
          show(Target.TRANSACTIONS, block, position, now.row(), timestamp);
        }
      }
      default -> {
        counts.moved(Copy.files(change.before()), Copy.files(change.now()));
        show(part, block, position, row(part, change.now()), timestamp);
      }
    }
  }

  /** A row, or that there is none any more, for its table. */
  private void show(Target part, BlockKey block, int position, SpecificRecord row, long timestamp) {
    long chainId = block.getChainId();
    long number = block.getNumber();
    switch (part) {
      case BLOCKS -> showBlock(block, (Block) row, timestamp);
      case TRANSACTIONS ->
          forward(
              Topics.CHAIN_TRANSACTIONS.name(),
              new TransactionKey(chainId, number, position),
              row,
              timestamp);
      case LOGS ->
          forward(Topics.CHAIN_LOGS.name(), new LogKey(chainId, number, position), row, timestamp);
      case TOKEN_TRANSFERS ->
          forward(
              Topics.CHAIN_TOKEN_TRANSFERS.name(),
              new TokenTransferKey(chainId, number, position),
              row,
              timestamp);
      default -> throw new IllegalArgumentException(part.label() + " are no table of blocks");
    }
  }

  private void showBlock(BlockKey key, Block row, long timestamp) {
    forward(Topics.CHAIN_BLOCKS.name(), key, row, timestamp);
    context.forward(
        new Record<>(key, row == null ? null : Economics.of(row), timestamp), economics);
  }

  /**
   * What stands in a table of what files say.
   *
   * @param row null if they say nothing
   * @param files that it is of: of a transaction, that of its receipt, too
   */
  private record Standing(SpecificRecord row, List<Long> files) {}

  private static Standing transaction(Copy copy, Copy copyOfReceipt) {
    if (copy == null) {
      return new Standing(null, List.of());
    }
    Transaction row = copy.read(Transaction.class);
    FileReceipt receipt = copyOfReceipt == null ? null : copyOfReceipt.read(FileReceipt.class);
    if (receipt == null || !receipt.getTransactionHash().equals(row.getHash())) {
      return new Standing(row, Copy.files(copy));
    }
    row.setStatus(receipt.getStatus());
    row.setStateRoot(receipt.getStateRoot());
    row.setGasUsed(receipt.getGasUsed());
    row.setCumulativeGasUsed(receipt.getCumulativeGasUsed());
    row.setEffectiveGasPrice(receipt.getEffectiveGasPrice());
    row.setContractAddress(receipt.getContractAddress());
    return new Standing(row, List.of(copy.file(), copyOfReceipt.file()));
  }

  /** What a copy says; null if there is none. */
  private SpecificRecord row(Target part, Copy copy) {
    if (copy == null) {
      return null;
    }
    return switch (part) {
      case BLOCKS -> loads.from(copy.file(), copy.read(Block.class));
      case LOGS -> copy.read(Log.class);
      case TOKEN_TRANSFERS -> copy.read(TokenTransfer.class);
      default -> throw new IllegalArgumentException(part.label() + " do not stand alone");
    };
  }

  private static byte[] winnerKey(BlockKey block) {
    return ByteBuffer.allocate(2 * Long.BYTES)
        .putLong(block.getChainId())
        .putLong(block.getNumber())
        .array();
  }
}
