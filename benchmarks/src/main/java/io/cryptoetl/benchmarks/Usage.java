package io.cryptoetl.benchmarks;

import io.cryptoetl.local.parts.Child;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** CPU time and memory of processes with all that they started, as Linux tells them. */
final class Usage {
  private static final double TICKS_PER_SECOND = 100;

  /** The kernel walks all pages of all processes for a sample: every 50 ms it took half a core. */
  private static final long SAMPLE_EVERY_NANOS = 2_000_000_000L;

  private final Map<String, ProcessHandle> processes = new TreeMap<>();
  private final Map<String, Long> peaks = new TreeMap<>();
  private long sampledAt = System.nanoTime() - SAMPLE_EVERY_NANOS;

  Usage(List<Child> children) {
    for (Child child : children) {
      processes.put(child.part().name(), ProcessHandle.of(child.pid()).orElseThrow());
    }
  }

  /** Looks at the memory of all, unless it did so moments ago: it may be called often. */
  void sample() throws IOException {
    if (System.nanoTime() - sampledAt < SAMPLE_EVERY_NANOS) {
      return;
    }
    sampledAt = System.nanoTime();
    for (String process : processes.keySet()) {
      peaks.merge(process, residentBytes(process), Math::max);
    }
  }

  /** Memory of a process and its descendants now. */
  long residentBytes(String process) throws IOException {
    long bytes = 0;
    for (ProcessHandle each : family(processes.get(process))) {
      bytes += proportionalBytes(each.pid());
    }
    return bytes;
  }

  Map<String, Long> peakResidentBytes() {
    return peaks;
  }

  Map<String, Double> cpuSeconds() throws IOException {
    Map<String, Double> seconds = new TreeMap<>();
    for (Map.Entry<String, ProcessHandle> process : processes.entrySet()) {
      double ticks = 0;
      for (ProcessHandle each : family(process.getValue())) {
        ticks += ticks(each.pid(), each.pid() == process.getValue().pid());
      }
      seconds.put(process.getKey(), ticks / TICKS_PER_SECOND);
    }
    return seconds;
  }

  private static List<ProcessHandle> family(ProcessHandle process) {
    List<ProcessHandle> family = new ArrayList<>();
    family.add(process);
    process.descendants().forEach(family::add);
    return family;
  }

  /** User and system time; of the parent also that of children that have ended. */
  private static double ticks(long pid, boolean withEnded) throws IOException {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      double own = Double.parseDouble(fields[11]) + Double.parseDouble(fields[12]);
      return withEnded
          ? own + Double.parseDouble(fields[13]) + Double.parseDouble(fields[14])
          : own;
    } catch (java.nio.file.NoSuchFileException e) {
      return 0;
    }
  }

  /** Memory with shared pages shared out (PSS), so that PostgreSQL's buffers count once. */
  private static long proportionalBytes(long pid) throws IOException {
    Path file = Path.of("/proc/" + pid + "/smaps_rollup");
    if (!Files.isReadable(file)) {
      return 0;
    }
    try {
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith("Pss:")) {
          return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
        }
      }
    } catch (IOException e) {
      // The process ended between the look and the reading.
      return 0;
    }
    return 0;
  }
}
