package io.cryptoetl.transformer.blocks;

import io.cryptoetl.business.BlockEconomics;
import io.cryptoetl.chain.Block;
import io.cryptoetl.chain.Transaction;
import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;

/** What a block cost and moved, in wei. The price is joined later. */
final class Economics {
  /** Digits of the columns in wei. A chain of its own may state more than can ever exist. */
  private static final int DIGITS = 78;

  private Economics() {}

  /** What the header of a block tells, be it from before London or without its base fee. */
  static BlockEconomics of(Block block) {
    BlockEconomics row = new BlockEconomics();
    row.setChainId(block.getChainId());
    row.setNumber(block.getNumber());
    row.setHash(block.getHash());
    row.setTimestamp(block.getTimestamp());
    row.setGasUsed(block.getGasUsed());
    row.setBaseFeePerGas(block.getBaseFeePerGas());
    row.setTransactionCount(block.getTransactionCount());
    row.setBurned(block.getBaseFeePerGas() == null ? null : burned(block));
    return row;
  }

  /** Null where the chain does not tell the gas. */
  private static BigDecimal burned(Block block) {
    if (block.getGasUsed() == null) {
      return null;
    }
    return wei(baseFee(block).multiply(BigDecimal.valueOf(block.getGasUsed())));
  }

  private static BigDecimal baseFee(Block block) {
    return Objects.requireNonNullElse(block.getBaseFeePerGas(), BigDecimal.ZERO);
  }

  /** What a block with its transactions tells. */
  static BlockEconomics of(BlockRows rows) {
    Block block = rows.block();
    List<Transaction> transactions = rows.transactions();
    BlockEconomics row = of(block);
    row.setBurned(burned(block));
    row.setContractCreationCount(
        (int) transactions.stream().filter(t -> t.getToAddress() == null).count());
    int[] types = new int[6];
    for (Transaction transaction : transactions) {
      Integer type = transaction.getType();
      int other = types.length - 1;
      types[type != null && type >= 0 && type < other ? type : other]++;
    }
    row.setLegacyCount(types[0]);
    row.setAccessListCount(types[1]);
    row.setDynamicFeeCount(types[2]);
    row.setBlobCount(types[3]);
    row.setSetCodeCount(types[4]);
    row.setOtherTypeCount(types[5]);
    if (block.getLogCount() != null) {
      outcomes(row, transactions);
    }
    if (block.getLogCount() != null
        && transactions.stream().allMatch(t -> t.getGasUsed() != null)) {
      fees(row, baseFee(block), transactions);
    }
    return row;
  }

  private static void outcomes(BlockEconomics row, List<Transaction> transactions) {
    if (transactions.stream().allMatch(t -> t.getStatus() != null)) {
      int succeeded = (int) transactions.stream().filter(t -> t.getStatus() == 1).count();
      row.setSucceededCount(succeeded);
      row.setFailedCount(transactions.size() - succeeded);
    }
    row.setValueMoved(
        wei(
            transactions.stream()
                .filter(t -> t.getStatus() == null || t.getStatus() == 1)
                .map(Transaction::getValue)
                .filter(Objects::nonNull)
                .reduce(BigDecimal.ZERO, BigDecimal::add)));
  }

  private static void fees(BlockEconomics row, BigDecimal baseFee, List<Transaction> transactions) {
    BigDecimal priority = BigDecimal.ZERO;
    BigDecimal blobs = BigDecimal.ZERO;
    for (Transaction transaction : transactions) {
      // Transactions that a chain itself puts into its blocks pay nothing.
      BigDecimal tip = paidPerGas(transaction).subtract(baseFee).max(BigDecimal.ZERO);
      priority = priority.add(tip.multiply(BigDecimal.valueOf(transaction.getGasUsed())));
      if (transaction.getBlobGasUsed() != null && transaction.getBlobGasPrice() != null) {
        blobs =
            blobs.add(
                transaction
                    .getBlobGasPrice()
                    .multiply(BigDecimal.valueOf(transaction.getBlobGasUsed())));
      }
    }
    row.setPriorityFees(wei(priority));
    row.setBlobFees(wei(blobs));
    row.setFeesPaid(row.getBurned() == null ? null : wei(row.getBurned().add(priority).add(blobs)));
    List<BigDecimal> prices = transactions.stream().map(Economics::paidPerGas).sorted().toList();
    if (!prices.isEmpty()) {
      row.setGasPriceP10(percentile(prices, 10));
      row.setGasPriceP25(percentile(prices, 25));
      row.setGasPriceP50(percentile(prices, 50));
      row.setGasPriceP75(percentile(prices, 75));
      row.setGasPriceP90(percentile(prices, 90));
    }
  }

  /** Receipts of old nodes do not tell; before London it is what was offered. */
  private static BigDecimal paidPerGas(Transaction transaction) {
    return transaction.getEffectiveGasPrice() != null
        ? transaction.getEffectiveGasPrice()
        : Objects.requireNonNullElse(transaction.getGasPrice(), BigDecimal.ZERO);
  }

  private static BigDecimal wei(BigDecimal value) {
    return value.precision() > DIGITS ? null : value;
  }

  /** Nearest rank. */
  private static BigDecimal percentile(List<BigDecimal> sorted, int percent) {
    return sorted.get((sorted.size() * percent + 99) / 100 - 1);
  }
}
