package io.cryptoetl.datasets;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cryptoetl.chain.Log;
import io.cryptoetl.chain.Transaction;
import io.cryptoetl.datasets.files.RefusedException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.file.CodecFactory;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** Files of records with types, as DuckDB and Avro write them: Parquet and Avro. */
class RecordFilesTest {
  private static final Map<String, String> MAINNET = Map.of("chain_id", "1");

  @TempDir static Path shared;
  @TempDir Path folder;

  @BeforeAll
  static void make() throws SQLException {
    StringBuilder made = new StringBuilder();
    Random random = new Random(7);
    for (int i = 0; i < 3_000; i++) {
      int topics = random.nextInt(5);
      StringBuilder list = new StringBuilder();
      for (int t = 0; t < topics; t++) {
        list.append(t == 0 ? "" : ", ").append("'0x").append(hex(random, 32)).append("'");
      }
      made.append(i == 0 ? "" : ", ")
          .append(
              "(%d, %d, %d, '0x%s', '0x%s', '0x%s', '0x%s', [%s]::VARCHAR[], TIMESTAMP '2023-03-29 01:37:59' + INTERVAL %d SECOND)"
                  .formatted(
                      16_000_000 + i / 100,
                      i % 100,
                      i % 7,
                      hex(random, 32),
                      hex(random, 32),
                      hex(random, 20),
                      hex(random, random.nextInt(70)),
                      list,
                      i / 100 * 12));
    }
    sql(
        "CREATE TABLE logs (block_number UBIGINT, log_index UINTEGER, transaction_index INTEGER, transaction_hash VARCHAR, block_hash VARCHAR, address VARCHAR, data VARCHAR, topics VARCHAR[], block_timestamp TIMESTAMP)",
        "INSERT INTO logs VALUES " + made);
  }

  private static String hex(Random random, int bytes) {
    byte[] made = new byte[bytes];
    random.nextBytes(made);
    return HexFormat.of().formatHex(made);
  }

