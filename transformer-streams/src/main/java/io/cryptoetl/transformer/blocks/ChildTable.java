package io.cryptoetl.transformer.blocks;

import io.cryptoetl.chain.AccessListEntryKey;
import io.cryptoetl.chain.AuthorizationKey;
import io.cryptoetl.chain.LogKey;
import io.cryptoetl.chain.TokenTransferKey;
import io.cryptoetl.chain.TransactionKey;
import io.cryptoetl.chain.WithdrawalKey;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.util.List;
import java.util.function.Function;
import org.apache.avro.specific.SpecificRecord;

/** A table whose rows belong to a block and are keyed by their position in it. */
enum ChildTable {
  TRANSACTIONS(0, Topics.CHAIN_TRANSACTIONS, BlockRows::transactions, TransactionKey::new),
  LOGS(1, Topics.CHAIN_LOGS, BlockRows::logs, LogKey::new),
  TOKEN_TRANSFERS(
      2, Topics.CHAIN_TOKEN_TRANSFERS, BlockRows::tokenTransfers, TokenTransferKey::new),
  WITHDRAWALS(3, Topics.CHAIN_WITHDRAWALS, BlockRows::withdrawals, WithdrawalKey::new),
  ACCESS_LIST_ENTRIES(
      4, Topics.CHAIN_ACCESS_LIST_ENTRIES, BlockRows::accessListEntries, AccessListEntryKey::new),
  AUTHORIZATIONS(5, Topics.CHAIN_AUTHORIZATIONS, BlockRows::authorizations, AuthorizationKey::new);

  private interface KeyOfPosition {
    SpecificRecord key(Long chainId, Long blockNumber, Integer position);
  }

  private final int slot;
  private final Topic topic;
  private final Function<BlockRows, List<? extends SpecificRecord>> rows;
  private final KeyOfPosition key;

  ChildTable(
      int slot,
      Topic topic,
      Function<BlockRows, List<? extends SpecificRecord>> rows,
      KeyOfPosition key) {
    this.slot = slot;
    this.topic = topic;
    this.rows = rows;
    this.key = key;
  }

  /** Place of the table's count in the state store. It never changes. */
  int slot() {
    return slot;
  }

  Topic topic() {
    return topic;
  }

  List<? extends SpecificRecord> rows(BlockRows block) {
    return rows.apply(block);
  }

  SpecificRecord key(long chainId, long blockNumber, int position) {
    return key.key(chainId, blockNumber, position);
  }
}
