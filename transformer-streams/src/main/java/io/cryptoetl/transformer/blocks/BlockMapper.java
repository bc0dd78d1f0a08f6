package io.cryptoetl.transformer.blocks;

import io.cryptoetl.chain.AccessListEntry;
import io.cryptoetl.chain.Authorization;
import io.cryptoetl.chain.Block;
import io.cryptoetl.chain.Log;
import io.cryptoetl.chain.TokenTransfer;
import io.cryptoetl.chain.Transaction;
import io.cryptoetl.chain.Withdrawal;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.datasets.values.Times;
import io.cryptoetl.json.Json;
import io.cryptoetl.json.JsonValue;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.DeadLetterCode;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Maps the JSON of a block and its receipts to rows. Fields are those of the <a
 * href="https://ethereum.github.io/execution-apis/">execution API</a>; unknown ones stay in the raw
 * record.
 */
public final class BlockMapper {
  private static final int HASH = 32;
  private static final int ADDRESS = 20;
  private static final int BLOOM = 256;
  private static final int POW_NONCE = 8;
  private static final int MAX_TOPICS = 4;

  private BlockMapper() {}

  /**
   * The rows of a raw block.
   *
   * @throws BadRecordException if the JSON is not a block with its receipts as the API describes it
   */
  public static BlockRows map(RawBlock raw) throws BadRecordException {
    try {
      JsonFields block = JsonFields.of(parse(raw.getBlockJson()), "block", raw.getNumber());
      return new Mapping(raw, block, receipts(raw)).rows();
    } catch (IOException e) {
      throw new BadRecordException(
          DeadLetterCode.JSON_INVALID.code(),
          "block %d of source %s cannot be read: %s"
              .formatted(raw.getNumber(), raw.getSource(), e.getMessage()));
    } catch (JsonFields.InvalidFieldException e) {
      throw new BadRecordException(DeadLetterCode.FIELD_INVALID.code(), e.getMessage());
    }
  }

  private static JsonValue parse(ByteBuffer json) throws IOException {
    boolean isWhole = json.arrayOffset() == 0 && json.remaining() == json.array().length;
    return Json.parse(
        isWhole
            ? json.array()
            : Arrays.copyOfRange(
                json.array(),
                json.arrayOffset() + json.position(),
                json.arrayOffset() + json.limit()));
  }

  /** The receipts, or null where they were not fetched. */
  private static List<JsonValue> receipts(RawBlock raw) throws IOException {
    if (raw.getReceiptsJson() == null) {
      return null;
    }
    JsonValue array = parse(raw.getReceiptsJson());
    if (!array.isArray()) {
      throw new JsonFields.InvalidFieldException(
          "the receipts of block " + raw.getNumber() + " are not a JSON array");
    }
    return array.items();
  }

  /** One block on its way to rows. */
  private static final class Mapping {
    private final RawBlock raw;
    private final JsonFields block;
    private final List<JsonValue> receipts;
    private final long chainId;
    private final long number;
    private final ByteBuffer hash;
    private final Instant time;
    private final List<Transaction> transactions = new ArrayList<>();
    private final List<Log> logs = new ArrayList<>();
    private final List<TokenTransfer> transfers = new ArrayList<>();
    private final List<Withdrawal> withdrawals = new ArrayList<>();
    private final List<AccessListEntry> accessList = new ArrayList<>();
    private final List<Authorization> authorizations = new ArrayList<>();

    Mapping(RawBlock raw, JsonFields block, List<JsonValue> receipts) throws BadRecordException {
      this.raw = raw;
      this.block = block;
      this.receipts = receipts;
      this.chainId = raw.getChainId();
      this.number = raw.getNumber();
      this.hash = block.requiredData("hash", HASH);
      this.time = time(block, number);
    }

    private static Instant time(JsonFields block, long number) throws BadRecordException {
      // Cut before it overflows: what is cut is refused all the same.
      Instant time =
          Instant.ofEpochSecond(
              Math.min(block.requiredQuantity("timestamp"), Instant.MAX.getEpochSecond()));
      Times.require("timestamp of block " + number, time);
      return time;
    }

