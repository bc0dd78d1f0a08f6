package io.cryptoetl.datasets;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.market.Candle;
import java.io.IOException;
import java.math.BigDecimal;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.statistics.Statistics;

/**
 * Tables written out as people's programs write them: read again they are the original, or the file
 * or a row is refused. No value is ever another one.
 */
class ConventionsPropertyTest {
  /** A row: minutes since 2015, and prices in units of 0.0001. */
  record Bar(long minute, long low, long open, long close, long high, long volume) {}

  enum Numbers {
    PLAIN,
    POINT_GROUPED,
    COMMA,
    COMMA_GROUPED,
    COMMA_SPACED
  }

  enum Times {
    ISO("yyyy-MM-dd HH:mm:ss"),
    ISO_T("yyyy-MM-dd'T'HH:mm:ss"),
    SLASHED_YEAR("yyyy/MM/dd HH:mm"),
    DAY_FIRST("dd/MM/yyyy HH:mm"),
    DAY_FIRST_DOTS("dd.MM.yyyy HH:mm:ss"),
    DAY_FIRST_SHORT("d/M/yyyy H:mm"),
    MONTH_FIRST("MM/dd/yyyy HH:mm"),
    MONTH_FIRST_HALVES("M/d/yyyy h:mm:ss a"),
    OFFSET("yyyy-MM-dd'T'HH:mm:ssxxx"),
    UNIX_S(null),
    UNIX_MS(null),
    UNIX_US(null),
    UNIX_NS(null);

    private final DateTimeFormatter formatter;

    Times(String pattern) {
      this.formatter =
          pattern == null ? null : DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH);
    }

    String of(Instant time, ZoneId zone) {
      long ms = time.toEpochMilli();
      return switch (this) {
        case UNIX_S -> String.valueOf(ms / 1000);
        case UNIX_MS -> String.valueOf(ms);
        case UNIX_US -> ms + "000";
        case UNIX_NS -> ms + "000000";
        default -> formatter.format(time.atZone(zone));
      };
    }

    boolean hasOrder() {
      return name().contains("FIRST");
    }

