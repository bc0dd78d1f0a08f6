package io.cryptoetl.datasets;

import static io.cryptoetl.datasets.Conventions.DecimalMark.COMMA;

import io.cryptoetl.datasets.Conventions.DecimalMark;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.datasets.values.Decimals;
import io.cryptoetl.datasets.values.Hex;
import io.cryptoetl.datasets.values.Texts;
import io.cryptoetl.datasets.values.Times;
import io.cryptoetl.schemas.DeadLetterCode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;

/** Turns the text of a cell into what a field holds. */
final class Values {
  /** What programs write where they have nothing. */
  private static final Set<String> NOTHING =
      Set.of("", "null", "NULL", "None", "nan", "NaN", "NA", "N.A.", "N/A", "#N/A", "#N/A N/A");

  private static final Pattern ROUNDED = Pattern.compile("[0-9]+([.,][0-9]*)?[eE][+-]?[0-9]+");
  private static final String WITH_ALL_DIGITS =
      "one with all its digits, which a spreadsheet seems to have rounded: take the file as it was before, or save the column as text,";

  /** Code of what only the file as a whole can tell. */
  static final String CONVENTION_UNKNOWN = DeadLetterCode.CONVENTION_UNKNOWN.code();

  private static final int WORD_DIGITS = 64;
  private static final int UINT256_BITS = 256;
  private static final int LONGEST = 80;

  /** Names are parts of keys, which an index has to hold. */
  private static final int LONGEST_NAME = 200;

  private Values() {}

  static boolean isNothing(String text) {
    return NOTHING.contains(text);
  }

  static boolean isTime(Schema.Field field) {
    return type(field).getLogicalType() instanceof LogicalTypes.TimestampMillis;
  }

  /** Whether a field is a number, and no time. */
  static boolean isNumber(Schema.Field field) {
    Schema type = type(field);
    return type.getLogicalType() instanceof LogicalTypes.Decimal
        || (type.getLogicalType() == null
            && (type.getType() == Schema.Type.INT || type.getType() == Schema.Type.LONG));
  }

  static boolean isNullable(Schema.Field field) {
    return field.schema().isUnion();
  }

  /** Type of a field without null. */
  private static Schema type(Schema.Field field) {
    Schema schema = field.schema();
    if (!schema.isUnion()) {
      return schema;
    }
    List<Schema> types = schema.getTypes();
    return types.get(types.getFirst().getType() == Schema.Type.NULL ? 1 : 0);
  }

  /**
   * What a field holds.
   *
   * @param column of the text, for messages
   * @param text not nothing
   * @param times how a time may be written
   * @param conventions of the file
   * @param separator between the parts of a list
   */
  static Object of(
      Schema.Field field,
      String column,
      String text,
      List<TimeFormat> times,
      Conventions conventions,
      String separator)
      throws BadRecordException {
    Schema type = type(field);
    if (type.getLogicalType() instanceof LogicalTypes.TimestampMillis) {
      return time(column, text, times, conventions);
    }
    return isNumber(field)
        ? number(field, type, column, plainNumber(column, text, conventions))
        : plain(field, type, column, text, separator);
  }

  /**
   * Whether a value has fewer digits than its text, because its column holds no more.
   *
   * @param value that {@link #of} made of the text
   */
  static boolean isRounded(Schema.Field field, Object value, String text, Conventions conventions)
      throws BadRecordException {
    return value instanceof BigDecimal number
        && number.scale() > 0
        && (text.length() > number.scale() || text.indexOf('E') >= 0 || text.indexOf('e') >= 0)
        && new BigDecimal(plainNumber(field.name(), text, conventions)).compareTo(number) != 0;
  }