    BlockRows rows() throws BadRecordException {
      if (block.requiredQuantity("number") != number || !hash.equals(raw.getHash())) {
        throw new BadRecordException(
            DeadLetterCode.RAW_INCONSISTENT.code(),
            "the raw record says block %d, its JSON says block %d, or their hashes differ"
                .formatted(number, block.requiredQuantity("number")));
      }
      List<JsonValue> items = block.array("transactions");
      if (receipts != null && receipts.size() != items.size()) {
        throw new BadRecordException(
            DeadLetterCode.RECEIPTS_MISSING.code(),
            "block %d has %d transactions and %d receipts"
                .formatted(number, items.size(), receipts.size()));
      }
      for (int i = 0; i < items.size(); i++) {
        transaction(i, items.get(i), receipts == null ? null : receipts.get(i));
      }
      List<JsonValue> withdrawalItems = block.optArray("withdrawals");
      for (int i = 0; i < withdrawalItems.size(); i++) {
        withdrawals.add(withdrawal(i, withdrawalItems.get(i)));
      }
      return new BlockRows(
          header(), transactions, logs, transfers, withdrawals, accessList, authorizations);
    }

    private Block header() {
      Block row = new Block();
      row.setChainId(chainId);
      row.setNumber(number);
      row.setHash(hash);
      row.setParentHash(block.requiredData("parentHash", HASH));
      row.setTimestamp(time);
      row.setMiner(block.data(block.has("miner") ? "miner" : "author", ADDRESS));
      row.setGasLimit(block.quantity("gasLimit"));
      row.setGasUsed(block.quantity("gasUsed"));
      row.setBaseFeePerGas(block.optUint256("baseFeePerGas"));
      row.setBlobGasUsed(block.optQuantity("blobGasUsed"));
      row.setExcessBlobGas(block.optQuantity("excessBlobGas"));
      row.setDifficulty(block.uint256("difficulty"));
      row.setTotalDifficulty(block.optUint256("totalDifficulty"));
      row.setSize(block.optQuantity("size"));
      row.setExtraData(block.data("extraData"));
      row.setLogsBloom(block.data("logsBloom", BLOOM));
      row.setMixHash(block.optData("mixHash", HASH));
      row.setNonce(block.optData("nonce", POW_NONCE));
      row.setSha3Uncles(block.data("sha3Uncles", HASH));
      row.setStateRoot(block.data("stateRoot", HASH));
      row.setTransactionsRoot(block.data("transactionsRoot", HASH));
      row.setReceiptsRoot(block.data("receiptsRoot", HASH));
      row.setWithdrawalsRoot(block.optData("withdrawalsRoot", HASH));
      row.setParentBeaconBlockRoot(block.optData("parentBeaconBlockRoot", HASH));
      row.setRequestsHash(block.optData("requestsHash", HASH));
      row.setUncles(block.optDataList("uncles", HASH));
      row.setTransactionCount(transactions.size());
      row.setLogCount(receipts == null ? null : logs.size());
      row.setTokenTransferCount(receipts == null ? null : transfers.size());
      row.setWithdrawalCount(withdrawals.size());
      row.setAccessListEntryCount(accessList.size());
      row.setAuthorizationCount(authorizations.size());
      row.setSource(raw.getSource());
      row.setEndpoint(raw.getEndpoint());
      row.setFetchedAt(raw.getFetchedAt());
      row.setChecks(raw.getChecks());
      row.setUnchecked(raw.getUnchecked());
      row.setDeviations(List.copyOf(block.deviations()));
      return row;
    }