    boolean hasZone() {
      return formatter == null || this == OFFSET;
    }
  }

  record Zone(String header, Map<String, String> parameters, ZoneId id) {}

  record Writing(
      char delimiter,
      Numbers numbers,
      Times times,
      Zone zone,
      boolean bom,
      boolean quoted,
      int titles,
      String lineEnd) {}

  @Provide
  Arbitrary<List<Bar>> bars() {
    Arbitrary<Long> part = Arbitraries.longs().between(0, 40_000_000);
    return Combinators.combine(
            Arbitraries.longs().between(0, 12L * 365 * 24 * 60),
            Arbitraries.longs().between(1, 900_000_000),
            part,
            part,
            part,
            Arbitraries.longs().between(0, 90_000_000_000L))
        .as(
            (minute, low, a, b, c, volume) ->
                new Bar(minute, low, low + Math.min(a, c), low + Math.min(b, c), low + c, volume))
        .list()
        .ofMinSize(1)
        .ofMaxSize(30);
  }

  @Provide
  Arbitrary<Writing> writings() {
    Arbitrary<Zone> zones =
        Arbitraries.of(
            new Zone("", Map.of(), ZoneOffset.UTC),
            new Zone(" (UTC)", Map.of(), ZoneOffset.UTC),
            new Zone(" (UTC+8)", Map.of(), ZoneOffset.ofHours(8)),
            new Zone("", Map.of("zone", "America/New_York"), ZoneId.of("America/New_York")),
            new Zone("", Map.of("zone", "+05:30"), ZoneId.of("+05:30")));
    return Combinators.combine(
            Arbitraries.of(',', ';', '\t', '|'),
            Arbitraries.of(Numbers.class),
            Arbitraries.of(Times.class),
            zones,
            Arbitraries.of(true, false),
            Arbitraries.of(true, false),
            Arbitraries.integers().between(0, 2),
            Arbitraries.of("\n", "\r\n"))
        .as(Writing::new);
  }

  @Property(tries = 1000)
  void shouldReadTheOriginalOrRefuse(
      @ForAll("bars") List<Bar> bars, @ForAll("writings") Writing writing) throws IOException {
    Assume.that(!looksPlain(bars, writing));
    Map<String, String> parameters = new HashMap<>(writing.zone().parameters());
    parameters.putAll(Map.of("venue", "v", "symbol", "S", "interval", "1m"));
    Map<Instant, List<String>> expected = new HashMap<>();
    for (Bar bar : bars) {
      expected
          .computeIfAbsent(time(bar), t -> new ArrayList<>())
          .add(
              "%s %s %s %s %s"
                  .formatted(
                      price(bar.open()),
                      price(bar.high()),
                      price(bar.low()),
                      price(bar.close()),
                      price(bar.volume())));
    }

    Reads reads;
    try {
      reads = Reads.of("bars.txt", written(bars, writing).getBytes(UTF_8), parameters);
    } catch (RefusedException e) {
      Statistics.label("outcome").collect("refused");
      assertThat(e.code()).isEqualTo("convention_unknown");
      assertThat(mayBeReadTwice(bars, writing)).as("%s: %s", writing, e.getMessage()).isTrue();
      return;
    }

    Statistics.label("outcome").collect(reads.bad.isEmpty() ? "read" : "rows refused");
    assertThat(reads.rows.size() + reads.bad.size()).isEqualTo(bars.size());
    for (var row : reads.rows) {
      Candle candle = (Candle) row;
      assertThat(expected).containsKey(candle.getOpenTime());
      assertThat(expected.get(candle.getOpenTime()))
          .contains(
              "%s %s %s %s %s"
                  .formatted(
                      plain(candle.getOpen()),
                      plain(candle.getHigh()),
                      plain(candle.getLow()),
                      plain(candle.getClose()),
                      plain(candle.getVolume())));
    }
    if (!writing.zone().parameters().containsKey("zone")) {
      // Clocks that were changed make local times of some zones nobody's.
      assertThat(reads.bad).isEmpty();
    }
  }

  /**
   * Whether all numbers with points between thousands look like ones with decimal points, between
   * commas or pipes: that they are read so is in the documentation.
   */
  private static boolean looksPlain(List<Bar> bars, Writing writing) {
    return writing.numbers() == Numbers.COMMA_GROUPED
        && ",|".indexOf(writing.delimiter()) >= 0
        && bars.stream()
            .flatMap(b -> Stream.of(b.open(), b.high(), b.low(), b.close(), b.volume()))
            .map(n -> number(n, Numbers.COMMA_GROUPED))
            .allMatch(n -> n.matches("[0-9]+([.][0-9]{3})?"));
  }

  private static boolean mayBeReadTwice(List<Bar> bars, Writing writing) {
    return (writing.times().hasOrder()
            && bars.stream()
                .allMatch(b -> time(b).atZone(writing.zone().id()).getDayOfMonth() <= 12))
        || writing.numbers() != Numbers.PLAIN
        || ";\t".indexOf(writing.delimiter()) >= 0;
  }

  private static Instant time(Bar bar) {
    return Instant.parse("2015-01-01T00:00:00Z").plusSeconds(60 * bar.minute());
  }

  private static BigDecimal price(long units) {
    BigDecimal price = BigDecimal.valueOf(units, 4).stripTrailingZeros();
    return price.signum() == 0 ? BigDecimal.ZERO : new BigDecimal(price.toPlainString());
  }

  private static String plain(BigDecimal value) {
    return value.signum() == 0 ? "0" : value.stripTrailingZeros().toPlainString();
  }

  private static String written(List<Bar> bars, Writing writing) {
    StringBuilder text = new StringBuilder(writing.bom() ? "\uFEFF" : "");
    for (int i = 0; i < writing.titles(); i++) {
      text.append("Exported by a program").append(writing.lineEnd());
    }
    line(
        text,
        writing,
        List.of("Time" + writing.zone().header(), "Open", "High", "Low", "Close", "Volume"));
    for (Bar bar : bars) {
      line(
          text,
          writing,
          List.of(
              writing.times().of(time(bar), writing.zone().id()),
              number(bar.open(), writing.numbers()),
              number(bar.high(), writing.numbers()),
              number(bar.low(), writing.numbers()),
              number(bar.close(), writing.numbers()),
              number(bar.volume(), writing.numbers())));
    }
    return text.toString();
  }

  private static void line(StringBuilder text, Writing writing, List<String> cells) {
    text.append(
            cells.stream()
                .map(
                    c ->
                        writing.quoted() || c.indexOf(writing.delimiter()) >= 0
                            ? "\"" + c + "\""
                            : c)
                .collect(Collectors.joining(String.valueOf(writing.delimiter()))))
        .append(writing.lineEnd());
  }

  private static String number(long units, Numbers numbers) {
    BigDecimal price = price(units);
    if (numbers == Numbers.PLAIN) {
      return price.toPlainString();
    }
    DecimalFormatSymbols symbols = DecimalFormatSymbols.getInstance(Locale.ROOT);
    symbols.setDecimalSeparator(numbers == Numbers.POINT_GROUPED ? '.' : ',');
    symbols.setGroupingSeparator(
        switch (numbers) {
          case POINT_GROUPED -> ',';
          case COMMA_SPACED -> '\u00a0';
          default -> '.';
        });
    return new DecimalFormat(numbers == Numbers.COMMA ? "0.####" : "#,##0.####", symbols)
        .format(price);
  }
}
