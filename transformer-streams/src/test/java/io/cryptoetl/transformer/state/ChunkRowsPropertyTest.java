package io.cryptoetl.transformer.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.datasets.Target;
import io.cryptoetl.kafka.BadRecordException;
import io.cryptoetl.market.CandleKey;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

class ChunkRowsPropertyTest {
  private record Row(long slot, long line, String body) {}

  @Property(tries = 500)
  void shouldReadWhatWasWritten(
      @ForAll long seed, @ForAll Target target, @ForAll @IntRange(max = 30) int count) {
    Random random = new Random(seed);
    ChunkRows.Builder builder = new ChunkRows.Builder(target);
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      byte[] body = new byte[random.nextInt(300)];
      random.nextBytes(body);
      Row row =
          new Row(
              random.nextLong() >> random.nextInt(64),
              random.nextLong() >> random.nextInt(64),
              Arrays.toString(body));
      rows.add(row);
      builder.add(row.slot(), row.line(), body);
    }
    byte[] bytes = builder.toBytes();

    List<Row> read = new ArrayList<>();
    int found =
        ChunkRows.forEach(
            target,
            bytes,
            (slot, line, from, to) ->
                read.add(
                    new Row(slot, line, Arrays.toString(Arrays.copyOfRange(bytes, from, to)))));

    assertThat(read).isEqualTo(rows);
    assertThat(found).isEqualTo(count);
  }

  @Example
  void shouldRefuseRowsOfOtherColumnsWithWords() {
    byte[] logs = new ChunkRows.Builder(Target.LOGS).toBytes();

    assertThatExceptionOfType(BadRecordException.class)
        .isThrownBy(() -> ChunkRows.forEach(Target.BLOCKS, logs, (slot, line, from, to) -> {}))
        .withMessageContaining("chain.blocks")
        .withMessageContaining("docs/replay.md");
    assertThatExceptionOfType(BadRecordException.class)
        .isThrownBy(
            () -> ChunkRows.forEach(Target.LOGS, new byte[2], (slot, line, from, to) -> {}));
  }

  @Property(tries = 500)
  void shouldTellTheCandleOfASlotAndKeepABucketTogether(
      @ForAll @LongRange(max = 4_000_000_000_000L) long open, @ForAll @IntRange(max = 5) int unit) {
    String interval = List.of("1s", "1m", "4h", "1d", "2w", "1M").get(unit);
    CandleKey key = new CandleKey("vénue", "S-Y/M", interval, Instant.ofEpochMilli(open));

    byte[] bucket = Buckets.of(key);

    assertThat(Buckets.candle(bucket, Buckets.slot(key))).isEqualTo(key);
    assertThat(Buckets.candleKey(bucket, Buckets.slot(key))).isEqualTo(Buckets.candleKey(key));
    assertThat(Buckets.slotOfCandle(Buckets.candleKey(key))).isEqualTo(open);
    assertThat(ByteBuffer.wrap(bucket).getLong(bucket.length - Long.BYTES))
        .isBetween(open - 1024 * 31L * 86_400_000, open);
  }

  @Property(tries = 500)
  void shouldTellTheBlockOfASlot(
      @ForAll Target part,
      @ForAll @LongRange(min = 1) long chain,
      @ForAll @LongRange long height,
      @ForAll @IntRange int position) {
    if (part == Target.CANDLES) {
      return;
    }
    BlockKey key = new BlockKey(chain, height);

    byte[] bucket = Buckets.of(part, key);
    long slot = Buckets.slot(part, key, position);

    assertThat(Buckets.block(part, bucket, slot)).isEqualTo(key);
    assertThat(Buckets.position(slot)).isEqualTo(position);
  }

  @Example
  void shouldRememberWhereAChunksRowsAre() {
    MadeBuckets made =
        new MadeBuckets(
            Instant.ofEpochMilli(5),
            -3,
            Target.RECEIPTS,
            Map.of(
                0, Set.of(ByteBuffer.wrap(new byte[] {1, 2}), ByteBuffer.wrap(new byte[0])),
                7, Set.of(ByteBuffer.wrap(new byte[300]))));

    assertThat(MadeBuckets.fromBytes(made.toBytes())).isEqualTo(made);
    assertThat(made.compareTo(Instant.ofEpochMilli(5), 3)).isPositive();
    assertThat(made.compareTo(Instant.ofEpochMilli(6), -3)).isNegative();
    assertThat(made.compareTo(Instant.ofEpochMilli(5), -3)).isZero();
  }
}
