package io.cryptoetl.loader.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.cryptoetl.loader.avro.AvroCodec;
import io.cryptoetl.loader.avro.AvroRow;
import io.cryptoetl.loader.avro.Unreadable;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What every dialect must do with batches, against a real server. A dialect's test extends this,
 * and makes two tables: {@link #TABLE} with a key, {@link #EVENTS} without one.
 */
public abstract class LoaderContract {
  protected static final String TABLE = "loader_test.things";
  protected static final String EVENTS = "loader_test.events";
  protected static final String OFFSETS = "loader_test.sink_offsets";

  /** Refers to {@link #TABLE} by its id, and comes before it by name. */
  protected static final String CHILDREN = "loader_test.children";

  /** As many digits as EVM words have. */
  protected static final BigInteger UINT256 = BigInteger.TWO.pow(256).subtract(BigInteger.ONE);

  private static final Schema KEY =
      new Schema.Parser()
          .parse(
              """
              {"type":"record","name":"ThingKey","namespace":"test","fields":[{"name":"id","type":"long"}]}
              """);

  private static final Schema ROW =
      new Schema.Parser()
          .parse(
              """
              {"type":"record","name":"Thing","namespace":"test","fields":[
                {"name":"id","type":"long"},
                {"name":"small","type":["null","int"],"default":null},
                {"name":"tiny","type":["null","int"],"default":null},
                {"name":"amount","type":["null",{"type":"bytes","logicalType":"decimal","precision":78,"scale":0}],"default":null},
                {"name":"price","type":["null",{"type":"bytes","logicalType":"decimal","precision":38,"scale":9}],"default":null},
                {"name":"cents","type":["null",{"type":"fixed","name":"Cents","size":9,"logicalType":"decimal","precision":20,"scale":2}],"default":null},
                {"name":"at","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},
                {"name":"at_micros","type":[{"type":"long","logicalType":"timestamp-micros"},"null"],"default":0},
                {"name":"day","type":["null",{"type":"int","logicalType":"date"}],"default":null},
                {"name":"time_of_day","type":["null",{"type":"long","logicalType":"time-micros"}],"default":null},
                {"name":"hash","type":["null","bytes"],"default":null},
                {"name":"word","type":["null",{"type":"fixed","name":"Word","size":4}],"default":null},
                {"name":"name","type":["null","string"],"default":null},
                {"name":"kind","type":["null",{"type":"enum","name":"Kind","symbols":["call","create"]}],"default":null},
                {"name":"uid","type":["null",{"type":"string","logicalType":"uuid"}],"default":null},
                {"name":"yes","type":["null","boolean"],"default":null},
                {"name":"ratio","type":["null","double"],"default":null},
                {"name":"part","type":["null","float"],"default":null},
                {"name":"doc","type":["null","string"],"default":null},
                {"name":"detail","type":["null",{"type":"record","name":"Detail","fields":[
                  {"name":"a","type":"long"},
                  {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
                  {"name":"list","type":{"type":"array","items":"string"}}]}],"default":null},
                {"name":"tags","type":["null",{"type":"map","values":"long"}],"default":null},
                {"name":"hashes","type":["null",{"type":"array","items":"bytes"}],"default":null},
                {"name":"names","type":["null",{"type":"array","items":["null","string"]}],"default":null}]}
              """);

  /** How records come: decoded by a converter, or as they are. */
  protected enum Form {
    STRUCT,
    UNDECODED
  }

  private final AvroCodec keys = new AvroCodec(KEY);
  private final Map<Schema, AvroCodec> codecs = new HashMap<>();
  private final List<String> refused = new ArrayList<>();
  private final List<Long> mended = new ArrayList<>();
  private final List<String> reasons = new ArrayList<>();
  protected final RowBatch batch = new RowBatch();
  protected Form form = Form.UNDECODED;
  protected TableLoader loader;
  protected long rowsWaitMs = 600_000;
  private long offset;

  /** A connection of a user, not of the sink. */
  protected abstract Connection connection() throws SQLException;

  protected abstract TableLoader open(String offsetsTable, boolean loadsWithoutMissingColumns);

  /**
   * Makes {@link #TABLE} anew with a column for each field and {@code note}, which is 'untouched'
   * by default; {@link #EVENTS} with id, which is no key, and name; and {@link #OFFSETS}.
   */
  protected abstract void createTables() throws SQLException;

  /** The value of a column as text: bytes in hex, times as ISO has them, arrays with commas. */
  protected abstract String text(String column);

  /** The most that {@code amount} can hold. */
  protected BigInteger largestAmount() {
    return UINT256;
  }

  /** Arrays that the database stores, if it has such a type. */
  protected boolean hasArrays() {
    return true;
  }

  @BeforeEach
  protected void begin() throws SQLException {
    createTables();
    loader = open("", false);
  }

  @AfterEach
  protected void close() {
    loader.close();
  }

  protected final void execute(String... statements) throws SQLException {
    try (Connection db = connection();
        Statement statement = db.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  protected final List<String> query(String sql) throws SQLException {
    try (Connection db = connection();
        Statement statement = db.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      List<String> values = new ArrayList<>();
      while (rows.next()) {
        values.add(rows.getString(1));
      }
      return values;
    }
  }

  /** The statement of the migrations that makes a table. */
  protected static String definitionOf(String table, Path migrations) {
    try (var files = Files.list(migrations)) {
      String all =
          files
              .map(
                  f -> {
                    try {
                      return Files.readString(f);
                    } catch (IOException e) {
                      throw new UncheckedIOException(e);
                    }
                  })
              .collect(Collectors.joining());
      int start = all.indexOf("CREATE TABLE " + table + " (");
      return all.substring(start, all.indexOf(";", start));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A column of all things, by their ids. */
  protected final List<String> values(String column) throws SQLException {
    return query("SELECT " + text(column) + " FROM " + TABLE + " ORDER BY id");
  }

  protected static GenericRecordBuilder row(long id) {
    return new GenericRecordBuilder(ROW).set("id", id).set("at_micros", null);
  }

  protected final void add(long id, GenericRecordBuilder value) {
    add(TABLE, 0, offset++, id, value == null ? null : value.build());
  }

  protected final SinkRecord record(
      String topic, int partition, long at, Long id, GenericRecord value) {
    AvroRow key =
        id == null ? null : encoded(keys, new GenericRecordBuilder(KEY).set("id", id).build());
    AvroRow row =
        value == null
            ? null
            : encoded(codecs.computeIfAbsent(value.getSchema(), AvroCodec::new), value);
    return new SinkRecord(
        topic,
        partition,
        keys.schema(),
        key == null || form == Form.UNDECODED ? key : key.struct(),
        row == null ? null : row.codec().schema(),
        row == null || form == Form.UNDECODED ? row : row.struct(),
        at);
  }

  protected final void add(String topic, int partition, long at, Long id, GenericRecord value) {
    batch.add(record(topic, partition, at, id, value));
  }

  private static AvroRow encoded(AvroCodec codec, GenericRecord record) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[5]);
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    try {
      new GenericDatumWriter<GenericRecord>(codec.avro()).write(record, encoder);
      encoder.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new AvroRow(codec, out.toByteArray(), 5);
  }

  protected static ByteBuffer decimal(BigInteger unscaled) {
    return ByteBuffer.wrap(unscaled.toByteArray());
  }

  protected static GenericData.Fixed fixed(String field, byte... bytes) {
    return new GenericData.Fixed(AvroCodec.withoutNull(ROW.getField(field).schema()), bytes);
  }

  private static GenericData.EnumSymbol kind(String symbol) {
    return new GenericData.EnumSymbol(AvroCodec.withoutNull(ROW.getField("kind").schema()), symbol);
  }

  protected final void load() throws SQLException {
    try {
      loadAndKeepWhatWaits();
    } finally {
      batch.clear();
    }
  }

  protected final void loadAndKeepWhatWaits() throws SQLException {
    loader.load(
        batch,
        new TableLoader.Listener() {
          @Override
          public void refused(SinkRecord record, String code, Exception reason) {
            refused.add(record.originalKafkaOffset() + " " + code);
            reasons.add(reason.getMessage());
          }

          @Override
          public void mended(TopicPartition partition, long offset) {
            mended.add(offset);
          }

          @Override
          public void beforeCommit() {
            // What is refused is in memory.
          }
        });
    batch.loaded();
  }

  protected final List<String> refused() {
    return refused;
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldInsertUpdateAndDelete(Form as) throws SQLException {
    form = as;
    add(1, row(1).set("name", "a"));
    add(2, row(2).set("name", "b"));
    load();
    add(1, row(1).set("name", "c"));
    add(2, null);
    add(3, row(3).set("name", "d"));
    add(9, null);
    load();

    assertThat(query("SELECT concat(id, name, note) FROM " + TABLE + " ORDER BY id"))
        .containsExactly("1cuntouched", "3duntouched");
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldLetTheLastRecordOfAKeyWinWithinABatch(Form as) throws SQLException {
    form = as;
    add(1, row(1).set("name", "first"));
    add(1, null);
    add(1, row(1).set("name", "last"));
    add(2, row(2));
    add(2, null);
    add(3, null);
    add(3, row(3).set("name", "again"));
    load();
    assertThat(values("name")).containsExactly("last", "again");

    add(1, null);
    add(1, row(1).set("name", "deleted, then inserted"));
    add(3, row(3).set("name", "inserted"));
    add(3, null);
    add(3, row(3).set("name", "inserted, deleted, inserted"));
    load();
    assertThat(values("name"))
        .containsExactly("deleted, then inserted", "inserted, deleted, inserted");
  }

  @Test
  void shouldEndEqualToADatabaseThatWasNeverRestored() throws SQLException {
    loader.close();
    loader = open(OFFSETS, false);
    TopicPartition partition = new TopicPartition(TABLE, 0);
    loader.positions(List.of(partition), Map.of(TABLE, "id"));
    List<SinkRecord> topic = new ArrayList<>();
    for (long id = 0; id < 8; id++) {
      topic.add(record(TABLE, 0, topic.size(), id, row(id).set("name", "first fork").build()));
    }
    topic.forEach(batch::add);
    load();
    execute(
        "CREATE TABLE loader_test.backup AS SELECT * FROM " + TABLE,
        "CREATE TABLE loader_test.backup_offsets AS SELECT * FROM " + OFFSETS);

    // A fork is replaced: other rows, fewer of them, and one that came and went.
    int backup = topic.size();
    for (long id = 4; id < 7; id++) {
      topic.add(record(TABLE, 0, topic.size(), id, row(id).set("name", "second fork").build()));
    }
    topic.add(record(TABLE, 0, topic.size(), 7L, null));
    topic.add(record(TABLE, 0, topic.size(), 9L, row(9).set("name", "second fork").build()));
    topic.add(record(TABLE, 0, topic.size(), 9L, null));
    topic.subList(backup, topic.size()).forEach(batch::add);
    load();
    List<String> never = query("SELECT concat(id, name) FROM " + TABLE + " ORDER BY id");
    assertThat(never).hasSize(7).contains("0first fork", "6second fork");

    execute(
        "DELETE FROM " + TABLE,
        "INSERT INTO " + TABLE + " SELECT * FROM loader_test.backup",
        "DELETE FROM " + OFFSETS,
        "INSERT INTO " + OFFSETS + " SELECT * FROM loader_test.backup_offsets");
    topic.add(record(TABLE, 0, topic.size(), 1L, row(1).set("name", "after the restore").build()));
    batch.add(topic.get(topic.size() - 1));
    assertThatThrownBy(this::load)
        .as("what the task knows is not what the database has")
        .isInstanceOfSatisfying(SQLException.class, e -> assertThat(loader.isOutage(e)).isTrue());
    long next =
        loader.positions(List.of(partition), Map.of(TABLE, "id")).getOrDefault(partition, -1L);
    assertThat(next).isEqualTo(backup);
    topic.subList((int) next, topic.size()).forEach(batch::add);
    load();

    List<String> expected = new ArrayList<>(never);
    expected.set(1, "1after the restore");
    assertThat(query("SELECT concat(id, name) FROM " + TABLE + " ORDER BY id")).isEqualTo(expected);
  }

  @Test
  void shouldTakeARowOfManyMegabytes() throws SQLException {
    String large = "x".repeat(12 << 20);
    add(1, row(1).set("name", large));
    add(2, row(2).set("name", "small"));
    load();
    add(1, row(1).set("name", large + "y"));
    load();

    assertThat(query("SELECT length(name) FROM " + TABLE + " ORDER BY id"))
        .containsExactly(Integer.toString((12 << 20) + 1), "5");
  }

  @Test
  protected void shouldDoNothingForAnEmptyBatch() throws SQLException {
    load();

    assertThat(values("id")).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldLoadEveryTypeAtItsLimits(Form as) throws SQLException {
    form = as;
    Schema detail = AvroCodec.withoutNull(ROW.getField("detail").schema());
    add(
        1,
        row(1)
            .set("small", Integer.MIN_VALUE)
            .set("tiny", (int) Short.MIN_VALUE)
            .set("amount", decimal(largestAmount()))
            .set("price", decimal(BigInteger.valueOf(-1)))
            .set("cents", fixed("cents", new byte[] {-1, -1, -1, -1, -1, -1, -1, -1, -2}))
            .set("at", -1L)
            .set("at_micros", 1_767_225_599_999_999L)
            .set("day", 20_453)
            .set("time_of_day", 86_399_999_999L)
            .set("hash", ByteBuffer.wrap(new byte[] {0, -1}))
            .set("word", fixed("word", (byte) 1, (byte) 2, (byte) 3, (byte) 4))
            .set("name", "é😀\\t\t\n\"'")
            .set("kind", kind("create"))
            .set("uid", "0123abcd-0000-4000-8000-00000000ffff")
            .set("yes", true)
            .set("ratio", 0.1)
            .set("part", 0.5f)
            .set("doc", "{\"k\": [1, null, \"é\"]}")
            .set(
                "detail",
                new GenericRecordBuilder(detail)
                    .set("a", Long.MAX_VALUE)
                    .set("d", decimal(BigInteger.valueOf(-105)))
                    .set("list", List.of("x"))
                    .build())
            .set("tags", Map.of("t", -1L)));
    add(
        Long.MIN_VALUE,
        row(Long.MIN_VALUE)
            .set("small", Integer.MAX_VALUE)
            .set("tiny", (int) Short.MAX_VALUE)
            .set("amount", decimal(BigInteger.ZERO))
            .set("price", decimal(BigInteger.TEN.pow(37)))
            .set("hash", ByteBuffer.wrap(new byte[0]))
            .set("name", "")
            .set("kind", kind("call"))
            .set("yes", false));
    load();

    assertThat(refused).isEmpty();
    Map<String, List<String>> expected = new HashMap<>();
    expected.put("id", List.of("-9223372036854775808", "1"));
    expected.put("small", List.of("2147483647", "-2147483648"));
    expected.put("tiny", List.of("32767", "-32768"));
    expected.put("amount", List.of("0", largestAmount().toString()));
    expected.put("price", List.of("10000000000000000000000000000.000000000", "-0.000000001"));
    expected.put("cents", Arrays.asList(null, "-0.02"));
    expected.put("at", Arrays.asList(null, "1969-12-31 23:59:59.999000"));
    expected.put("at_micros", Arrays.asList(null, "2025-12-31 23:59:59.999999"));
    expected.put("day", Arrays.asList(null, "2025-12-31"));
    expected.put("time_of_day", Arrays.asList(null, "23:59:59.999999"));
    expected.put("hash", List.of("", "00ff"));
    expected.put("word", Arrays.asList(null, "01020304"));
    expected.put("name", List.of("", "é😀\\t\t\n\"'"));
    expected.put("kind", List.of("call", "create"));
    expected.put("uid", Arrays.asList(null, "0123abcd-0000-4000-8000-00000000ffff"));
    expected.put("yes", List.of("0", "1"));
    expected.put("ratio", Arrays.asList(null, "0.1"));
    expected.put("part", Arrays.asList(null, "0.5"));
    expected.put("doc", Arrays.asList(null, "{\"k\": [1, null, \"é\"]}"));
    expected.put(
        "detail",
        Arrays.asList(null, "{\"a\": 9223372036854775807, \"d\": -1.05, \"list\": [\"x\"]}"));
    expected.put("tags", Arrays.asList(null, "{\"t\": -1}"));
    Map<String, List<String>> actual = new HashMap<>();
    for (String column : expected.keySet()) {
      actual.put(column, values(column));
    }
    assertThat(actual).isEqualTo(expected);
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldLoadArrays(Form as) throws SQLException {
    assumeTrue(hasArrays(), "the database has no arrays");
    form = as;
    add(
        1,
        row(1)
            .set("hashes", List.of(ByteBuffer.wrap(new byte[] {1}), ByteBuffer.wrap(new byte[0])))
            .set("names", Arrays.asList("a", null, "\"{,}")));
    add(2, row(2).set("hashes", List.of()).set("names", List.of()));
    add(3, row(3));
    load();

    assertThat(values("hashes")).containsExactly("{\"\\\\x01\",\"\\\\x\"}", "{}", null);
    assertThat(values("names")).containsExactly("{a,NULL,\"\\\"{,}\"}", "{}", null);
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldLoadAnyNumber(Form as) throws SQLException {
    form = as;
    Random random = new Random(7);
    List<String> prices = new ArrayList<>();
    List<String> amounts = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      BigInteger digits = new BigInteger(random.nextInt(120), random);
      BigInteger any = new BigInteger(random.nextInt(largestAmount().bitLength()), random);
      BigInteger signed = random.nextBoolean() ? digits : digits.negate();
      add(i, row(i).set("price", decimal(signed)).set("amount", decimal(any)));
      prices.add(new BigDecimal(signed, 9).toPlainString());
      amounts.add(any.toString());
    }
    load();

    assertThat(values("price")).isEqualTo(prices);
    assertThat(values("amount")).isEqualTo(amounts);
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldLoadHugeValues(Form as) throws SQLException {
    form = as;
    add(1, row(1).set("hash", ByteBuffer.allocate(12 << 20)));
    add(2, row(2).set("name", "x".repeat(3 << 20)));
    load();

    assertThat(refused).isEmpty();
    assertThat(query("SELECT max(length(hash)) + max(length(name)) FROM " + TABLE))
        .containsExactly(Integer.toString(15 << 20));
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldSetBadRowsAsideAndLoadTheOthers(Form as) throws SQLException {
    form = as;
    execute("ALTER TABLE " + TABLE + " ADD CHECK (small < 10)");
    for (int i = 0; i < 20; i++) {
      add(i, row(i).set("small", i == 7 || i == 12 ? 99 : 1).set("tiny", i == 3 ? 40_000 : 1));
    }
    add(7, row(7).set("small", 1).set("name", "mended in the same batch"));
    load();

    assertThat(refused)
        .hasSize(2)
        .anyMatch(r -> r.startsWith("3 "))
        .anyMatch(r -> r.startsWith("12 "));
    assertThat(values("id")).hasSize(18).doesNotContain("3", "12").contains("7");
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldKeepTheRowThatARefusedOneWouldHaveReplaced(Form as) throws SQLException {
    form = as;
    execute("ALTER TABLE " + TABLE + " ADD CHECK (small < 10)");
    add(1, row(1).set("small", 1));
    add(2, row(2).set("small", 2));
    add(1, row(1).set("small", 3));
    add(1, row(1).set("small", 99));
    load();

    assertThat(refused).hasSize(1).allMatch(r -> r.startsWith("3 "));
    assertThat(values("small")).containsExactly("3", "2");
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldTellWhenARowOfARefusedKeyIsLoaded(Form as) throws SQLException {
    form = as;
    List<TopicPartition> partitions = List.of(new TopicPartition(TABLE, 0));
    loader.close();
    loader = open(OFFSETS, false);
    loader.positions(partitions, Map.of());
    execute("ALTER TABLE " + TABLE + " ADD CHECK (small < 10)");
    for (long id = 0; id < 6; id++) {
      add(TABLE, 0, id, id, row(id).set("small", id < 4 ? 99 : 1).build());
    }
    load();
    assertThat(refused).hasSize(4);
    assertThat(mended).isEmpty();

    // By another task, later: a row, a tombstone, and one that is refused again.
    loader.close();
    loader = open(OFFSETS, false);
    loader.positions(partitions, Map.of());
    add(TABLE, 0, 6, 0L, row(0).set("small", 2).build());
    add(TABLE, 0, 7, 1L, null);
    add(TABLE, 0, 8, 2L, row(2).set("small", 98).build());
    load();
    assertThat(mended).containsExactlyInAnyOrder(0L, 1L);
    assertThat(refused).hasSize(5);

    // The one at offset 3 itself, after the table was mended.
    mended.clear();
    add(TABLE, 0, 3, 3L, row(3).set("small", 1).build());
    load();
    add(TABLE, 0, 9, 2L, row(2).set("small", 3).build());
    load();
    assertThat(mended).containsExactlyInAnyOrder(2L, 3L, 8L);
    assertThat(query("SELECT count(*) FROM " + OFFSETS + " WHERE refused_rows IS NOT NULL"))
        .containsExactly("0");
  }

  @Test
  protected void shouldLoadTheOtherTopicsOfABatchWithABadRow() throws SQLException {
    loader.close();
    loader = open(OFFSETS, false);
    List<TopicPartition> partitions =
        List.of(
            new TopicPartition(EVENTS, 0),
            new TopicPartition(EVENTS, 1),
            new TopicPartition(TABLE, 0));
    for (int round = 0; round < 2; round++) {
      assertThat(loader.positions(partitions, Map.of())).hasSize(round * 3);
      // Tombstones for a table without a key: refused before the other table is looked at.
      add(EVENTS, 0, 10 + round, 1L, null);
      add(EVENTS, 1, 20 + round, 1L, event("e"));
      add(TABLE, 0, 30 + round, (long) round, row(round).set("name", "n").build());
      load();
    }

    assertThat(refused).containsExactly("10 value_invalid", "11 value_invalid");
    assertThat(query("SELECT count(*) FROM " + EVENTS)).containsExactly("2");
    assertThat(values("name")).containsExactly("n", "n");
    assertThat(loader.positions(partitions, Map.of()).values()).containsExactly(12L, 22L, 32L);
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldSeeThatAMigrationHasChangedATable(Form as) throws SQLException {
    form = as;
    add(1, row(1).set("small", 1000).set("name", "a"));
    load();
    execute("ALTER TABLE " + TABLE + " " + smallToDecimal());
    add(2, row(2).set("small", 2000).set("name", "b"));
    add(1, row(1).set("small", 3000).set("name", "a"));
    load();

    assertThat(refused).isEmpty();
    assertThat(values("small")).containsExactly("3000", "2000");
  }

  /** What makes the column {@code small} a decimal, after ALTER TABLE and the table's name. */
  protected abstract String smallToDecimal();

  @Test
  protected void shouldRefuseRecordsThatAreNotRowsOneByOne() throws SQLException {
    add(1, row(1));
    batch.add(new SinkRecord(TABLE, 0, null, "k", null, row(1), 17));
    batch.add(new SinkRecord(TABLE, 0, null, null, keys.schema(), null, 18));
    batch.add(new SinkRecord(TABLE, 0, null, null, keys.schema(), null, 20));
    AvroRow broken = new AvroRow(codecs.computeIfAbsent(ROW, AvroCodec::new), new byte[9], 5);
    batch.add(
        new SinkRecord(
            TABLE, 0, keys.schema(), record(TABLE, 0, 0, 5L, null).key(), null, broken, 21));
    load();

    assertThat(refused)
        .containsExactlyInAnyOrder(
            "17 value_invalid", "18 value_invalid", "20 value_invalid", "21 value_invalid");
    assertThat(values("id")).containsExactly("1");
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldLoadRowsOfSeveralVersionsOfASchema(Form as) throws SQLException {
    form = as;
    add(TABLE, 0, 1, 1L, older(1, 5));
    add(TABLE, 0, 2, 2L, row(2).set("small", 6).set("name", "later").build());
    add(TABLE, 0, 3, 3L, older(3, 7));
    load();
    add(TABLE, 0, 4, 2L, older(2, 8));
    load();

    assertThat(values("small")).containsExactly("5", "8", "7");
    assertThat(values("name"))
        .as("what an older record does not have is left alone")
        .containsExactly(null, "later", null);
  }

  private static GenericRecord older(long id, int small) {
    Schema schema =
        new Schema.Parser()
            .parse(
                """
                {"type":"record","name":"Thing","namespace":"test","fields":[
                  {"name":"small","type":"int"},{"name":"id","type":"long"}]}
                """);
    return new GenericRecordBuilder(schema).set("id", id).set("small", small).build();
  }

  @Test
  protected void shouldWaitForColumnsThatAreMissing() throws SQLException {
    execute("ALTER TABLE " + TABLE + " DROP COLUMN name");
    add(1, row(1).set("name", "a"));
    assertThatThrownBy(this::load)
        .isInstanceOf(MissingColumnsException.class)
        .hasMessageContaining(TABLE + " has no column name");
    execute("ALTER TABLE " + TABLE + " ADD COLUMN name text");
    add(1, row(1).set("name", "a"));
    load();

    assertThat(values("name")).containsExactly("a");
  }

  @Test
  protected void shouldLoadWithoutMissingColumnsAndTellFromWhereToLoadAgain() throws SQLException {
    execute("ALTER TABLE " + TABLE + " DROP COLUMN name");
    loader.close();
    loader = open(OFFSETS, true);
    TopicPartition partition = new TopicPartition(TABLE, 0);
    assertThat(loader.positions(List.of(partition), Map.of())).isEmpty();
    add(TABLE, 0, 10, 1L, older(1, 5));
    add(TABLE, 0, 11, 2L, row(2).set("name", "a").build());
    add(TABLE, 0, 12, 3L, row(3).set("name", "b").build());
    load();
    assertThat(values("id")).containsExactly("1", "2", "3");
    assertThat(loader.completions()).isEmpty();

    loader.close();
    loader = open(OFFSETS, true);
    assertThat(loader.positions(List.of(partition), Map.of())).containsEntry(partition, 13L);
    assertThat(loader.completions()).as("after a restart").isEmpty();
    execute("ALTER TABLE " + TABLE + " ADD COLUMN name text");
    assertThat(loader.completions()).containsExactly(Map.entry(partition, 11L));
    assertThat(loader.completions()).as("once").isEmpty();
    add(TABLE, 0, 11, 2L, row(2).set("name", "a").build());
    add(TABLE, 0, 12, 3L, row(3).set("name", "b").build());
    load();

    assertThat(values("name")).containsExactly(null, "a", "b");
    assertThat(loader.positions(List.of(partition), Map.of())).containsEntry(partition, 13L);
  }

  @Test
  protected void shouldLoadARecordOnceThoughItsTableHasNoKey() throws SQLException {
    loader.close();
    loader = open(OFFSETS, false);
    TopicPartition partition = new TopicPartition(EVENTS, 0);
    loader.positions(List.of(partition), Map.of(EVENTS, "first"));
    for (int i = 0; i < 3; i++) {
      add(EVENTS, 0, 100 + i, 7L, event("n" + i));
    }
    load();
    assertThat(query("SELECT name FROM " + EVENTS + " ORDER BY name"))
        .containsExactly("n0", "n1", "n2");

    // Another task had read before, and loads the same: its transaction must fail.
    try (TableLoader zombie = open(OFFSETS, false);
        TableLoader current = open(OFFSETS, false)) {
      zombie.positions(List.of(partition), Map.of(EVENTS, "first"));
      assertThat(current.positions(List.of(partition), Map.of(EVENTS, "first")))
          .containsEntry(partition, 103L);
      add(EVENTS, 0, 103, 7L, event("n3"));
      TableLoader mine = loader;
      loader = current;
      load();
      add(EVENTS, 0, 103, 7L, event("n3"));
      loader = zombie;
      assertThatThrownBy(this::load)
          .isInstanceOfSatisfying(SQLException.class, e -> assertThat(zombie.isOutage(e)).isTrue());
      loader = mine;
    }
    assertThat(query("SELECT count(*) FROM " + EVENTS)).containsExactly("4");

    assertThat(loader.positions(List.of(partition), Map.of(EVENTS, "made anew")))
        .as("offsets of a topic that is gone")
        .isEmpty();
    add(EVENTS, 0, 0, 7L, event("n4"));
    add(EVENTS, 0, 1, 7L, null);
    load();
    assertThat(refused).containsExactly("1 value_invalid");
    assertThat(query("SELECT count(*) FROM " + EVENTS)).containsExactly("5");
    assertThat(loader.positions(List.of(partition), Map.of(EVENTS, "made anew")))
        .containsEntry(partition, 2L);
  }

  private void openWithChildren() throws SQLException {
    execute(
        "CREATE TABLE "
            + CHILDREN
            + " (id bigint PRIMARY KEY, name varchar(100), FOREIGN KEY (id) REFERENCES "
            + TABLE
            + " (id))");
    loader.close();
    loader = open(OFFSETS, false);
    loader.positions(
        List.of(new TopicPartition(CHILDREN, 0), new TopicPartition(TABLE, 0)), Map.of());
  }

  private void addChild(long at, long id, String name) {
    add(CHILDREN, 0, at, id, name == null ? null : event(id, name));
  }

  private void addParents(long from, long to) {
    for (long id = from; id < to; id++) {
      add(TABLE, 0, 1_000 + id, id, row(id).build());
    }
  }

  private long childrenFrom() throws SQLException {
    return Long.parseLong(
        query("SELECT next_offset FROM " + OFFSETS + " WHERE topic = '" + CHILDREN + "'").get(0));
  }

  @ParameterizedTest
  @EnumSource
  protected void shouldLetChildrenWaitForTheirParents(Form as) throws SQLException {
    form = as;
    openWithChildren();
    for (int id = 0; id < 40; id++) {
      addChild(id, id, "c" + id);
    }
    addParents(0, 20);
    loadAndKeepWhatWaits();

    assertThat(refused).isEmpty();
    assertThat(values("id")).hasSize(20);
    // But for some that stand beside those without a parent.
    assertThat(query("SELECT id FROM " + CHILDREN + " ORDER BY id")).hasSizeBetween(10, 20);
    assertThat(batch.rows()).isBetween(20, 30);
    assertThat(childrenFrom()).isEqualTo(40L - batch.rows());

    addParents(20, 40);
    loadAndKeepWhatWaits();
    assertThat(refused).isEmpty();
    assertThat(query("SELECT id FROM " + CHILDREN)).hasSize(40);
    assertThat(batch.isEmpty()).isTrue();
    assertThat(childrenFrom()).isEqualTo(40);
  }

  @Test
  protected void shouldLetParentsGoAfterTheirChildren() throws SQLException {
    openWithChildren();
    addParents(0, 2);
    addChild(0, 0, "a");
    addChild(1, 1, "b");
    loadAndKeepWhatWaits();
    add(TABLE, 0, 2_000, 0L, null);
    add(TABLE, 0, 2_001, 1L, null);
    addChild(2, 0, null);
    loadAndKeepWhatWaits();

    assertThat(values("id")).containsExactly("1");
    assertThat(batch.rows()).as("the parent of a child that is there").isEqualTo(1);
    addChild(3, 1, null);
    loadAndKeepWhatWaits();
    assertThat(values("id")).isEmpty();
    assertThat(query("SELECT id FROM " + CHILDREN)).isEmpty();
    assertThat(batch.isEmpty()).isTrue();
    assertThat(refused).isEmpty();
  }

  @Test
  protected void shouldForgetARowThatWaitsWhenALaterOneOfItsKeyComes() throws SQLException {
    openWithChildren();
    addChild(0, 5, "old");
    addChild(1, 6, "gone");
    loadAndKeepWhatWaits();
    assertThat(batch.rows()).isEqualTo(2);

    addParents(5, 7);
    addChild(2, 5, "new");
    addChild(3, 6, null);
    loadAndKeepWhatWaits();

    assertThat(query("SELECT concat(id, name) FROM " + CHILDREN)).containsExactly("5new");
    assertThat(batch.isEmpty()).isTrue();
    assertThat(childrenFrom()).isEqualTo(4);
  }

  @Test
  protected void shouldLoadAnEarlierRowWhileTheLastOneOfItsKeyWaits() throws SQLException {
    openWithChildren();
    execute(
        "ALTER TABLE "
            + CHILDREN
            + " ADD COLUMN parent bigint, ADD FOREIGN KEY (parent) REFERENCES "
            + TABLE
            + " (id)");
    addParents(1, 3);
    Schema schema =
        new Schema.Parser()
            .parse(
                """
                {"type":"record","name":"Child","namespace":"test","fields":[
                  {"name":"id","type":"long"},{"name":"parent","type":"long"}]}
                """);
    long at = 0;
    for (long parent : new long[] {1, 2, 99}) {
      add(
          CHILDREN,
          0,
          at++,
          1L,
          new GenericRecordBuilder(schema).set("id", 1L).set("parent", parent).build());
    }
    loadAndKeepWhatWaits();

    assertThat(query("SELECT parent FROM " + CHILDREN)).containsExactly("2");
    assertThat(batch.rows()).isEqualTo(1);
    assertThat(childrenFrom()).isEqualTo(2);
    addParents(99, 100);
    loadAndKeepWhatWaits();
    assertThat(query("SELECT parent FROM " + CHILDREN)).containsExactly("99");
    assertThat(refused).isEmpty();
  }

  @Test
  protected void shouldGoBackToARowThatWaitsWhenColumnsHaveCome() throws SQLException {
    openWithChildren();
    loader.close();
    loader = open(OFFSETS, true);
    List<TopicPartition> partitions =
        List.of(new TopicPartition(CHILDREN, 0), new TopicPartition(TABLE, 0));
    loader.positions(partitions, Map.of());
    execute("ALTER TABLE " + CHILDREN + " DROP COLUMN name");
    addParents(6, 10);
    addChild(5, 5, "waits");
    for (long id = 6; id < 10; id++) {
      addChild(id, id, "c");
    }
    loadAndKeepWhatWaits();
    assertThat(query("SELECT id FROM " + CHILDREN)).hasSize(4);
    assertThat(childrenFrom()).isEqualTo(5);

    execute("ALTER TABLE " + CHILDREN + " ADD COLUMN name varchar(100)");
    assertThat(loader.completions()).containsEntry(new TopicPartition(CHILDREN, 0), 5L);
    assertThat(childrenFrom()).isEqualTo(5);
  }

  @Test
  protected void shouldRefuseARowThatHasWaitedLongEnough() throws SQLException {
    rowsWaitMs = 0;
    openWithChildren();
    addParents(1, 30);
    for (int id = 0; id < 30; id++) {
      addChild(id, id, "c");
    }
    loadAndKeepWhatWaits();

    assertThat(refused).hasSize(1).allMatch(r -> r.startsWith("0 sqlstate_23"));
    assertThat(query("SELECT id FROM " + CHILDREN)).hasSize(29);
    assertThat(batch.isEmpty()).isTrue();
    assertThat(childrenFrom()).isEqualTo(30);
  }

  private static GenericRecord event(String name) {
    return event(7L, name);
  }

  private static GenericRecord event(long id, String name) {
    Schema schema =
        new Schema.Parser()
            .parse(
                """
                {"type":"record","name":"Event","namespace":"test","fields":[
                  {"name":"id","type":"long"},{"name":"name","type":"string"}]}
                """);
    return new GenericRecordBuilder(schema).set("id", id).set("name", name).build();
  }

  @Test
  protected void shouldRefuseRecordsWhoseSchemaDoesNotGoWithTheirTableAndLoadTheOthers()
      throws SQLException {
    execute("ALTER TABLE " + TABLE + " ADD COLUMN must int NOT NULL");
    add(TABLE, 0, 1, 1L, older(1, 1));
    add(EVENTS, 0, 2, null, event("e"));
    load();
    execute("ALTER TABLE " + TABLE + " DROP COLUMN must");
    execute("ALTER TABLE " + TABLE + " DROP COLUMN name");
    execute("ALTER TABLE " + TABLE + " ADD COLUMN name bigint");
    add(TABLE, 0, 3, 2L, row(2).build());
    add(TABLE, 0, 4, 3L, older(3, 1));
    load();
    execute("DROP TABLE " + TABLE);
    execute("CREATE TABLE " + TABLE + " (small bigint, id bigint, PRIMARY KEY (small))");
    add(TABLE, 0, 5, 1L, older(1, 1));
    load();

    assertThat(refused).containsExactly("1 schema_unfit", "3 schema_unfit", "5 schema_unfit");
    assertThat(reasons.get(0)).contains("demands a value in must");
    assertThat(reasons.get(1))
        .contains("field name of the records is STRING, which column " + TABLE + ".name");
    assertThat(reasons.get(2)).contains("the primary key of table");
    assertThat(query("SELECT count(*) FROM " + EVENTS)).containsExactly("1");
  }

  @Test
  protected void shouldRefuseWhatTheConverterCouldNotReadAndLoadTheOthers() throws SQLException {
    Unreadable broken = new Unreadable(new byte[] {1, 2}, "no frame");
    SinkRecord good = record(TABLE, 0, 1, 1L, row(1).build());
    batch.add(good);
    batch.add(new SinkRecord(TABLE, 0, good.keySchema(), good.key(), null, broken, 2));
    batch.add(new SinkRecord(TABLE, 0, null, broken, null, null, 3));
    add(TABLE, 0, 4, 2L, row(2).build());
    load();

    assertThat(refused).containsExactlyInAnyOrder("2 record_unreadable", "3 record_unreadable");
    assertThat(reasons).allMatch("no frame"::equals);
    assertThat(query("SELECT id FROM " + TABLE + " ORDER BY id"))
        .as("the row that the broken one would have replaced stays")
        .containsExactly("1", "2");
  }

  @Test
  protected void shouldSayWhatIsWrongWithATable() throws SQLException {
    add(EVENTS, 0, 1, 1L, older(1, 1));
    assertThatThrownBy(this::load).hasMessageContaining("has no column small");
    add("loader_test.nothing", 0, 1, 1L, older(1, 1));
    assertThatThrownBy(this::load)
        .isInstanceOf(ConnectException.class)
        .hasMessageContaining("no table loader_test.nothing");
    add("nothing", 0, 1, 1L, older(1, 1));
    assertThatThrownBy(this::load).hasMessageContaining("schema.table");
  }
}
