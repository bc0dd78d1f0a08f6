package io.cryptoetl.loader.table;

import java.util.Set;

/** Records have fields that their table has no columns for, and are to wait for these. */
public final class MissingColumnsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public MissingColumnsException(String table, Set<String> columns) {
    super(
        "table %s has no column %s; run the migrations, the records wait for them"
            .formatted(table, String.join(", ", columns)));
  }
}
