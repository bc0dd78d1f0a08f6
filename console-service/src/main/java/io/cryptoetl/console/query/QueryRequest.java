package io.cryptoetl.console.query;

import java.util.Map;
import java.util.Optional;

/**
 * What somebody wants to know.
 *
 * @param sql one statement
 * @param parameters values of its {@code :name} parameters
 * @param format of an export: csv or ndjson
 * @param analyze whether a plan is to be measured by running it
 */
public record QueryRequest(
    Optional<String> sql,
    Optional<Map<String, String>> parameters,
    Optional<String> format,
    Optional<Boolean> analyze) {
  SqlText text() {
    return SqlText.of(sql.orElse(""), parameters.orElse(Map.of()));
  }
}
