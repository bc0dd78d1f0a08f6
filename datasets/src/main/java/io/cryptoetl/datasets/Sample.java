package io.cryptoetl.datasets;

import io.cryptoetl.datasets.Conventions.DateOrder;
import io.cryptoetl.datasets.Conventions.DecimalMark;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.datasets.values.CandleLength;
import io.cryptoetl.market.Candle;
import io.cryptoetl.raw.RawCsvRows;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;

/**
 * The first rows of a file, read by one layout in every convention that may be meant. A convention
 * is the file's if it reads every row that some convention reads, and no other one does, or reads
 * the same.
 *
 * @param rows how many there are
 * @param fitting those that become rows of a table
 * @param firstFits whether the first one is among them
 * @param problem of the first row that does not fit, or why nobody can tell the convention
 * @param refusal code of why the file is not read so, although rows fit; empty if it is
 * @param conventions that the rows tell, as parameters
 */
record Sample(
    int rows,
    int fitting,
    boolean firstFits,
    String problem,
    Optional<String> refusal,
    Map<String, String> conventions) {
  /** Days of local time may be shorter by it. */
  private static final Duration CLOCK_CHANGE = Duration.ofHours(1);

  private static final Duration DAY = Duration.ofDays(1);

  /** Of so many pairs of candles one may overlap. */
  private static final int SELDOM = 20;

  /** Pairs of candles from which on something can be concluded. */
  private static final int ENOUGH = 4;

  /** The rows in one convention. */
  private static final class Attempt implements ChunkMapper.Rows {
    private final Map<String, String> conventions;
    private final List<SpecificRecord> rows = new ArrayList<>();
    private final List<Long> lines = new ArrayList<>();
    private final BitSet fitting = new BitSet();
    private String problem = "";
    private boolean unknown;

    Attempt(Map<String, String> conventions) {
      this.conventions = conventions;
    }

    @Override
    public void row(long line, ByteBuffer bytes, Target target, SpecificRecord row) {
      fitting.set(rows.size());
      rows.add(row);
      lines.add(line);
    }

    @Override
    public void bad(long line, byte[] bytes, BadRecordException reason) {
      rows.add(null);
      lines.add(line);
      boolean first = problem.isEmpty();
      if (reason.code().equals(Values.CONVENTION_UNKNOWN)) {
        // The rows that fit may be read wrong.
        first |= !unknown;
        unknown = true;
      }
      if (first) {
        problem = "line %d: %s".formatted(line, reason.getMessage());
      }
    }

    /** What is told here and not there, for people. */
    private String wordsBeside(Attempt other) {
      Map<String, String> own = withMark(conventions);
      own.entrySet().removeAll(withMark(other.conventions).entrySet());
      return "with "
          + String.join(
              " and ", own.entrySet().stream().map(c -> c.getKey() + "=" + c.getValue()).toList());
    }

    private static Map<String, String> withMark(Map<String, String> conventions) {
      Map<String, String> all =
          new TreeMap<>(Map.of(Conventions.DECIMALS, DecimalMark.POINT.word()));
      all.putAll(conventions);
      return all;
    }
  }

  /**
   * Reads rows.
   *
   * @param given parameters: what they tell is not looked for
   * @param chunk of the rows with conventions as parameters
   * @param standIns parameters that nobody has told yet
   * @throws BadRecordException if no row of the chunk can be mapped, in whatever convention
   */
  static Sample of(
      Layout layout,
      Map<String, String> given,
      FileFormat format,
      Function<Map<String, String>, RawCsvRows> chunk,
      Set<String> standIns)
      throws BadRecordException {
    boolean isSaid = given.containsKey("interval") || !layout.values().containsKey("interval");
    Function<Attempt, Optional<String>> interval =
        attempt ->
            standIns.contains("interval") ? Optional.empty() : wrongInterval(attempt, isSaid);
    Attempt plain = attempt(layout, Map.of(), chunk, standIns);
    Conventions known = layout.conventions().or(given);
    boolean text = format.name().equals("csv");
    List<Map<String, String>> dates = new ArrayList<>();
    if (known.dates().isEmpty() && layout.hasOrderOfDates()) {
      for (DateOrder order : DateOrder.values()) {
        dates.add(Map.of(Conventions.DATES, order.word()));
      }
    } else {
      dates.add(Map.of());
    }
    List<Attempt> attempts = new ArrayList<>();
    for (Map<String, String> date : dates) {
      attempts.add(date.isEmpty() ? plain : attempt(layout, date, chunk, standIns));
    }
    // With all dates told, what is unknown is a number.
    boolean numbers = attempts.stream().anyMatch(a -> a.unknown);
    List<String> marks = new ArrayList<>();
    if (known.decimals().isEmpty()) {
      if (numbers) {
        marks.add(DecimalMark.POINT.word());
      }
      // Who separates cells otherwise often does so because fractions have commas.
      if (text && (numbers || format.delimiter() == ';' || format.delimiter() == '\t')) {
        marks.add(DecimalMark.COMMA.word());
      }
    }
    for (Map<String, String> date : dates) {
      for (String mark : marks) {
        Map<String, String> both = new HashMap<>(date);
        both.put(Conventions.DECIMALS, mark);
        attempts.add(attempt(layout, both, chunk, standIns));
      }
    }
    if (attempts.size() == 1) {
      return plain.unknown
          ? undecided(plain, plain.problem)
          : sample(plain, Map.of(), interval.apply(plain));
    }
    BitSet readable = new BitSet();
    attempts.forEach(a -> readable.or(a.fitting));
    List<Attempt> whole = attempts.stream().filter(a -> a.fitting.equals(readable)).toList();
    return whole.isEmpty()
        ? undecided(plain, contradiction(attempts))
        : decided(plain, whole, interval);
  }

  private static Attempt attempt(
      Layout layout,
      Map<String, String> conventions,
      Function<Map<String, String>, RawCsvRows> chunk,
      Set<String> standIns)
      throws BadRecordException {
    Attempt attempt = new Attempt(conventions);
    RawCsvRows rows = chunk.apply(conventions);
    ChunkMapper.map(rows, Layouts.only(layout), standIns, attempt);
    return attempt;
  }

  private static Sample decided(
      Attempt plain, List<Attempt> whole, Function<Attempt, Optional<String>> interval) {
    Attempt first = whole.getFirst();
    for (Attempt other : whole) {
      for (int i = 0; i < first.rows.size(); i++) {
        SpecificRecord one = first.rows.get(i);
        SpecificRecord two = other.rows.get(i);
        if (one != null && !one.equals(two)) {
          return undecided(plain, bothReadings(first, other, i));
        }
      }
    }
    // What reads the same in several ways is not told by these rows.
    Map<String, String> told = new HashMap<>(first.conventions);
    for (String convention : new LinkedHashSet<>(told.keySet())) {
      if (whole.stream()
          .anyMatch(a -> !told.get(convention).equals(a.conventions.get(convention)))) {
        told.remove(convention);
      }
    }
    return first.unknown
        ? undecided(plain, first.problem)
        : sample(first, told, interval.apply(first));
  }

  private static boolean isShort(String interval) {
    return CandleLength.end(Instant.EPOCH, interval)
        .orElseThrow()
        .isBefore(Instant.EPOCH.plus(DAY));
  }

  private static String bothReadings(Attempt one, Attempt other, int row) {
    for (Schema.Field field : one.rows.get(row).getSchema().getFields()) {
      Object first = one.rows.get(row).get(field.pos());
      Object second = other.rows.get(row).get(field.pos());
      if (!Objects.equals(first, second)) {
        return "line %d: %s is %s %s and %s %s, and no row tells which is meant: give it as a parameter"
            .formatted(
                one.lines.get(row),
                field.name(),
                shown(first),
                one.wordsBeside(other),
                shown(second),
                other.wordsBeside(one));
      }
    }
    throw new IllegalStateException("rows differ, and no field of them does");
  }

  private static String shown(Object value) {
    return value instanceof BigDecimal number
        ? number.stripTrailingZeros().toPlainString()
        : String.valueOf(value);
  }

  /** Of rows that no single convention reads: two that contradict each other. */
  private static String contradiction(List<Attempt> attempts) {
    Attempt best = attempts.getFirst();
    for (Attempt attempt : attempts) {
      best = attempt.fitting.cardinality() > best.fitting.cardinality() ? attempt : best;
    }
    for (Attempt other : attempts) {
      BitSet only = (BitSet) other.fitting.clone();
      only.andNot(best.fitting);
      BitSet onlyBest = (BitSet) best.fitting.clone();
      onlyBest.andNot(other.fitting);
      if (!only.isEmpty() && !onlyBest.isEmpty()) {
        return "line %d can only be read %s, line %d only %s: the file was put together from several, or a program has changed some of its cells"
            .formatted(
                best.lines.get(onlyBest.nextSetBit(0)),
                best.wordsBeside(other),
                best.lines.get(only.nextSetBit(0)),
                other.wordsBeside(best));
      }
    }
    return best.problem;
  }

  private static Sample undecided(Attempt plain, String problem) {
    return new Sample(
        plain.rows.size(), 0, false, problem, Optional.of(Values.CONVENTION_UNKNOWN), Map.of());
  }

  private static Sample sample(
      Attempt attempt, Map<String, String> told, Optional<String> wrongInterval) {
    return new Sample(
        attempt.rows.size(),
        wrongInterval.isPresent() ? 0 : attempt.fitting.cardinality(),
        attempt.fitting.get(0),
        wrongInterval.orElse(attempt.problem),
        wrongInterval.map(w -> "candle_interval"),
        Map.copyOf(told));
  }

  /**
   * Why candles are of another length than is said: they overlap, or none follows another one.
   *
   * @param isSaid whether rows or people say how long they are: then they may be few
   */
  private static Optional<String> wrongInterval(Attempt attempt, boolean isSaid) {
    Map<List<String>, TreeSet<Instant>> opens = new HashMap<>();
    for (SpecificRecord row : attempt.rows) {
      if (row instanceof Candle candle) {
        opens
            .computeIfAbsent(
                List.of(candle.getVenue(), candle.getSymbol(), candle.getInterval()),
                k -> new TreeSet<>())
            .add(candle.getOpenTime());
      }
    }
    for (Map.Entry<List<String>, TreeSet<Instant>> of : opens.entrySet()) {
      String interval = of.getKey().getLast();
      int gaps = 0;
      int overlaps = 0;
      int apart = 0;
      Instant before = null;
      String nearest = "";
      for (Instant open : of.getValue()) {
        if (before != null) {
          Instant end = CandleLength.end(before, interval).orElseThrow();
          gaps++;
          if (open.plus(CLOCK_CHANGE).isBefore(end) || (open.isBefore(end) && isShort(interval))) {
            overlaps++;
            nearest = "%s and %s".formatted(before, open);
          } else if (!open.isBefore(CandleLength.end(end, interval).orElseThrow())) {
            apart++;
            nearest = overlaps > 0 ? nearest : "%s and %s".formatted(before, open);
          }
        }
        before = open;
      }
      // After a downtime venues have opened single candles between others.
      if (overlaps * SELDOM > gaps || (!isSaid && gaps >= ENOUGH && apart == gaps)) {
        return Optional.of(
            "candles open at %s, so that they are not of %s: give interval as a parameter"
                .formatted(nearest, interval));
      }
    }
    return Optional.empty();
  }
}
