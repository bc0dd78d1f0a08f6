package io.cryptoetl.kafka;

import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * Records of every schema, made by chance: all types, empty and large values, texts of all scripts.
 */
final class Records {
  private static final int MAX_SIZE = 300;

  private Records() {}

  /** The schemas of all keys and values. */
  static List<Schema> schemas() {
    return Topics.all().stream()
        .flatMap(topic -> Stream.of(topic.key(), topic.value()))
        .distinct()
        .toList();
  }

  static SpecificRecord random(Schema schema, Random random) {
    SpecificRecordBase record =
        (SpecificRecordBase) SpecificData.newInstance(SpecificData.get().getClass(schema), schema);
    for (Schema.Field field : schema.getFields()) {
      record.put(field.pos(), value(field.schema(), random));
    }
    return record;
  }

  private static Object value(Schema schema, Random random) {
    if (schema.getLogicalType() instanceof LogicalTypes.Decimal decimal) {
      int digits = 1 + random.nextInt(decimal.getPrecision());
      BigInteger unscaled =
          new BigInteger((int) (digits * 3.3), random)
              .mod(BigInteger.TEN.pow(decimal.getPrecision()));
      return new BigDecimal(
          random.nextBoolean() ? unscaled : unscaled.negate(), decimal.getScale());
    }
    if (schema.getLogicalType() instanceof LogicalTypes.TimestampMillis) {
      return Instant.ofEpochMilli(random.nextLong() >> random.nextInt(20, 60));
    }
    return switch (schema.getType()) {
      case UNION -> {
        Schema some = schema.getTypes().get(random.nextInt(schema.getTypes().size()));
        yield some.getType() == Schema.Type.NULL ? null : value(some, random);
      }
      case ARRAY -> {
        List<Object> items = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
          items.add(value(schema.getElementType(), random));
        }
        yield items;
      }
      case MAP -> {
        Map<String, Object> entries = new HashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) {
          entries.put(text(random), value(schema.getValueType(), random));
        }
        yield entries;
      }
      case INT -> random.nextInt() >> random.nextInt(32);
      case LONG -> random.nextLong() >> random.nextInt(64);
      case BOOLEAN -> random.nextBoolean();
      case DOUBLE -> random.nextGaussian();
      case STRING -> text(random);
      case BYTES -> {
        byte[] bytes = new byte[random.nextInt(MAX_SIZE)];
        random.nextBytes(bytes);
        // Not always the whole of an array.
        int start = bytes.length == 0 ? 0 : random.nextInt(bytes.length);
        yield ByteBuffer.wrap(bytes, start, bytes.length - start);
      }
      case RECORD -> random(schema, random);
      default -> throw new IllegalArgumentException("no value is made for " + schema);
    };
  }

  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    int script = random.nextInt(4);
    for (int i = random.nextInt(MAX_SIZE); i > 0; i--) {
      text.appendCodePoint(
          switch (script) {
            case 0, 1 -> random.nextInt(' ', 0x7F);
            case 2 -> random.nextInt(0xA0, 0x2000);
            default -> random.nextInt(0x1F300, 0x1F600);
          });
    }
    return text.toString();
  }

  /** The topic whose values have a schema. */
  static Topic topicOf(Schema schema) {
    return Topics.all().stream()
        .filter(t -> t.value().equals(schema) || t.key().equals(schema))
        .findFirst()
        .orElseThrow();
  }
}