  private static void sql(String... statements) throws SQLException {
    try (Connection db = DriverManager.getConnection("jdbc:duckdb:" + shared.resolve("db"));
        Statement statement = db.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  private Path logs(String name, String select, String options) throws SQLException {
    Path file = folder.resolve(name);
    sql(
        "COPY (SELECT %s FROM logs ORDER BY block_number, log_index) TO '%s' (%s)"
            .formatted(select, file, options));
    return file;
  }

  private Reads csv() throws SQLException, IOException {
    return Reads.of(
        logs(
            "logs.csv",
            "* REPLACE (list_aggregate(topics, 'string_agg', ',') AS topics)",
            "HEADER"),
        MAINNET);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "*; FORMAT parquet, COMPRESSION snappy",
        "*; FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048",
        "*; FORMAT parquet, COMPRESSION gzip, PARQUET_VERSION v2",
        "*; FORMAT parquet, COMPRESSION uncompressed",
        "*; FORMAT parquet, COMPRESSION lz4_raw",
        "* REPLACE (unhex(transaction_hash[3:]) AS transaction_hash, unhex(block_hash[3:]) AS block_hash, unhex(address[3:]) AS address, unhex(data[3:]) AS data); FORMAT parquet",
        "* REPLACE (list_transform(topics, t -> unhex(t[3:])) AS topics, block_timestamp::TIMESTAMPTZ AS block_timestamp); FORMAT parquet",
        "* REPLACE (block_timestamp::TIMESTAMP_NS AS block_timestamp, block_number::DECIMAL(38,0) AS block_number, log_index::DOUBLE AS log_index); FORMAT parquet",
        "* EXCLUDE topics, topics[1] AS topic0, topics[2] AS topic1, topics[3] AS topic2, topics[4] AS topic3; FORMAT parquet",
        "*; FORMAT json"
      })
  void shouldReadTheSameFromEveryFormat(String select, String options) throws Exception {
    Reads expected = csv();
    Reads found = Reads.of(logs("logs.bin", select, options), MAINNET);

    assertThat(expected.rows).hasSize(3_000);
    assertThat(found.bad).isEmpty();
    assertThat(found.reading.dataset()).isEqualTo("ethereum-etl-logs");
    assertThat(found.rows).isEqualTo(expected.rows);
  }

  @Test
  void shouldReadLogsOfCryoWithoutHashOfTheirBlock() throws Exception {
    Reads found =
        Reads.of(
            logs(
                "ethereum__logs__16000000_to_16000029.parquet",
                "block_number::UINTEGER AS block_number, transaction_index::UINTEGER AS transaction_index, log_index, unhex(transaction_hash[3:]) AS transaction_hash, unhex(address[3:]) AS address, unhex(topics[1][3:]) AS topic0, unhex(topics[2][3:]) AS topic1, unhex(topics[3][3:]) AS topic2, unhex(topics[4][3:]) AS topic3, unhex(data[3:]) AS data, 5::UINTEGER AS n_data_bytes, 1::UBIGINT AS chain_id",
                "FORMAT parquet"),
            Map.of());

    assertThat(found.bad).isEmpty();
    assertThat(found.rows).hasSize(3_000);
    assertThat(((Log) found.rows.getFirst()).getBlockHash()).isNull();
    assertThat(((Log) found.rows.getFirst()).getTopic0())
        .isEqualTo(((Log) csv().rows.getFirst()).getTopic0());
  }

  @Test
  void shouldRefuseWholeNumbersThatADoubleHasRounded() throws Exception {
    Path file = folder.resolve("transactions.parquet");
    String hash = "'0x" + "5c50".repeat(16) + "'";
    String columns =
        "%1$s AS hash, 0 AS nonce, %1$s AS block_hash, 46147 AS block_number, i AS transaction_index, '0x%2$s' AS from_address, 21000 AS gas, TIMESTAMP '2015-08-07 03:30:33' AS block_timestamp, value"
            .formatted(hash, "a1e4".repeat(10));
    sql(
        "COPY (SELECT %s FROM (VALUES (0, 31337::DOUBLE), (1, 9007199254740992::DOUBLE), (2, 1e18::DOUBLE), (3, NULL)) AS t (i, value)) TO '%s' (FORMAT parquet)"
            .formatted(columns, file));

    Reads found = Reads.of(file, MAINNET);

    assertThat(found.rows)
        .extracting(r -> String.valueOf(((Transaction) r).getValue()))
        .containsExactly("31337", "9007199254740992", "null");
    assertThat(found.bad).hasSize(1);
    assertThat(found.bad.getFirst())
        .hasMessageContaining("value is '1.0E+18', one with all its digits");
  }

  @Test
  void shouldReadNumbersOf256BitsFromDecimalsAndTexts() throws Exception {
    Path file = folder.resolve("transactions.parquet");
    BigInteger most = BigInteger.TWO.pow(256).subtract(BigInteger.ONE);
    sql(
        "COPY (SELECT '0x%1$s' AS transaction_hash, '0x%1$s' AS block_hash, 46147::UINTEGER AS block_number, 0::UBIGINT AS transaction_index, 18446744073709551615::UBIGINT AS gas_price, '0x%2$s' AS from_address, '%3$s' AS value_string, 1.2e77::DOUBLE AS value_f64, true AS success) TO '%4$s' (FORMAT parquet)"
            .formatted("5c50".repeat(16), "a1e4".repeat(10), most, file));

    Transaction found = (Transaction) Reads.of(file, MAINNET).rows.getFirst();

    assertThat(found.getValue().toBigInteger()).isEqualTo(most);
    assertThat(found.getGasPrice()).isEqualByComparingTo("18446744073709551615");
    assertThat(found.getStatus()).isEqualTo(1);
    assertThat(found.getBlockTimestamp()).isNull();
    assertThat(found.getType()).isNull();
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 2_000, -10})
  void shouldSayThatAParquetFileIsCutOff(int bytes) throws Exception {
    byte[] whole = Files.readAllBytes(logs("logs.parquet", "*", "FORMAT parquet"));
    Path cut = folder.resolve("cut.parquet");
    Files.write(cut, java.util.Arrays.copyOf(whole, bytes < 0 ? whole.length + bytes : bytes));

    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(() -> Reads.of(cut, MAINNET))
        .satisfies(e -> assertThat(e.code()).isEqualTo("file_damaged"));
  }

  @Test
  void shouldReadParquetThatComesAsAStreamOrPacked() throws Exception {
    byte[] bytes = Files.readAllBytes(logs("logs.parquet", "*", "FORMAT parquet"));
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
      gzip.write(bytes);
    }

