package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.extractor.verify.BlockVerifier;
import io.cryptoetl.extractor.verify.ChainProfile;
import io.cryptoetl.extractor.verify.VerifiedBlock;
import io.cryptoetl.json.Json;
import io.cryptoetl.local.node.Recording;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
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
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** Verification of a full block, beside Jackson's reading of the same bytes. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class Verify {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Folder of a recording; a relative one begins at the project's root. */
  @Param(".pipeline/bench/recording-300x175")
  public String recording;

  private BlockVerifier verifier;
  private long number;
  private byte[] block;
  private byte[] receipts;

  public static void main(String[] args) throws RunnerException, IOException, InterruptedException {
    Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
    Recordings.get(root, root.resolve(".pipeline/bench"), 300, 175);
    new Runner(
            new OptionsBuilder()
                .include(Verify.class.getSimpleName())
                .jvmArgsAppend("-Dpipeline.root=" + root)
                .addProfiler(GCProfiler.class)
                .build())
        .run();
  }

  /** Takes the largest block of the recording. */
  @Setup
  public void choose() throws IOException {
    Path root = Path.of(System.getProperty("pipeline.root", "."));
    Recording chain = Recording.read(root.resolve(recording));
    for (long each : chain.numbers()) {
      byte[] json = chain.block(each).orElseThrow();
      if (block == null || json.length > block.length) {
        number = each;
        block = json;
        receipts = chain.receipts(each).orElseThrow();
      }
    }
    verifier = new BlockVerifier(31337, ChainProfile.GENERIC_EVM);
    System.out.printf("block %d: %d bytes%n", number, block.length + receipts.length);
  }

  /** Reading and every check. */
  @Benchmark
  public VerifiedBlock verify() throws BadDataException, IOException {
    return verifier.verify(number, Json.parse(block), Optional.of(Json.parse(receipts)));
  }

  /** Reading alone. */
  @Benchmark
  public Object[] read() throws IOException {
    return new Object[] {Json.parse(block), Json.parse(receipts)};
  }

  /** Reading by Jackson. */
  @Benchmark
  public Object[] jackson() throws IOException {
    return new Object[] {
      JSON.readValue(block, Object.class), JSON.readValue(receipts, Object.class)
    };
  }
}