  private static Object number(Schema.Field field, Schema type, String column, String text)
      throws BadRecordException {
    if (type.getLogicalType() instanceof LogicalTypes.Decimal decimal && decimal.getScale() > 0) {
      try {
        return Decimals.rounded(column, text);
      } catch (BadRecordException e) {
        throw new BadRecordException(e.code(), column, e.getMessage());
      }
    }
    if (type.getLogicalType() instanceof LogicalTypes.Decimal) {
      return new BigDecimal(integer(column, text, UINT256_BITS));
    }
    return switch (type.getType()) {
      case LONG -> integer(column, text, Long.SIZE - 1).longValueExact();
      case INT -> integer(column, text, Integer.SIZE - 1).intValueExact();
      default -> throw new IllegalArgumentException("no way to fill " + field.name());
    };
  }

  private static Object plain(
      Schema.Field field, Schema type, String column, String text, String separator)
      throws BadRecordException {
    return switch (type.getType()) {
      case STRING -> requireText(column, text);
      case BYTES -> data(column, text, padded(field, text), Target.length(field.name()));
      case ARRAY -> list(field, column, text, separator);
      default -> throw new IllegalArgumentException("no way to fill " + field.name());
    };
  }

  /**
   * A number with a point before its fraction and nothing between thousands.
   *
   * @throws BadRecordException if it is written otherwise, and nobody knows how the file means it
   */
  private static String plainNumber(String column, String text, Conventions conventions)
      throws BadRecordException {
    if (isPlainNumber(text) && conventions.decimals().filter(COMMA::equals).isEmpty()) {
      return text;
    }
    if (text.startsWith("0x")) {
      return text;
    }
    if (conventions.decimals().isPresent()) {
      DecimalMark mark = conventions.decimals().get();
      return mark.plain(text)
          .orElseThrow(
              () ->
                  invalid(
                      column, text, "a number such as " + (mark == COMMA ? "1.234,5" : "1,234.5")));
    }
    Optional<String> whole = DecimalMark.plainWhole(text);
    if (whole.isPresent()) {
      return whole.get();
    }
    if (DecimalMark.someNumber(text)) {
      throw new BadRecordException(
          CONVENTION_UNKNOWN,
          column,
          "%s is '%s', and what separates its fraction or its thousands is not known: say it with the parameter decimals=comma or decimals=point"
              .formatted(column, text));
    }
    return text;
  }

