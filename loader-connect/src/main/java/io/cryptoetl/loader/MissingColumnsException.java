package io.cryptoetl.loader;

import java.util.Set;

/** Records have fields that their table has no columns for, and are to wait for these. */
final class MissingColumnsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  MissingColumnsException(String table, Set<String> columns) {
    super(
        "table %s has no column %s; run the migrations, the records wait for them"
            .formatted(table, String.join(", ", columns)));
  }
}
