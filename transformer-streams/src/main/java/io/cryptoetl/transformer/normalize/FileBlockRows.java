package io.cryptoetl.transformer.normalize;

import io.cryptoetl.chain.Block;
import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.chain.Log;
import io.cryptoetl.chain.LogKey;
import io.cryptoetl.chain.TokenTransfer;
import io.cryptoetl.chain.TokenTransferKey;
import io.cryptoetl.chain.Transaction;
import io.cryptoetl.chain.TransactionKey;
import io.cryptoetl.files.FileReceipt;
import io.cryptoetl.files.FileRow;
import io.cryptoetl.ops.FileLoadKey;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * What files say of blocks, kept by height. A block of a node hides all that files say of its
 * height: it is whole and, as far as can be, proven. Without one, each row of a file stands for
 * itself, the best of its {@link FileCopies copies}. A transaction's row gets what a receipt of a
 * file adds to it, if both name the same transaction.
 */
public final class FileBlockRows {
  /** Name of the store of copies. Key of a row: chain id, number, part, position. */
  public static final String STORE = "file-rows";

  /** Name of the store of {@link FileLoads files}. */
  public static final String LOADS = "file-row-loads";

  private static final int KEY_BYTES = 2 * Long.BYTES + 1 + Integer.BYTES;

  private final UnaryOperator<String> sink;
  private final String economics;
  private ProcessorContext<SpecificRecord, SpecificRecord> context;
  private FileCopies copies;
  private FileLoads loads;

  FileBlockRows(UnaryOperator<String> sink, String economics) {
    this.sink = sink;
    this.economics = economics;
  }

