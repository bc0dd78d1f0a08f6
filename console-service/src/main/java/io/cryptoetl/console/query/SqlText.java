package io.cryptoetl.console.query;

import io.cryptoetl.console.Problem;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.postgresql.core.NativeQuery;
import org.postgresql.core.Parser;

/**
 * One statement that somebody wrote, with the values of its {@code :name} parameters in their
 * places as literals, as psql's {@code :'name'} does it. A name that has no value is left as it is.
 */
final class SqlText {
  private static final int SPACE_FOR_CURSOR = 1;

  /** A parameter that was replaced: where it was, and by how much the text grew before its end. */
  private record Replacement(int end, int grownBy) {}

  private final String sql;
  private final List<Replacement> replacements;

  private SqlText(String sql, List<Replacement> replacements) {
    this.sql = sql;
    this.replacements = replacements;
  }

  /**
   * Reads a statement.
   *
   * @throws Problem.Refused if the text is none, or more than one
   */
  static SqlText of(String text, Map<String, String> parameters) {
    if (text.indexOf('\0') >= 0) {
      throw new Problem.Refused(
          400, "no_statement", "The statement has a zero byte, which PostgreSQL does not take.");
    }
    List<Replacement> replacements = new ArrayList<>();
    String sql = withoutEnd(replaced(text, parameters, replacements));
    List<NativeQuery> statements;
    try {
      statements = Parser.parseJdbcSql(sql, true, false, true, false, false);
    } catch (SQLException e) {
      throw new Problem.Refused(400, "no_statement", e.getMessage());
    }
    if (statements.isEmpty()) {
      throw new Problem.Refused(
          400, "no_statement", "There is no statement. Write a SELECT, such as SELECT 1.");
    }
    if (statements.size() > 1) {
      throw new Problem.Refused(
          400,
          "several_statements",
          "These are %d statements; one at a time is run. Select the one that you mean."
              .formatted(statements.size()));
    }
    return new SqlText(sql, replacements);
  }

  /** The statement, without a semicolon at its end. */
  String sql() {
    return sql;
  }

  /**
   * Where something is in the text as it was written.
   *
   * @param position in the statement, from 1
   */
  int original(int position) {
    int at = position;
    for (Replacement replacement : replacements) {
      if (position - SPACE_FOR_CURSOR >= replacement.end()) {
        at = position - replacement.grownBy();
      }
    }
    return Math.max(1, at);
  }

  /** Without the semicolon that ends it, if only spaces and comments follow. */
  private static String withoutEnd(String sql) {
    int end = -1;
    for (int i = 0; i < sql.length(); ) {
      int next = tokenEnd(sql, i);
      char c = sql.charAt(i);
      boolean isEnd = c == ';';
      boolean isNothing = Character.isWhitespace(c) || (next > i + 1 && (c == '-' || c == '/'));
      if (end < 0 && isEnd) {
        end = i;
      } else if (end >= 0 && !isEnd && !isNothing) {
        return sql;
      }
      i = next;
    }
    return end < 0 ? sql : sql.substring(0, end);
  }

  private static String replaced(
      String text, Map<String, String> parameters, List<Replacement> replacements) {
    StringBuilder sql = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); ) {
      int next = tokenEnd(text, i);
      if (text.charAt(i) == ':' && next > i + 1 && text.charAt(i + 1) != ':') {
        String value = parameters.get(text.substring(i + 1, next));
        if (value != null) {
          sql.append(literal(value));
          replacements.add(new Replacement(sql.length(), sql.length() - next));
          i = next;
          continue;
        }
      }
      sql.append(text, i, next);
      i = next;
    }
    return sql.toString();
  }

  private static String literal(String value) {
    return "'" + value.replace("'", "''").replace("\0", "") + "'";
  }

  /**
   * End of what begins at a place: a quoted text or name, a comment, a word, a parameter, or a
   * character (PostgreSQL documentation, 4.1 Lexical Structure).
   */
  private static int tokenEnd(String sql, int at) {
    char c = sql.charAt(at);
    char next = at + 1 < sql.length() ? sql.charAt(at + 1) : '\0';
    if (c == '\'') {
      return quotedEnd(sql, at + 1, '\'', false);
    }
    if (c == '"') {
      return quotedEnd(sql, at + 1, '"', false);
    }
    if ((c == 'e' || c == 'E') && next == '\'') {
      return quotedEnd(sql, at + 2, '\'', true);
    }
    if (c == '-' && next == '-') {
      int end = at;
      while (end < sql.length() && sql.charAt(end) != '\n' && sql.charAt(end) != '\r') {
        end++;
      }
      return end;
    }
    if (c == '/' && next == '*') {
      return commentEnd(sql, at);
    }
    if (c == '$') {
      return dollarEnd(sql, at);
    }
    if (c == ':' && next == ':') {
      return at + 2;
    }
    if (c == ':' && isWordStart(next)) {
      return wordEnd(sql, at + 1);
    }
    return isWordStart(c) ? wordEnd(sql, at) : at + 1;
  }

  private static int quotedEnd(String sql, int from, char quote, boolean escapes) {
    int i = from;
    while (i < sql.length()) {
      char c = sql.charAt(i);
      if (escapes && c == '\\') {
        i += 2;
      } else if (c == quote) {
        if (i + 1 < sql.length() && sql.charAt(i + 1) == quote) {
          i += 2;
        } else {
          return i + 1;
        }
      } else {
        i++;
      }
    }
    return sql.length();
  }

  private static int commentEnd(String sql, int at) {
    int depth = 0;
    int i = at;
    while (i + 1 < sql.length()) {
      if (sql.charAt(i) == '/' && sql.charAt(i + 1) == '*') {
        depth++;
        i += 2;
      } else if (sql.charAt(i) == '*' && sql.charAt(i + 1) == '/') {
        depth--;
        i += 2;
        if (depth == 0) {
          return i;
        }
      } else {
        i++;
      }
    }
    return sql.length();
  }

  private static int dollarEnd(String sql, int at) {
    int i = at + 1;
    while (i < sql.length() && isWordPart(sql.charAt(i)) && sql.charAt(i) != '$') {
      i++;
    }
    boolean isTag =
        i < sql.length()
            && sql.charAt(i) == '$'
            && (i == at + 1 || isWordStart(sql.charAt(at + 1)));
    if (!isTag) {
      return at + 1;
    }
    String tag = sql.substring(at, i + 1);
    int end = sql.indexOf(tag, i + 1);
    return end < 0 ? sql.length() : end + tag.length();
  }

  private static int wordEnd(String sql, int at) {
    int i = at;
    while (i < sql.length() && isWordPart(sql.charAt(i))) {
      i++;
    }
    return i;
  }

  private static boolean isWordStart(char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
  }

  private static boolean isWordPart(char c) {
    return isWordStart(c) || (c >= '0' && c <= '9') || c == '$';
  }
}