    assertThat(Reads.of("logs.parquet", bytes, MAINNET).rows).isEqualTo(csv().rows);
    assertThat(Reads.of("logs.parquet.gz", packed.toByteArray(), MAINNET).rows).hasSize(3_000);
  }

  @Test
  void shouldReadCsvPackedByBzip2AndXz() throws Exception {
    Reads expected = csv();
    byte[] bytes = Files.readAllBytes(folder.resolve("logs.csv"));
    ByteArrayOutputStream bzip2 = new ByteArrayOutputStream();
    try (BZip2CompressorOutputStream out = new BZip2CompressorOutputStream(bzip2)) {
      out.write(bytes);
    }
    ByteArrayOutputStream xz = new ByteArrayOutputStream();
    try (XZOutputStream out = new XZOutputStream(xz, new LZMA2Options())) {
      out.write(bytes);
    }

    assertThat(Reads.of("logs.csv.bz2", bzip2.toByteArray(), MAINNET).rows)
        .isEqualTo(expected.rows);
    assertThat(Reads.of("logs.csv.xz", xz.toByteArray(), MAINNET).rows).isEqualTo(expected.rows);
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () -> Reads.of("cut.xz", java.util.Arrays.copyOf(xz.toByteArray(), 5_000), MAINNET))
        .satisfies(e -> assertThat(e.code()).isEqualTo("file_damaged"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "deflate", "snappy", "zstandard"})
  void shouldReadAvro(String codec) throws Exception {
    Schema time = LogicalTypes.timestampMicros().addToSchema(Schema.create(Schema.Type.LONG));
    Schema amount = LogicalTypes.decimal(38, 0).addToSchema(Schema.create(Schema.Type.BYTES));
    Schema schema =
        SchemaBuilder.record("Tx")
            .fields()
            .name("hash")
            .type(Schema.createFixed("Hash", null, null, 32))
            .noDefault()
            .requiredString("block_hash")
            .requiredLong("block_number")
            .requiredInt("transaction_index")
            .name("from_address")
            .type(Schema.create(Schema.Type.BYTES))
            .noDefault()
            .name("value")
            .type(Schema.createUnion(Schema.create(Schema.Type.NULL), amount))
            .noDefault()
            .name("block_timestamp")
            .type(time)
            .noDefault()
            .endRecord();
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    try (DataFileWriter<GenericData.Record> writer =
        new DataFileWriter<>(new GenericDatumWriter<>(schema))) {
      writer.setCodec(CodecFactory.fromString(codec)).create(schema, file);
      GenericData.Record row = new GenericData.Record(schema);
      row.put("hash", new GenericData.Fixed(schema.getField("hash").schema(), new byte[32]));
      row.put("block_hash", "0x" + "4e3a".repeat(16));
      row.put("block_number", 46147L);
      row.put("transaction_index", 0);
      row.put("from_address", ByteBuffer.wrap(new byte[20]));
      row.put("value", ByteBuffer.wrap(new BigInteger("31337").toByteArray()));
      row.put("block_timestamp", 1438918233_000_000L);
      writer.append(row);
    }

    Reads found = Reads.of("transactions.avro", file.toByteArray(), MAINNET);

    assertThat(found.bad).isEmpty();
    Transaction row = (Transaction) found.rows.getFirst();
    assertThat(row.getValue()).isEqualByComparingTo("31337");
    assertThat(row.getHash()).isEqualTo(ByteBuffer.allocate(32));
    assertThat(row.getBlockTimestamp()).isEqualTo(Instant.ofEpochSecond(1438918233));
  }

  @Test
  void shouldSayThatAnAvroFileIsCutOffOrDamaged() throws Exception {
    Schema schema =
        SchemaBuilder.record("Candle")
            .fields()
            .requiredLong("time")
            .requiredDouble("close")
            .endRecord();
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    try (DataFileWriter<GenericData.Record> writer =
        new DataFileWriter<>(new GenericDatumWriter<>(schema))) {
      writer.create(schema, file);
      for (int i = 0; i < 10_000; i++) {
        GenericData.Record row = new GenericData.Record(schema);
        row.put("time", 1_600_000_020L + 60L * i);
        row.put("close", 1.5);
        writer.append(row);
      }
    }
    byte[] whole = file.toByteArray();
    Map<String, String> parameters = Map.of("venue", "v", "symbol", "s", "interval", "1m");

    assertThat(Reads.of("a.avro", whole, parameters).rows).hasSize(10_000);
    for (int length : new int[] {5, 60, whole.length - 1, whole.length - 5_000}) {
      assertThatExceptionOfType(RefusedException.class)
          .isThrownBy(() -> Reads.of("a.avro", java.util.Arrays.copyOf(whole, length), parameters))
          .satisfies(e -> assertThat(e.code()).isEqualTo("file_damaged"));
    }
  }

  @Test
  void shouldTakeBytesForNoNumber() throws Exception {
    Path file = folder.resolve("transactions.parquet");
    sql(
        "COPY (SELECT '0x%1$s' AS hash, 46147 AS block_number, 0 AS transaction_index, '0x%2$s' AS from_address, '1000000'::BLOB AS value) TO '%3$s' (FORMAT parquet)"
            .formatted("5c50".repeat(16), "a1e4".repeat(10), file));

    Reads reads = Reads.of(file, MAINNET, Optional.of("ethereum-etl-transactions"));
    assertThat(reads.rows).isEmpty();
    assertThat(reads.bad.getFirst()).hasMessageContaining("value is '\\x31303030303030'");
  }

  @Test
  void shouldSayThatAnArchiveIsEncrypted() throws Exception {
    byte[] zip = new byte[60];
    System.arraycopy(new byte[] {'P', 'K', 3, 4, 20, 0, 1, 0}, 0, zip, 0, 8);
    zip[26] = 5;
    System.arraycopy("a.csv".getBytes(UTF_8), 0, zip, 30, 5);

    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(() -> Reads.of("a.zip", zip, MAINNET))
        .withMessageContaining("encrypted")
        .satisfies(e -> assertThat(List.of("file_encrypted")).contains(e.code()));
  }
}
