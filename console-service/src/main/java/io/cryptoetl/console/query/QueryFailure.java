package io.cryptoetl.console.query;

import java.sql.SQLException;
import java.util.Optional;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/**
 * Why a query failed, in the server's words where it has some.
 *
 * @param hint what to do next; null if nobody knows
 * @param position character of the statement that is wrong, from 1; 0 if it is none
 */
record QueryFailure(String message, String sqlState, String hint, int position) {
  private static final String CANCELED = "57014";
  private static final String TOO_MANY_CONNECTIONS = "53300";
  private static final String READ_ONLY = "25006";
  private static final String DENIED = "42501";
  private static final String SYNTAX = "42601";

  /**
   * What a failure means.
   *
   * @param before characters that stand before the statement in what the server got
   */
  static QueryFailure of(SQLException failure, SqlText text, int before, Optional<String> stopped) {
    String state = failure.getSQLState() == null ? "" : failure.getSQLState();
    ServerErrorMessage server =
        failure instanceof PSQLException e ? e.getServerErrorMessage() : null;
    if (stopped.isPresent()) {
      return new QueryFailure(stopped.get(), CANCELED, null, 0);
    }
    if (server == null) {
      boolean isTooLarge = String.valueOf(failure.getMessage()).contains("maxResultBuffer");
      return isTooLarge
          ? new QueryFailure(
              "A row of the result is larger than 16 MB.",
              "54000",
              "Select fewer columns, or a part of the large one with substring(column, 1, 1000).",
              0)
          : new QueryFailure("The database does not answer.", state, "Run it again.", 0);
    }
    int position = server.getPosition() > before ? text.original(server.getPosition() - before) : 0;
    return new QueryFailure(server.getMessage(), state, hint(state, server, position), position);
  }

  private static String hint(String state, ServerErrorMessage server, int position) {
    if (server.getHint() != null) {
      return server.getHint();
    }
    return switch (state) {
      case CANCELED ->
          "Narrow it down, say by chain_id and block_number, or export it: exports may take longer.";
      case READ_ONLY, DENIED ->
          "The console only reads. Changes are made by the pipeline's services.";
      case TOO_MANY_CONNECTIONS -> "Wait for other queries to end, or cancel one.";
      case SYNTAX ->
          position <= 1
              ? "Only queries are run: SELECT, WITH, VALUES or TABLE."
              : server.getDetail();
      default -> server.getDetail();
    };
  }
}