    private void transaction(int index, JsonValue item, JsonValue receiptNode)
        throws BadRecordException {
      if (item.isString()) {
        throw new BadRecordException(
            DeadLetterCode.TRANSACTIONS_NOT_FULL.code(),
            "block %d came with transaction hashes only".formatted(number));
      }
      JsonFields tx = block.part(item, "transaction", index, "transactions.");
      ByteBuffer txHash = tx.requiredData("hash", HASH);
      Integer type = tx.optSmallQuantity("type");
      Transaction row = new Transaction();
      row.setChainId(chainId);
      row.setBlockNumber(number);
      row.setTransactionIndex(index);
      row.setBlockHash(hash);
      row.setBlockTimestamp(time);
      row.setHash(txHash);
      row.setType(type == null ? 0 : type);
      row.setFromAddress(tx.requiredData("from", ADDRESS));
      row.setToAddress(tx.optData("to", ADDRESS));
      row.setNonce(tx.quantity("nonce"));
      row.setValue(tx.uint256("value"));
      row.setInput(tx.data(tx.has("input") || !tx.has("data") ? "input" : "data"));
      row.setGas(tx.quantity("gas"));
      row.setGasPrice(tx.optUint256("gasPrice"));
      row.setMaxFeePerGas(tx.optUint256("maxFeePerGas"));
      row.setMaxPriorityFeePerGas(tx.optUint256("maxPriorityFeePerGas"));
      row.setMaxFeePerBlobGas(tx.optUint256("maxFeePerBlobGas"));
      row.setBlobVersionedHashes(
          tx.has("blobVersionedHashes") ? tx.optDataList("blobVersionedHashes", HASH) : null);
      row.setTransactionChainId(tx.optUint256("chainId"));
      row.setV(tx.optUint256("v"));
      row.setYParity(tx.optSmallQuantity("yParity"));
      row.setR(tx.optWord("r"));
      row.setS(tx.optWord("s"));
      if (receiptNode != null) {
        receipt(index, row, txHash, receiptNode);
      }
      transactions.add(row);
      accessList(tx, index, txHash);
      authorizations(tx, index, txHash);
    }

    private void receipt(int index, Transaction row, ByteBuffer txHash, JsonValue node)
        throws BadRecordException {
      JsonFields receipt = block.part(node, "receipt", index, "receipts.");
      if (!receipt.requiredData("transactionHash", HASH).equals(txHash)) {
        throw new BadRecordException(
            DeadLetterCode.RECEIPT_OF_OTHER_TRANSACTION.code(),
            "receipt %d of block %d is of another transaction".formatted(index, number));
      }
      row.setStatus(receipt.optSmallQuantity("status"));
      row.setStateRoot(receipt.optData("root"));
      row.setGasUsed(receipt.quantity("gasUsed"));
      row.setCumulativeGasUsed(receipt.quantity("cumulativeGasUsed"));
      row.setEffectiveGasPrice(receipt.optUint256("effectiveGasPrice"));
      row.setBlobGasUsed(receipt.optQuantity("blobGasUsed"));
      row.setBlobGasPrice(receipt.optUint256("blobGasPrice"));
      row.setContractAddress(receipt.optData("contractAddress", ADDRESS));
      List<JsonValue> items = receipt.array("logs");
      row.setLogCount(items.size());
      for (JsonValue item : items) {
        log(index, txHash, item);
      }
    }

    private void log(int transactionIndex, ByteBuffer txHash, JsonValue item)
        throws BadRecordException {
      int index = logs.size();
      JsonFields log = block.part(item, "log", index, "logs.");
      // Some nodes count the logs of each transaction anew, or leave gaps: the position counts.
      Long stated = log.quantity("logIndex");
      if (stated != null && stated != index) {
        log.deviates("logIndex");
      }
      List<ByteBuffer> topics = log.dataList("topics", HASH);
      if (topics.size() > MAX_TOPICS) {
        throw new BadRecordException(
            DeadLetterCode.FIELD_INVALID.code(),
            "log %d of block %d has %d topics, at most 4 exist"
                .formatted(index, number, topics.size()));
      }
      Log row = new Log();
      row.setChainId(chainId);
      row.setBlockNumber(number);
      row.setLogIndex(index);
      row.setTransactionIndex(transactionIndex);
      row.setTransactionHash(txHash);
      row.setBlockHash(hash);
      row.setBlockTimestamp(time);
      row.setNodeLogIndex(stated == null || stated == index ? null : stated);
      row.setAddress(log.requiredData("address", ADDRESS));
      row.setTopic0(topic(topics, 0));
      row.setTopic1(topic(topics, 1));
      row.setTopic2(topic(topics, 2));
      row.setTopic3(topic(topics, 3));
      row.setData(log.has("data") ? log.requiredData("data") : ByteBuffer.allocate(0));
      if (!log.has("data")) {
        log.deviates("data");
      }
      logs.add(row);
      for (TokenTransferDecoder.Transfer transfer :
          TokenTransferDecoder.decode(topics, row.getData())) {
        transfers.add(transfer(row, transfer));
      }
    }

