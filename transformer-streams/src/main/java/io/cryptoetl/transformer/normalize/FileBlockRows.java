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
import java.io.IOException;
import java.io.UncheckedIOException;
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

  private static final int KEY_BYTES = 2 * Long.BYTES + 1 + Integer.BYTES;

  private final UnaryOperator<String> sink;
  private final String economics;
  private ProcessorContext<SpecificRecord, SpecificRecord> context;
  private FileCopies copies;

  FileBlockRows(UnaryOperator<String> sink, String economics) {
    this.sink = sink;
    this.economics = economics;
  }

  void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    context = processorContext;
    KeyValueStore<byte[], byte[]> store = processorContext.getStateStore(STORE);
    copies = new FileCopies(store);
  }

  /** Keeps a copy, or forgets one that its file makes no more. */
  void take(BlockKey block, FileRow copy) {
    copies.take(key(block, FilePart.of(copy.getPart()), copy.getPosition()), copy);
  }

  /** Takes what files say of a height out of the tables, but for what a node's block replaces. */
  void hide(BlockKey block, int[] counts, long timestamp) {
    for (byte[] key : keys(block)) {
      ByteBuffer place = ByteBuffer.wrap(key, 2 * Long.BYTES, 1 + Integer.BYTES);
      FilePart part = FilePart.of(place.get());
      int position = place.getInt();
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
    }
  }

  /** Puts what files say of a height into the tables. */
  void show(BlockKey block, long timestamp) {
    for (byte[] key : keys(block)) {
      ByteBuffer place = ByteBuffer.wrap(key, 2 * Long.BYTES, 1 + Integer.BYTES);
      FilePart part = FilePart.of(place.get());
      if (part != FilePart.RECEIPT) {
        show(block, part, place.getInt(), timestamp);
      }
    }
  }

  /** Puts a row, or that there is none any more, into its table. */
  void show(BlockKey block, FilePart part, int position, long timestamp) {
    switch (part) {
      case BLOCK -> {
        Block row = read(block, part, position, Block::fromByteBuffer);
        put(block, part, position, row, timestamp);
        context.forward(
            new Record<>(block, row == null ? null : Economics.of(row), timestamp), economics);
      }
      case TRANSACTION -> put(block, part, position, transaction(block, position), timestamp);
      case RECEIPT -> {
        Transaction row = transaction(block, position);
        if (row != null) {
          put(block, FilePart.TRANSACTION, position, row, timestamp);
        }
      }
      case LOG ->
          put(block, part, position, read(block, part, position, Log::fromByteBuffer), timestamp);
      case TOKEN_TRANSFER ->
          put(
              block,
              part,
              position,
              read(block, part, position, TokenTransfer::fromByteBuffer),
              timestamp);
    }
  }

  private Transaction transaction(BlockKey block, int index) {
    Transaction row = read(block, FilePart.TRANSACTION, index, Transaction::fromByteBuffer);
    FileReceipt receipt =
        row == null ? null : read(block, FilePart.RECEIPT, index, FileReceipt::fromByteBuffer);
    if (receipt != null && receipt.getTransactionHash().equals(row.getHash())) {
      row.setStatus(receipt.getStatus());
      row.setStateRoot(receipt.getStateRoot());
      row.setGasUsed(receipt.getGasUsed());
      row.setCumulativeGasUsed(receipt.getCumulativeGasUsed());
      row.setEffectiveGasPrice(receipt.getEffectiveGasPrice());
      row.setContractAddress(receipt.getContractAddress());
    }
    return row;
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

  private interface Decoder<T> {
    T decode(ByteBuffer bytes) throws IOException;
  }

  private <T> T read(BlockKey block, FilePart part, int position, Decoder<T> decoder) {
    Optional<ByteBuffer> best = copies.best(key(block, part, position));
    if (best.isEmpty()) {
      return null;
    }
    try {
      return decoder.decode(best.get());
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
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
