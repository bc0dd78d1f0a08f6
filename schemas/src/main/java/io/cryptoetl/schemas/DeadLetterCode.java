package io.cryptoetl.schemas;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/**
 * Why something is a dead letter. What each code means stands in docs/guarantees.md. Rows that a
 * database refuses have {@code sqlstate_} and its SQLState.
 */
public enum DeadLetterCode {
  BLOCK_UNAVAILABLE(Stage.EXTRACT),
  RECEIPTS_UNAVAILABLE(Stage.EXTRACT),
  TRANSACTIONS_NOT_FULL(Stage.EXTRACT, Stage.TRANSFORM),
  RECEIPTS_MISSING(Stage.EXTRACT, Stage.TRANSFORM),
  TRANSACTION_OF_OTHER_BLOCK(Stage.EXTRACT),
  RECEIPT_OF_OTHER_BLOCK(Stage.EXTRACT),
  WRONG_NUMBER(Stage.EXTRACT),
  BLOCK_MALFORMED(Stage.EXTRACT),
  RECEIPTS_MALFORMED(Stage.EXTRACT),
  HEADER_HASH_MISMATCH(Stage.EXTRACT),
  TRANSACTIONS_ROOT_MISMATCH(Stage.EXTRACT),
  RECEIPTS_ROOT_MISMATCH(Stage.EXTRACT),
  WITHDRAWALS_ROOT_MISMATCH(Stage.EXTRACT),
  TRANSACTION_HASH_MISMATCH(Stage.EXTRACT),
  LOGS_BLOOM_MISMATCH(Stage.EXTRACT),
  OMMERS_MISMATCH(Stage.EXTRACT),
  CHAIN_ID_MISMATCH(Stage.EXTRACT),
  DERIVED_FIELD_WRONG(Stage.EXTRACT),
  PARENT_LINK_BROKEN(Stage.EXTRACT),
  TRANSACTION_TYPE_UNKNOWN(Stage.EXTRACT),
  CANDLE_SHAPE(Stage.EXTRACT),
  CANDLE_IN_RANGE(Stage.EXTRACT),
  CANDLE_CLOSED(Stage.EXTRACT),
  CANDLE_PRICES(Stage.EXTRACT),
  INSTRUMENTS_SHAPE(Stage.EXTRACT),
  RECORD_TOO_LARGE(Stage.EXTRACT),
  RECORD_UNREADABLE(Stage.EXTRACT, Stage.BACKFILL, Stage.TRANSFORM, Stage.LOAD),
  ROW_TOO_LARGE(Stage.TRANSFORM),
  ROW_INVALID(Stage.TRANSFORM),
  CANDLE_INTERVAL(Stage.TRANSFORM),
  JSON_INVALID(Stage.TRANSFORM),
  FIELD_INVALID(Stage.TRANSFORM),
  RECEIPT_OF_OTHER_TRANSACTION(Stage.TRANSFORM),
  RAW_INCONSISTENT(Stage.TRANSFORM),
  ROW_RAGGED(Stage.TRANSFORM),
  CSV_INVALID(Stage.TRANSFORM),
  FIELD_MISSING(Stage.TRANSFORM),
  ROW_INCONSISTENT(Stage.TRANSFORM),
  CONVENTION_UNKNOWN(Stage.TRANSFORM),
  TIME_AMBIGUOUS(Stage.TRANSFORM),
  DATASET_UNKNOWN(Stage.TRANSFORM),
  LAYOUT_MISMATCH(Stage.TRANSFORM),
  PARAMETER_MISSING(Stage.TRANSFORM),
  PARAMETER_UNKNOWN(Stage.TRANSFORM),
  PARAMETER_INVALID(Stage.TRANSFORM),
  FORMAT_UNKNOWN(Stage.TRANSFORM),
  PROCESSING_FAILED(Stage.TRANSFORM),
  SCHEMA_UNFIT(Stage.LOAD),
  VALUE_INVALID(Stage.LOAD);

  /** Who writes dead letters. */
  public enum Stage {
    EXTRACT,
    BACKFILL,
    TRANSFORM,
    LOAD;

    /** As it stands in letters. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final String SQLSTATE = "sqlstate_";

  private final String code = name().toLowerCase(Locale.ROOT);
  private final Set<Stage> stages;

  DeadLetterCode(Stage first, Stage... more) {
    stages = EnumSet.of(first, more);
  }

  /** The code of a row that a database refuses. */
  public static String ofSqlState(String state) {
    return SQLSTATE + state;
  }

  /** As it stands in letters. */
  public String code() {
    return code;
  }

  /** Who writes letters of this code. */
  public Set<Stage> stages() {
    return EnumSet.copyOf(stages);
  }
}
