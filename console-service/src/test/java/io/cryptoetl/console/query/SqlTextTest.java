package io.cryptoetl.console.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cryptoetl.console.Problem;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SqlTextTest {
  private static final Map<String, String> VALUES = Map.of("from", "o'clock", "n", "7");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "SELECT :n | SELECT '7'",
        "SELECT :from::text, :n | SELECT 'o''clock'::text, '7'",
        "SELECT ':n', \":n\", $$ :n $$, $a$ :n $a$, E'\\':n' | SELECT ':n', \":n\", $$ :n $$, $a$ :n $a$, E'\\':n'",
        "SELECT 1 -- :n | SELECT 1 -- :n",
        "SELECT 1 /* :n /* :n */ :n */ | SELECT 1 /* :n /* :n */ :n */",
        "SELECT n::n FROM t AS n | SELECT n::n FROM t AS n",
        "SELECT :unknown | SELECT :unknown",
        "SELECT a[1:n] FROM t | SELECT a[1'7'] FROM t",
        "SELECT 1 ; | SELECT 1 ",
        "SELECT ';' ; -- the end ; | SELECT ';' ",
        "SELECT $1$ | SELECT $1$",
      })
  void shouldReplaceParametersWherePsqlDoes(String written, String expected) {
    assertThat(SqlText.of(written, VALUES).sql().strip()).isEqualTo(expected.strip());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT 1; SELECT 2",
        "SELECT 1;;SELECT 2",
        "SELECT 1; -- two\nSELECT 2",
        "COMMIT; SELECT 1",
        "",
        " ",
        ";"
      })
  void shouldRefuseAllButOneStatement(String text) {
    assertThatExceptionOfType(Problem.Refused.class).isThrownBy(() -> SqlText.of(text, Map.of()));
  }

  @Test
  void shouldTellPlacesAsTheyWereWritten() {
    String written = "SELECT :from, wrong, :n, also";
    SqlText text = SqlText.of(written, VALUES);

    assertThat(text.original(text.sql().indexOf("wrong") + 1))
        .isEqualTo(written.indexOf("wrong") + 1);
    assertThat(text.original(text.sql().indexOf("also") + 1))
        .isEqualTo(written.indexOf("also") + 1);
    assertThat(text.original(1)).isEqualTo(1);
  }

  @Property
  void shouldReadAnyText(@ForAll @StringLength(max = 40) String text) {
    try {
      // Without values nothing but the end is taken away.
      assertThat(text).startsWith(SqlText.of(text, Map.of()).sql());
    } catch (Problem.Refused refused) {
      assertThat(refused.problem().status()).isEqualTo(400);
    }
  }
}
