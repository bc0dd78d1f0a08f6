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
import io.cryptoetl.schemas.Topics;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
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
    loads = new FileLoads(processorContext, LOADS, sink.apply(Topics.OPS_FILE_LOADS.name()));
  }

  /**
   * Takes a copy, or that its file makes it no more.
   *
   * @param hidden whether a node's block hides it
   */
  void take(BlockKey block, FileRow copy, boolean hidden, long timestamp) {
    FilePart part = FilePart.of(copy.getPart());
    int position = copy.getPosition();
    long file = loads.fileOf(copy);
    FileCopies.Taken taken = copies.take(key(block, part, position), file, copy);
    loads.held(taken);
    if (hidden || taken.repeats()) {
      return;
    }
    switch (part) {
      case TRANSACTION -> {
        Optional<FileCopies.Copy> receipt = copies.standing(key(block, FilePart.RECEIPT, position));
        Standing now = transaction(taken.now(), receipt);
        loads.moved(transaction(taken.before(), receipt).files(), now.files());
        show(block, part, position, now.row(), timestamp);
      }
      case RECEIPT -> {
        Optional<FileCopies.Copy> of = copies.standing(key(block, FilePart.TRANSACTION, position));
        Standing now = transaction(of, taken.now());
        loads.moved(transaction(of, taken.before()).files(), now.files());
        if (now.row() != null) {
          show(block, FilePart.TRANSACTION, position, now.row(), timestamp);
        }
      }
      case BLOCK, LOG, TOKEN_TRANSFER -> {
        loads.moved(FileCopies.Copy.files(taken.before()), FileCopies.Copy.files(taken.now()));
        show(block, part, position, row(part, taken.now()), timestamp);
      }
    }
  }

  /** Takes what files say of a height out of the tables, but for what a node's block replaces. */
  void hide(BlockKey block, int[] counts, long timestamp) {
    rows(
        block,
        (part, position) -> {
          loads.moved(standing(block, part, position).files(), List.of());
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
          loads.moved(List.of(), now.files());
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
  private record Standing(SpecificRecord row, List<Long> files) {}

  private Standing standing(BlockKey block, FilePart part, int position) {
    Optional<FileCopies.Copy> copy = copies.standing(key(block, part, position));
    return part == FilePart.TRANSACTION
        ? transaction(copy, copies.standing(key(block, FilePart.RECEIPT, position)))
        : new Standing(row(part, copy), FileCopies.Copy.files(copy));
  }

  private Standing transaction(
      Optional<FileCopies.Copy> copy, Optional<FileCopies.Copy> copyOfReceipt) {
    Transaction row = (Transaction) row(FilePart.TRANSACTION, copy);
    FileReceipt receipt = row == null ? null : (FileReceipt) row(FilePart.RECEIPT, copyOfReceipt);
    if (receipt == null || !receipt.getTransactionHash().equals(row.getHash())) {
      return new Standing(row, FileCopies.Copy.files(copy));
    }
    row.setStatus(receipt.getStatus());
    row.setStateRoot(receipt.getStateRoot());
    row.setGasUsed(receipt.getGasUsed());
    row.setCumulativeGasUsed(receipt.getCumulativeGasUsed());
    row.setEffectiveGasPrice(receipt.getEffectiveGasPrice());
    row.setContractAddress(receipt.getContractAddress());
    return new Standing(row, List.of(copy.get().file(), copyOfReceipt.get().file()));
  }

  /** What a copy says; null if there is none. */
  private SpecificRecord row(FilePart part, Optional<FileCopies.Copy> copy) {
    if (copy.isEmpty()) {
      return null;
    }
    FileCopies.Copy said = copy.get();
    return switch (part) {
      case BLOCK -> loads.from(said.file(), said.read(Block::fromByteBuffer));
      case TRANSACTION -> said.read(Transaction::fromByteBuffer);
      case RECEIPT -> said.read(FileReceipt::fromByteBuffer);
      case LOG -> said.read(Log::fromByteBuffer);
      case TOKEN_TRANSFER -> said.read(TokenTransfer::fromByteBuffer);
    };
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
