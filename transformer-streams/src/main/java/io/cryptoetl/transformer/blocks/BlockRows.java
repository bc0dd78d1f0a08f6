package io.cryptoetl.transformer.blocks;

import io.cryptoetl.chain.AccessListEntry;
import io.cryptoetl.chain.Authorization;
import io.cryptoetl.chain.Block;
import io.cryptoetl.chain.Log;
import io.cryptoetl.chain.TokenTransfer;
import io.cryptoetl.chain.Transaction;
import io.cryptoetl.chain.Withdrawal;
import java.util.List;

/**
 * The rows of a block. Each list is in the order of the position that ends the row's key, without
 * gaps: the row at index i has position i.
 */
public record BlockRows(
    Block block,
    List<Transaction> transactions,
    List<Log> logs,
    List<TokenTransfer> tokenTransfers,
    List<Withdrawal> withdrawals,
    List<AccessListEntry> accessListEntries,
    List<Authorization> authorizations) {}