  void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    context = processorContext;
    KeyValueStore<byte[], byte[]> store = processorContext.getStateStore(STORE);
    copies = new FileCopies(store);
    loads = new FileLoads(processorContext, LOADS);
  }

  /** Has what stands in the tables of each file written out from now on. */
  void report() {
    loads.report(context, sink);
  }

  /**
   * Takes a copy, or that its file makes it no more.
   *
   * @param hidden whether a node's block hides it
   */
  void take(BlockKey block, FileRow copy, boolean hidden, long timestamp) {
    FilePart part = FilePart.of(copy.getPart());
    int position = copy.getPosition();
    List<Long> before = hidden ? List.of() : standing(block, part, position).files();
    long file = loads.fileOf(copy);
    int held = copies.take(key(block, part, position), file, copy);
    if (hidden) {
      loads.taken(file, held, List.of(), List.of());
    } else {
      Standing now = standing(block, part, position);
      loads.taken(file, held, before, now.files());
      if (part != FilePart.RECEIPT) {
        show(block, part, position, now.row(), timestamp);
      } else if (now.row() != null) {
        show(block, FilePart.TRANSACTION, position, now.row(), timestamp);
      }
    }
  }

  /** Takes what files say of a height out of the tables, but for what a node's block replaces. */
  void hide(BlockKey block, int[] counts, long timestamp) {
    rows(
        block,
        (part, position) -> {
          loads.hidden(standing(block, part, position).files());
          int kept =
              switch (part) {
                case TRANSACTION -> counts[ChildTable.TRANSACTIONS.slot()];
                case LOG -> counts[ChildTable.LOGS.slot()];
                case TOKEN_TRANSFER -> counts[ChildTable.TOKEN_TRANSFERS.slot()];
                case BLOCK, RECEIPT -> Integer.MAX_VALUE;
              };
          if (position >= kept) {
            put(block, part, position, null, timestamp);
          }
        });
  }

  /** Puts what files say of a height into the tables. */
  void show(BlockKey block, long timestamp) {
    rows(
        block,
        (part, position) -> {
          Standing now = standing(block, part, position);
          loads.shown(now.files());
          show(block, part, position, now.row(), timestamp);
        });
  }

  /** A row, or that there is none any more, for its table. */
  private void show(
      BlockKey block, FilePart part, int position, SpecificRecord row, long timestamp) {
    put(block, part, position, row, timestamp);
    if (part == FilePart.BLOCK) {
      context.forward(
          new Record<>(block, row == null ? null : Economics.of((Block) row), timestamp),
          economics);
    }
  }

  /**
   * What stands in a table of what files say.
   *
   * @param row null if they say nothing
   * @param files that it is of: of a transaction, that of its receipt, too
   */
  private record Standing(SpecificRecord row, List<Long> files) {
    static final Standing NOTHING = new Standing(null, List.of());
  }

  private Standing standing(BlockKey block, FilePart part, int position) {
    return switch (part) {
      case BLOCK -> standing(block, part, position, this::block);
      case TRANSACTION, RECEIPT -> transaction(block, position);
      case LOG -> standing(block, part, position, copy -> Log.fromByteBuffer(copy.row()));
      case TOKEN_TRANSFER ->
          standing(block, part, position, copy -> TokenTransfer.fromByteBuffer(copy.row()));
    };
  }

  private Standing standing(BlockKey block, FilePart part, int position, Decoder decoder) {
    return copies
        .standing(key(block, part, position))
        .map(copy -> new Standing(decode(copy, decoder), List.of(copy.file())))
        .orElse(Standing.NOTHING);
  }

  private Block block(FileCopies.Copy copy) throws IOException {
    Block row = Block.fromByteBuffer(copy.row());
    if (copy.file() != FileLoads.UNKNOWN) {
      FileLoadKey file = loads.name(copy.file());
      row.setSource(file.getDataset());
      row.setEndpoint(file.getFile());
      row.setFetchedAt(file.getFetchedAt());
    }
    return row;
  }

  private Standing transaction(BlockKey block, int index) {
    Standing standing =
        standing(
            block, FilePart.TRANSACTION, index, copy -> Transaction.fromByteBuffer(copy.row()));
    Standing ofReceipt =
        standing.row() == null
            ? Standing.NOTHING
            : standing(
                block, FilePart.RECEIPT, index, copy -> FileReceipt.fromByteBuffer(copy.row()));
    if (ofReceipt.row() == null) {
      return standing;
    }
    Transaction row = (Transaction) standing.row();
    FileReceipt receipt = (FileReceipt) ofReceipt.row();
    if (!receipt.getTransactionHash().equals(row.getHash())) {
      return standing;
    }
    row.setStatus(receipt.getStatus());
    row.setStateRoot(receipt.getStateRoot());
    row.setGasUsed(receipt.getGasUsed());
    row.setCumulativeGasUsed(receipt.getCumulativeGasUsed());
    row.setEffectiveGasPrice(receipt.getEffectiveGasPrice());
    row.setContractAddress(receipt.getContractAddress());
    return new Standing(row, List.of(standing.files().getFirst(), ofReceipt.files().getFirst()));
  }

  private void put(
      BlockKey block, FilePart part, int position, SpecificRecord row, long timestamp) {
    long chainId = block.getChainId();
    long number = block.getNumber();
    SpecificRecord key =
        switch (part) {
          case BLOCK -> block;
          case TRANSACTION -> new TransactionKey(chainId, number, position);
          case LOG -> new LogKey(chainId, number, position);
          case TOKEN_TRANSFER -> new TokenTransferKey(chainId, number, position);
          case RECEIPT -> throw new IllegalArgumentException("receipts have no table");
        };
    String topic =
        switch (part) {
          case BLOCK -> Topics.CHAIN_BLOCKS.name();
          case TRANSACTION, RECEIPT -> Topics.CHAIN_TRANSACTIONS.name();
          case LOG -> Topics.CHAIN_LOGS.name();
          case TOKEN_TRANSFER -> Topics.CHAIN_TOKEN_TRANSFERS.name();
        };
    context.forward(new Record<>(key, row, timestamp), sink.apply(topic));
  }

  private interface Decoder {
    SpecificRecord decode(FileCopies.Copy copy) throws IOException;
  }

  private static SpecificRecord decode(FileCopies.Copy copy, Decoder decoder) {
    try {
      return decoder.decode(copy);
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
  }

  private interface Visitor {
    void row(FilePart part, int position);
  }

  /** All rows of tables that files have of a height. */
  private void rows(BlockKey block, Visitor visitor) {
    for (byte[] key : keys(block)) {
      ByteBuffer place = ByteBuffer.wrap(key, 2 * Long.BYTES, 1 + Integer.BYTES);
      FilePart part = FilePart.of(place.get());
      if (part != FilePart.RECEIPT) {
        visitor.row(part, place.getInt());
      }
    }
  }

  /** Keys of all rows that files have of a height. */
  private List<byte[]> keys(BlockKey block) {
    return copies.rows(key(block, (byte) 0, 0), key(block, Byte.MAX_VALUE, Integer.MAX_VALUE));
  }

  private static ByteBuffer prefix(BlockKey block) {
    return ByteBuffer.allocate(KEY_BYTES).putLong(block.getChainId()).putLong(block.getNumber());
  }

  private static byte[] key(BlockKey block, byte slot, int position) {
    return prefix(block).put(slot).putInt(position).array();
  }

  private static byte[] key(BlockKey block, FilePart part, int position) {
    return key(block, part.slot(), position);
  }
}