  /** Whether a text has nothing but a sign, digits, one point and an exponent. */
  private static boolean isPlainNumber(String text) {
    int points = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '.' && ++points > 1) {
        return false;
      }
      if ((c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E') {
        return false;
      }
    }
    return true;
  }

  private static String requireText(String column, String text) throws BadRecordException {
    if (text.length() > LONGEST_NAME) {
      throw invalid(column, text, "a text of at most %d characters".formatted(LONGEST_NAME));
    }
    if (text.startsWith("\\x")) {
      throw invalid(column, text, "text, and no bytes: give the column a type that says so,");
    }
    if (text.indexOf('\uFFFD') >= 0) {
      throw invalid(column, text, "text in the encoding of the file");
    }
    try {
      return Texts.require(column, text);
    } catch (BadRecordException e) {
      throw new BadRecordException(e.code(), column, e.getMessage());
    }
  }

  /** A number without fraction, in decimal or hex. Zeros after a point are no fraction. */
  private static BigInteger integer(String column, String text, int bits)
      throws BadRecordException {
    BigInteger value = null;
    if (text.startsWith("0x")) {
      value = Hex.quantity(text);
    } else if (text.length() <= LONGEST && isWhole(text)) {
      int point = text.indexOf('.');
      value = new BigInteger(point < 0 ? text : text.substring(0, point));
    }
    if (value == null || value.bitLength() > bits) {
      throw invalid(
          column,
          text,
          isRounded(text)
              ? WITH_ALL_DIGITS
              : "a whole number below 2^%d, decimal or hex".formatted(bits));
    }
    return value;
  }

  /** Whether a text is a number with an exponent, of which some program has kept a few digits. */
  private static boolean isRounded(String text) {
    return ROUNDED.matcher(text).matches();
  }

  /** Whether a text is digits, with nothing but zeros behind a point. */
  private static boolean isWhole(String text) {
    int point = text.indexOf('.');
    int digits = point < 0 ? text.length() : point;
    if (digits == 0 || point == text.length() - 1) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (i != point && (c < '0' || c > (i < digits ? '9' : '0'))) {
        return false;
      }
    }
    return true;
  }

  private static ByteBuffer data(String column, String text, Optional<Integer> length)
      throws BadRecordException {
    return data(column, text, text, length);
  }

  /** A part of a signature: nodes write it as a number, without leading zeros. */
  private static String padded(Schema.Field field, String text) {
    boolean isPart = field.name().equals("r") || field.name().equals("s");
    return isPart && text.startsWith("0x") && text.length() < WORD_DIGITS + 2
        ? "0x" + "0".repeat(WORD_DIGITS + 2 - text.length()) + text.substring(2)
        : text;
  }

  private static ByteBuffer data(
      String column, String text, String padded, Optional<Integer> length)
      throws BadRecordException {
    ByteBuffer data = Hex.data(padded);
    if (data == null || length.filter(l -> l != data.remaining()).isPresent()) {
      throw invalid(
          column,
          text,
          isRounded(text)
              ? WITH_ALL_DIGITS
              : length.map(l -> l + " bytes in hex").orElse("hex data, two digits a byte"));
    }
    return data;
  }

  private static Instant time(
      String column, String text, List<TimeFormat> times, Conventions conventions)
      throws BadRecordException {
    for (TimeFormat format : times) {
      try {
        Optional<Instant> time = format.parse(text, conventions);
        if (time.isPresent()) {
          Times.require(column, time.get());
          return Instant.ofEpochMilli(time.get().toEpochMilli());
        }
      } catch (BadRecordException e) {
        throw new BadRecordException(
            e.code(),
            column,
            e.getMessage().startsWith("'") ? column + ": " + e.getMessage() : e.getMessage());
      }
    }
    throw invalid(column, text, isRounded(text) ? WITH_ALL_DIGITS : "a time written as " + times);
  }

  private static List<ByteBuffer> list(
      Schema.Field field, String column, String text, String separator) throws BadRecordException {
    List<ByteBuffer> list = new ArrayList<>();
    for (String part : parts(text, separator)) {
      list.add(data(column, part, Target.length(field.name())));
    }
    return list;
  }

  /** Parts of a list, which may be written like one of JSON, Python or PostgreSQL. */
  static List<String> parts(String text, String separator) {
    String bare = text;
    boolean isArray = bare.startsWith("{") && bare.endsWith("}");
    if (isArray || (bare.startsWith("[") && bare.endsWith("]"))) {
      bare = bare.substring(1, bare.length() - 1);
    }
    List<String> parts = new ArrayList<>();
    for (String part : bare.split(java.util.regex.Pattern.quote(separator), -1)) {
      String trimmed = part.strip();
      if (trimmed.length() > 1
          && (trimmed.charAt(0) == '"' || trimmed.charAt(0) == '\'')
          && trimmed.charAt(trimmed.length() - 1) == trimmed.charAt(0)) {
        trimmed = trimmed.substring(1, trimmed.length() - 1);
        // PostgreSQL writes a backslash within quotes twice.
        trimmed = isArray ? trimmed.replace("\\\\", "\\") : trimmed;
      }
      if (!trimmed.isEmpty()) {
        parts.add(trimmed);
      }
    }
    return parts;
  }

  static BadRecordException invalid(String column, String text, String expected) {
    return new BadRecordException(
        DeadLetterCode.FIELD_INVALID.code(),
        column,
        "%s is '%s', %s is expected"
            .formatted(
                column,
                text.length() > LONGEST ? text.substring(0, LONGEST) + "..." : text,
                expected));
  }
}