    private static ByteBuffer topic(List<ByteBuffer> topics, int index) {
      return index < topics.size() ? topics.get(index) : null;
    }

    private TokenTransfer transfer(Log log, TokenTransferDecoder.Transfer transfer) {
      TokenTransfer row = new TokenTransfer();
      row.setChainId(chainId);
      row.setBlockNumber(number);
      row.setTransferIndex(transfers.size());
      row.setLogIndex(log.getLogIndex());
      row.setBatchIndex(transfer.batchIndex());
      row.setTransactionIndex(log.getTransactionIndex());
      row.setTransactionHash(log.getTransactionHash());
      row.setBlockHash(hash);
      row.setBlockTimestamp(time);
      row.setStandard(transfer.standard());
      row.setTokenAddress(log.getAddress());
      row.setFromAddress(transfer.from());
      row.setToAddress(transfer.to());
      row.setOperatorAddress(transfer.operator());
      row.setTokenId(transfer.tokenId() == null ? null : new BigDecimal(transfer.tokenId()));
      row.setAmount(new BigDecimal(transfer.amount()));
      return row;
    }

    private Withdrawal withdrawal(int index, JsonValue item) {
      JsonFields fields = block.part(item, "withdrawal", index, "withdrawals.");
      Withdrawal row = new Withdrawal();
      row.setChainId(chainId);
      row.setBlockNumber(number);
      row.setWithdrawalIndex(index);
      row.setBlockHash(hash);
      row.setBlockTimestamp(time);
      row.setGlobalIndex(fields.requiredQuantity("index"));
      row.setValidatorIndex(fields.requiredQuantity("validatorIndex"));
      row.setAddress(fields.requiredData("address", ADDRESS));
      row.setAmount(fields.requiredQuantity("amount"));
      return row;
    }

    private void accessList(JsonFields tx, int transactionIndex, ByteBuffer txHash) {
      List<JsonValue> items = tx.optArray("accessList");
      for (int i = 0; i < items.size(); i++) {
        JsonFields entry = tx.part(items.get(i), "access list entry", i, "accessList.");
        AccessListEntry row = new AccessListEntry();
        row.setChainId(chainId);
        row.setBlockNumber(number);
        row.setEntryIndex(accessList.size());
        row.setTransactionIndex(transactionIndex);
        row.setIndexInTransaction(i);
        row.setTransactionHash(txHash);
        row.setBlockHash(hash);
        row.setBlockTimestamp(time);
        row.setAddress(entry.requiredData("address", ADDRESS));
        row.setStorageKeys(entry.dataList("storageKeys", HASH));
        accessList.add(row);
      }
    }

    private void authorizations(JsonFields tx, int transactionIndex, ByteBuffer txHash) {
      List<JsonValue> items = tx.optArray("authorizationList");
      for (int i = 0; i < items.size(); i++) {
        JsonFields tuple = tx.part(items.get(i), "authorization", i, "authorizationList.");
        Authorization row = new Authorization();
        row.setChainId(chainId);
        row.setBlockNumber(number);
        row.setAuthorizationIndex(authorizations.size());
        row.setTransactionIndex(transactionIndex);
        row.setIndexInTransaction(i);
        row.setTransactionHash(txHash);
        row.setBlockHash(hash);
        row.setBlockTimestamp(time);
        row.setAuthorizationChainId(tuple.uint256("chainId"));
        row.setAddress(tuple.requiredData("address", ADDRESS));
        row.setNonce(tuple.uint256("nonce"));
        row.setYParity(tuple.smallQuantity(tuple.has("yParity") ? "yParity" : "v"));
        row.setR(tuple.word("r"));
        row.setS(tuple.word("s"));
        authorizations.add(row);
      }
    }
  }
}
