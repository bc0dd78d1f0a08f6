package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.apicurio.registry.serde.avro.DefaultAvroDatumProvider;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.kafka.Provisioner;
import io.cryptoetl.kafka.SchemaRegistry;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import io.cryptoetl.transformer.blocks.BlockMapper;
import io.cryptoetl.transformer.blocks.BlockRows;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.io.DatumReader;
import org.apache.avro.io.DatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Rows to bytes and back, by the project's serdes and by Apicurio's, with readers and writers kept
 * by schema. Both over one real registry; a figure is for all rows of a table that one block has.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class Codec {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String REGISTRY = "codec.registry";

  /** Table whose rows are written and read. */
  @Param({"chain.transactions", "chain.logs"})
  public String table;

  private List<? extends SpecificRecord> rows;
  private List<byte[]> bytes;
  private Serializer<SpecificRecord> own;
  private Deserializer<SpecificRecord> ownReader;
  private AvroKafkaSerializer<SpecificRecord> apicurio;
  private AvroKafkaDeserializer<SpecificRecord> apicurioReader;

  /** Readers and writers by schema; Apicurio's own finds them by a fingerprint for each record. */
  public static final class KeptProvider<T> extends DefaultAvroDatumProvider<T> {
    private final Map<Schema, DatumReader<T>> readers = new ConcurrentHashMap<>();
    private final Map<Schema, DatumWriter<T>> writers = new ConcurrentHashMap<>();

    @Override
    public DatumWriter<T> createDatumWriter(T data, Schema schema) {
      return writers.computeIfAbsent(schema, s -> super.createDatumWriter(data, s));
    }

    @Override
    public DatumReader<T> createDatumReader(Schema schema) {
      return readers.computeIfAbsent(schema, super::createDatumReader);
    }
  }

  public static void main(String[] args) throws Exception {
    Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
    Recordings.get(root, root.resolve(".pipeline/bench"), 300, 175);
    Layout layout = new Layout(root, root.resolve(".pipeline/bench/codec"));
    Deletion.deleteTree(layout.data());
    Files.createDirectories(layout.data());
    Parts parts = new Parts(layout, Ports.free(), "bench");
    ObjectNode result = JSON.createObjectNode();
    try (LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {})) {
      Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
      stack.startPart(parts.postgres());
      parts.database().migrate();
      stack.startPart(parts.registry());
      new Provisioner(TopicSettings.defaults())
          .schemas(new SchemaRegistry(Map.of("url", parts.registryUrl()), PATIENCE));
      for (RunResult run :
          new Runner(
                  new OptionsBuilder()
                      .include("\\." + Codec.class.getSimpleName() + "\\.")
                      .jvmArgsAppend(
                          "-Dpipeline.root=" + root, "-D" + REGISTRY + "=" + parts.registryUrl())
                      .addProfiler(GCProfiler.class)
                      .build())
              .run()) {
        String name =
            run.getParams().getParam("table").replace("chain.", "")
                + "_"
                + run.getPrimaryResult().getLabel();
        result.put(name + "_us", Math.round(100 * run.getPrimaryResult().getScore()) / 100.0);
        result.put(
            name + "_bytes_allocated",
            Math.round(run.getSecondaryResults().get("gc.alloc.rate.norm").getScore()));
      }
    }
    Deletion.deleteTree(layout.data());
    for (String table : List.of("transactions", "logs")) {
      for (String what : List.of("write", "read")) {
        double before = result.get(table + "_" + what + "ByApicurio_us").asDouble();
        double now = result.get(table + "_" + what + "_us").asDouble();
        result.put(table + "_" + what + "_ratio", Math.round(100 * before / now) / 100.0);
        if (!Arrays.asList(args).contains("--json")) {
          System.out.printf("%s %s: %.2f times as fast%n", table, what, before / now);
        }
      }
    }
    System.out.println(result);
  }

  /** Takes the rows of the largest block of the recording. */
  @Setup
  public void prepare() throws Exception {
    Transform largest = new Transform();
    largest.read();
    BlockRows block = BlockMapper.map(largest.raw());
    rows = table.equals("chain.logs") ? block.logs() : block.transactions();
    String registry = System.getProperty(REGISTRY);
    AvroSerdes serdes = new AvroSerdes(new SchemaRegistry(Map.of("url", registry), PATIENCE));
    own = serdes.serializer(false);
    ownReader = serdes.deserializer();
    bytes = rows.stream().map(row -> own.serialize(table, row)).toList();
    Map<String, Object> settings =
        new HashMap<>(
            Map.of(
                "apicurio.registry.url",
                registry.replace("/apis/ccompat/v7", "/apis/registry/v3"),
                "apicurio.registry.use-id",
                "contentId",
                "apicurio.registry.id-handler",
                "io.apicurio.registry.serde.Default4ByteIdHandler",
                "apicurio.registry.headers.enabled",
                "false",
                "apicurio.registry.artifact-resolver-strategy",
                "io.apicurio.registry.serde.strategy.TopicIdStrategy",
                "apicurio.registry.avro-datum-provider",
                KeptProvider.class.getName(),
                "apicurio.registry.use-specific-avro-reader",
                "true"));
    settings.put("apicurio.registry.auto-register", "true");
    settings.put("apicurio.registry.auto-register.if-exists", "FIND_OR_CREATE_VERSION");
    apicurio = new AvroKafkaSerializer<>();
    apicurio.configure(settings, false);
    apicurioReader = new AvroKafkaDeserializer<>();
    apicurioReader.configure(settings, false);
    for (int i = 0; i < rows.size(); i++) {
      if (!Arrays.equals(bytes.get(i), apicurio.serialize(table, rows.get(i)))) {
        throw new IllegalStateException("the two do not write the same bytes");
      }
    }
  }

  /** By the project's serializer. */
  @Benchmark
  public void write(Blackhole hole) {
    for (SpecificRecord row : rows) {
      hole.consume(own.serialize(table, row));
    }
  }

  /** By the one that it replaced. */
  @Benchmark
  public void writeByApicurio(Blackhole hole) {
    for (SpecificRecord row : rows) {
      hole.consume(apicurio.serialize(table, row));
    }
  }

  /** By the project's deserializer. */
  @Benchmark
  public void read(Blackhole hole) {
    for (byte[] each : bytes) {
      hole.consume(ownReader.deserialize(table, each));
    }
  }

  /** By the one that it replaced. */
  @Benchmark
  public void readByApicurio(Blackhole hole) {
    for (byte[] each : bytes) {
      hole.consume(apicurioReader.deserialize(table, each));
    }
  }
}
