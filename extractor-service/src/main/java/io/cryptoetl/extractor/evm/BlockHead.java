package io.cryptoetl.extractor.evm;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.cryptoetl.extractor.source.BadDataException;
import java.io.IOException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * What publishing needs to know of a block, read from the replies, and the checks that its parts
 * belong together. Hashes are compared as the node states them; they are not recomputed.
 *
 * @param checks names of the checks that the block passed, sorted
 */
record BlockHead(
    long number, byte[] hash, byte[] parentHash, long timestampSeconds, List<String> checks) {
  private static final int HASH_BYTES = 32;

  /** The height is the one that was asked for. */
  private static final String NUMBER = "number";

  /** Transactions came in full, and each says that it is of this block. */
  private static final String TRANSACTIONS_OF_BLOCK = "transactions_of_block";

  /** There is a receipt of this block for each transaction, in the same order. */
  private static final String RECEIPTS_OF_BLOCK = "receipts_of_block";

  /**
   * Reads and checks a block.
   *
   * @param number the height that was asked for
   * @param receipts reply of eth_getBlockReceipts, or null where there is none
   * @throws BadDataException if the parts do not belong together
   */
  static BlockHead read(long number, byte[] block, byte[] receipts) throws BadDataException {
    try {
      Map<String, String> fields = new HashMap<>();
      java.util.List<Reference> transactions = new java.util.ArrayList<>();
      try (JsonParser parser = BatchReply.JSON.createParser(block)) {
        require(
            parser.nextToken() == JsonToken.START_OBJECT,
            "block_malformed",
            "block " + number + " is not a JSON object");
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String field = parser.currentName();
          JsonToken value = parser.nextToken();
          if (field.equals("transactions") && value == JsonToken.START_ARRAY) {
            readTransactions(number, parser, transactions);
          } else if (value == JsonToken.VALUE_STRING) {
            fields.put(field, parser.getText());
          } else {
            parser.skipChildren();
          }
        }
      }
      TreeSet<String> checks = new TreeSet<>();
      long stated = quantity(number, fields, "number");
      require(
          stated == number,
          "wrong_number",
          "asked for block " + number + ", the node answered with block " + stated);
      checks.add(NUMBER);
      String hash = fields.getOrDefault("hash", "");
      for (Reference transaction : transactions) {
        require(
            hash.equals(transaction.blockHash()),
            "transaction_of_other_block",
            "block %d has hash %s, its transaction %s says block %s"
                .formatted(number, hash, transaction.hash(), transaction.blockHash()));
      }
      checks.add(TRANSACTIONS_OF_BLOCK);
      if (receipts != null) {
        checkReceipts(number, hash, transactions, receipts);
        checks.add(RECEIPTS_OF_BLOCK);
      }
      return new BlockHead(
          number,
          hash(number, fields, "hash"),
          hash(number, fields, "parentHash"),
          quantity(number, fields, "timestamp"),
          List.copyOf(checks));
    } catch (JacksonException e) {
      throw new BadDataException(
          "block_malformed", "block " + number + " is not JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new java.io.UncheckedIOException("reading from memory", e);
    }
  }

  /** What a transaction or a receipt says of itself. */
  private record Reference(String hash, String blockHash) {}

  private static void readTransactions(long number, JsonParser parser, List<Reference> transactions)
      throws IOException, BadDataException {
    JsonToken token;
    while ((token = parser.nextToken()) != JsonToken.END_ARRAY) {
      require(
          token == JsonToken.START_OBJECT,
          "transactions_not_full",
          "block %d came with transaction hashes only, full transactions were asked for; use an endpoint that gives them"
              .formatted(number));
      transactions.add(readReference(parser, "hash"));
    }
  }

  private static Reference readReference(JsonParser parser, String hashField) throws IOException {
    String hash = "";
    String blockHash = "";
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals(hashField) && value == JsonToken.VALUE_STRING) {
        hash = parser.getText();
      } else if (field.equals("blockHash") && value == JsonToken.VALUE_STRING) {
        blockHash = parser.getText();
      } else {
        parser.skipChildren();
      }
    }
    return new Reference(hash, blockHash);
  }

  private static void checkReceipts(
      long number, String hash, List<Reference> transactions, byte[] receipts)
      throws IOException, BadDataException {
    int count = 0;
    try (JsonParser parser = BatchReply.JSON.createParser(receipts)) {
      require(
          parser.nextToken() == JsonToken.START_ARRAY,
          "receipts_malformed",
          "the receipts of block " + number + " are not a JSON array");
      while (parser.nextToken() == JsonToken.START_OBJECT) {
        Reference receipt = readReference(parser, "transactionHash");
        require(
            count < transactions.size()
                && receipt.hash().equals(transactions.get(count).hash())
                && receipt.blockHash().equals(hash),
            "receipt_of_other_block",
            "receipt %d of block %d is of transaction %s in block %s, expected transaction %s in block %s"
                .formatted(
                    count,
                    number,
                    receipt.hash(),
                    receipt.blockHash(),
                    count < transactions.size() ? transactions.get(count).hash() : "none",
                    hash));
        count++;
      }
    }
    require(
        count == transactions.size(),
        "receipts_missing",
        "block %d has %d transactions, the node gave %d receipts"
            .formatted(number, transactions.size(), count));
  }

  private static long quantity(long number, Map<String, String> fields, String field)
      throws BadDataException {
    String text = fields.getOrDefault(field, "");
    require(
        text.matches("0x[0-9a-fA-F]{1,15}"),
        "block_malformed",
        "field %s of block %d is '%s', a hex quantity is expected".formatted(field, number, text));
    return Long.parseLong(text, 2, text.length(), 16);
  }

  private static byte[] hash(long number, Map<String, String> fields, String field)
      throws BadDataException {
    String text = fields.getOrDefault(field, "");
    require(
        text.matches("0x[0-9a-fA-F]{" + 2 * HASH_BYTES + "}"),
        "block_malformed",
        "field %s of block %d is '%s', 32 bytes in hex are expected"
            .formatted(field, number, text));
    return HexFormat.of().parseHex(text, 2, text.length());
  }

  private static void require(boolean holds, String code, String message) throws BadDataException {
    if (!holds) {
      throw new BadDataException(code, message);
    }
  }
}
