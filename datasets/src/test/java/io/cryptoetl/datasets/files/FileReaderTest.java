package io.cryptoetl.datasets.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FileReaderTest {
  private static final String CSV = "a,b\n1,2\n3,4\n";

  /** Collects what it is given. */
  private static final class Found implements FileReader.Content {
    private final Map<String, FileFormat> formats = new LinkedHashMap<>();
    private final Map<String, List<Chunk>> chunks = new LinkedHashMap<>();
    private final Map<String, String> refused = new LinkedHashMap<>();
    private String name;
    private int ended;

    @Override
    public boolean begin(Optional<String> member, FileFormat format, byte[] sample) {
      name = member.orElse("");
      formats.put(name, format);
      chunks.put(name, new ArrayList<>());
      return true;
    }

    @Override
    public void chunk(Chunk chunk) {
      chunks.get(name).add(chunk);
    }

    @Override
    public void end() {
      ended++;
    }

    @Override
    public void refused(String member, RefusedException reason) {
      refused.put(member, reason.code());
    }

    FileFormat format() {
      return formats.get("");
    }

    long rows() {
      return chunks.values().stream().flatMap(List::stream).mapToLong(Chunk::rows).sum();
    }

    /** Head and chunks, one after the other. */
    byte[] bytes() {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      out.writeBytes(format().head());
      chunks.get("").forEach(c -> out.writeBytes(c.bytes()));
      return out.toByteArray();
    }
  }

  @FunctionalInterface
  private interface Packer {
    OutputStream over(OutputStream out) throws IOException;
  }

  private static byte[] packed(Packer packer, byte[] content) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (OutputStream packing = packer.over(out)) {
      packing.write(content);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return out.toByteArray();
  }

  private static byte[] gzip(byte[] content) {
    return packed(GZIPOutputStream::new, content);
  }

  private static byte[] zip(Map<String, byte[]> members) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, byte[]> member : members.entrySet()) {
        zip.putNextEntry(new ZipEntry(member.getKey()));
        zip.write(member.getValue());
      }
    }
    return out.toByteArray();
  }

  private static Found read(byte[] file) throws IOException {
    return read(file, Limits.DEFAULT);
  }

  private static Found read(byte[] file, Limits limits) throws IOException {
    Found found = new Found();
    FileReader.read(new ByteArrayInputStream(file), limits, found);
    return found;
  }

  private static Found read(String file) throws IOException {
    return read(file.getBytes(UTF_8));
  }

  private static void assertRefused(byte[] file, String code) {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(() -> read(file))
        .satisfies(e -> assertThat(e.code()).isEqualTo(code));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '/',
      quoteCharacter = '\0',
      value = {
        "a,b\\n1,2\\n / , / 1 / 1",
        "\uFEFFa;b;c\\r\\n1;2;3\\r\\n / ; / 1 / 1",
        "a\\tb\\n1\\t2\\n3\\t4 / \\t / 1 / 2",
        "a|b\\n1,5|2,5\\n / | / 1 / 1",
        "https: of the exchange\\na,b,c\\n1,2,3\\n / , / 2 / 1",
        "Prices, daily\\na,b,c\\n1,2,3\\n / , / 2 / 1",
        "\"a\\nb\",c\\n1,2\\n / , / 2 / 1",
        "a,b\\r1,2\\r3,4\\r / , / 1 / 2",
        "a,b\\n\\n1,2\\n\\n\\n3,4\\n / , / 1 / 2",
        "1,2,3\\n / , / 1 / 0",
        "a,b,c\\n\\n1,2,3\\n4,5,6\\n / , / 1 / 2",
        "a,b,c\\n1,2,3,4\\n4,5,6\\n7,8,9\\n / , / 1 / 3"
      })
  void shouldTellHeadAndDelimiterOfCsv(String file, String delimiter, int headLines, int rows)
      throws IOException {
    String text = file.translateEscapes().stripTrailing() + (file.contains("3\\t4 ") ? "" : "\n");

    Found found = read(text);

    assertThat(found.format().name()).isEqualTo("csv");
    assertThat(found.format().delimiter()).isEqualTo(delimiter.translateEscapes().charAt(0));
    assertThat(found.format().headLines()).isEqualTo(headLines);
    assertThat(found.rows()).isEqualTo(rows);
    assertThat(new String(found.bytes(), UTF_8)).isEqualTo(text);
    assertThat(found.ended).isEqualTo(1);
  }

  @Test
  void shouldGiveAChunkOfAFileThatHasOnlyAHead() throws IOException {
    Found found = read("a,b\n");

    assertThat(found.chunks.get("")).hasSize(1);
    assertThat(found.chunks.get("").getFirst().firstLine()).isEqualTo(2);
    assertThat(found.rows()).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      value = {
        "[[1,2],[3,4]]#json#2",
        "[{\"a\":1},\\n {\"a\":\"],[\"}]#json#2",
        "[]#json#0",
        "[1,2]\\n[3,4]\\n#jsonl#2",
        "{\"a\":1}\\n{\"a\":2}#jsonl#2"
      })
  void shouldTellArraysOfRowsFromRowsThatAreArrays(String file, String format, int rows)
      throws IOException {
    Found found = read(file.translateEscapes());

    assertThat(found.format().name()).isEqualTo(format);
    assertThat(found.rows()).isEqualTo(rows);
  }

  @Test
  void shouldNumberTheRowsOfAnArray() throws IOException {
    StringBuilder file = new StringBuilder("[");
    for (int i = 1; i <= 200_000; i++) {
      file.append(i == 1 ? "" : ",").append("[").append(i).append(",\"x\"]");
    }

    Found found = read(file.append("]\n").toString());

    assertThat(found.rows()).isEqualTo(200_000);
    assertThat(found.chunks.get("")).hasSizeGreaterThan(2);
    for (Chunk chunk : found.chunks.get("")) {
      String text = new String(chunk.bytes(), UTF_8);
      assertThat(text.replaceFirst("^,?\\[(\\d+).*$", "$1"))
          .isEqualTo(Long.toString(chunk.firstLine()));
    }
  }

  @Test
  void shouldEndWhereTheDataOfABloombergFileEnds() throws IOException {
    String head = "START-OF-FILE\nSTART-OF-FIELDS\nPX_LAST\nEND-OF-FIELDS\nSTART-OF-DATA\n";
    String rows = "ETH Curncy|0|1|1800|\nBTC Curncy|0|1|30000|\n";

    Found found = read(head + rows + "END-OF-DATA\nEND-OF-FILE\n");

    assertThat(found.format().headLines()).isEqualTo(5);
    assertThat(new String(found.bytes(), UTF_8)).isEqualTo(head + rows);
    assertThat(found.rows()).isEqualTo(2);
    assertRefused((head + rows).getBytes(UTF_8), "file_cut_off");
  }

  @Test
  void shouldCutRowsOfEachEncodingApart() throws IOException {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes("a,b\n1,é\n".getBytes(UTF_8));
    file.writeBytes("2,é\n3,é\n".getBytes(Charset.forName("windows-1252")));
    file.writeBytes("4,é\n".getBytes(UTF_8));

    List<Chunk> chunks = read(file.toByteArray()).chunks.get("");

    assertThat(chunks).extracting(Chunk::charset).containsExactly("UTF-8", "windows-1252", "UTF-8");
    assertThat(chunks).extracting(Chunk::firstLine).containsExactly(2L, 3L, 5L);
    assertThat(chunks).extracting(Chunk::rows).containsExactly(1L, 2L, 1L);
  }

  @Test
  void shouldUnpackByWhatTheBytesAre() throws IOException {
    byte[] plain = CSV.getBytes(UTF_8);
    assertThat(read(gzip(plain)).bytes()).isEqualTo(plain);
    assertThat(read(packed(ZstdOutputStream::new, plain)).bytes()).isEqualTo(plain);

    // Packed files may be put together.
    ByteArrayOutputStream two = new ByteArrayOutputStream();
    two.writeBytes(gzip(plain));
    two.writeBytes(gzip("5,6\n".getBytes(UTF_8)));
    assertThat(read(two.toByteArray()).rows()).isEqualTo(3);
  }

  @Test
  void shouldReadEachMemberOfAnArchive() throws IOException {
    Map<String, byte[]> members = new LinkedHashMap<>();
    members.put("folder/", new byte[0]);
    members.put("folder/one.csv", CSV.getBytes(UTF_8));
    members.put("__MACOSX/folder/one.csv", "x".getBytes(UTF_8));
    members.put("two.csv.gz", gzip(CSV.getBytes(UTF_8)));
    members.put("readme", "nothing here".getBytes(UTF_8));
    members.put("three.jsonl", "{\"a\":1}\n".getBytes(UTF_8));

    Found found = read(zip(members));

    assertThat(found.formats.keySet()).containsExactly("folder/one.csv", "three.jsonl");
    assertThat(found.refused)
        .isEqualTo(Map.of("two.csv.gz", "file_packed_twice", "readme", "file_no_columns"));
    assertThat(found.rows()).isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"../up.csv", "/etc/passwd", "a/../../b.csv", "c:\\x.csv", "a\nb"})
  void shouldRefuseMembersThatLeaveTheArchive(String name) throws IOException {
    assertRefused(zip(Map.of(name, CSV.getBytes(UTF_8))), "member_path");
  }

  @Test
  void shouldRefuseWhatIsNoFileOfRows() throws IOException {
    assertRefused(new byte[0], "file_empty");
    assertRefused(" \n \n".getBytes(UTF_8), "file_empty");
    assertRefused("a,b\n1,2\n".getBytes(StandardCharsets.UTF_16), "file_encoding");
    assertRefused(new byte[] {'a', ',', 'b', '\n', 0, 1}, "file_binary");
    assertRefused("PAR1....".getBytes(UTF_8), "file_damaged");
    assertRefused("<!DOCTYPE html><html>".getBytes(UTF_8), "file_markup");
    assertRefused("one column\nonly\n".getBytes(UTF_8), "file_no_columns");
    assertRefused("[[1,2],[3".getBytes(UTF_8), "file_cut_off");
    assertRefused("[[1,2]]\n[[3,4]]\n".getBytes(UTF_8), "file_several_arrays");
    assertRefused(zip(Map.of("[Content_Types].xml", "<x/>".getBytes(UTF_8))), "file_binary");
  }

  @Test
  void shouldRefuseAnArchiveThatLacksItsEnd() throws IOException {
    Map<String, byte[]> members = new LinkedHashMap<>();
    members.put("one.csv", CSV.getBytes(UTF_8));
    members.put("two.csv", CSV.getBytes(UTF_8));
    byte[] whole = zip(members);
    int second = new String(whole, StandardCharsets.ISO_8859_1).indexOf("PK\3\4", 10);

    // Between two members, in the head of one, and within the directory.
    assertRefused(Arrays.copyOf(whole, second), "file_damaged");
    assertRefused(Arrays.copyOf(whole, second + 12), "file_damaged");
    assertRefused(Arrays.copyOf(whole, whole.length - 10), "file_damaged");
    assertThat(read(whole).rows()).isEqualTo(4);
  }

  @Test
  void shouldRefuseAGzipMemberThatIsCutOff() {
    ByteArrayOutputStream two = new ByteArrayOutputStream();
    two.writeBytes(gzip(CSV.getBytes(UTF_8)));
    two.write(0x1F);
    two.write(0x8B);
    two.write(8);

    assertRefused(two.toByteArray(), "file_damaged");
  }

  @Test
  void shouldLetRowsOfAsciiGoWithEitherEncoding() throws IOException {
    String rows = "1,x\n".repeat(50) + "2,é\n" + "3,x\n".repeat(50) + "4,é\n5,x\n";
    byte[] file = ("a,b\n" + rows).getBytes(Charset.forName("windows-1252"));

    List<Chunk> chunks = read(file).chunks.get("");

    assertThat(chunks).extracting(Chunk::charset).containsExactly("windows-1252");
    assertThat(chunks.getFirst().rows()).isEqualTo(103);
  }

  @Test
  void shouldRefuseDamagedPacking() {
    byte[] whole = gzip((CSV + "5,6\n".repeat(100_000)).getBytes(UTF_8));
    assertRefused(Arrays.copyOf(whole, whole.length - 20), "file_damaged");
    byte[] flipped = whole.clone();
    flipped[flipped.length - 6] ^= 1;
    assertRefused(flipped, "file_damaged");
  }

  @Test
  void shouldRefuseWhatExpandsTooMuch() throws IOException {
    byte[] zeros = "0,0\n".repeat(20 * 1024 * 1024).getBytes(UTF_8);
    assertRefused(gzip(zeros), "file_expands");
    assertRefused(packed(ZstdOutputStream::new, zeros), "file_expands");
    assertRefused(zip(Map.of("zeros.csv", zeros)), "file_expands");
    assertThat(read(gzip(zeros), new Limits(1000, 100_000, 10)).rows())
        .isEqualTo(20L * 1024 * 1024 - 1);
  }

  @Test
  void shouldRefuseRowsWithoutEnd() {
    assertThatThrownBy(
            () -> read(("a,b\n" + "x".repeat(5000)).getBytes(UTF_8), new Limits(1000, 10, 10)))
        .isInstanceOf(RefusedException.class)
        .hasMessageContaining("line 2")
        .hasMessageContaining("1000 bytes");
  }

  @Test
  void shouldTellFailuresOfTheStoreFromDamage() {
    String rows =
        new Random(1).ints(20_000).mapToObj(i -> i + ",1\n").collect(Collectors.joining());
    byte[] file = gzip(("a,b\n" + rows).getBytes(UTF_8));
    InputStream broken =
        new ByteArrayInputStream(file) {
          @Override
          public int read(byte[] to, int from, int length) {
            if (pos > 8192) {
              throw new java.io.UncheckedIOException(new IOException("connection reset"));
            }
            return super.read(to, from, Math.min(length, 4096));
          }
        };
    InputStream store =
        new java.io.FilterInputStream(broken) {
          @Override
          public int read(byte[] to, int from, int length) throws IOException {
            try {
              return super.read(to, from, length);
            } catch (java.io.UncheckedIOException e) {
              throw e.getCause();
            }
          }
        };

    assertThatThrownBy(() -> FileReader.read(store, Limits.DEFAULT, new Found()))
        .isNotInstanceOf(RefusedException.class)
        .isInstanceOf(IOException.class)
        .hasMessage("connection reset");
  }
}
