package io.cryptoetl.local.cli;

import java.io.PrintStream;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Where people read: lines, and on a terminal one line that changes in place. */
final class Screen {
  private final PrintStream out;
  private final PrintStream err;
  private final boolean terminal;
  private int drawn;

  Screen(PrintStream out, PrintStream err, boolean terminal) {
    this.out = out;
    this.err = err;
    this.terminal = terminal;
  }

  @SuppressWarnings("SystemConsoleNull") // It does return null, from JDK 25 on.
  static Screen system() {
    java.io.Console console = System.console();
    return new Screen(System.out, System.err, console != null && console.isTerminal());
  }

  boolean isTerminal() {
    return terminal;
  }

  synchronized void line(String text) {
    erase();
    out.println(text);
    out.flush();
  }

  synchronized void error(String text) {
    erase();
    err.println(text);
    err.flush();
  }

  /** Shows how far something is: in place on a terminal, else as a line. */
  synchronized void progress(String text) {
    if (!terminal) {
      line(text);
      return;
    }
    out.print("\r" + text + " ".repeat(Math.max(0, drawn - text.length())));
    out.flush();
    drawn = text.length();
  }

  /** A bar that shows how many of something are done, how fast, and how long it will take. */
  ProgressBar bar(String task, long wanted) {
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setInitialMax(wanted)
        .setUpdateIntervalMillis(terminal ? 250 : 5000)
        .setStyle(terminal ? ProgressBarStyle.UNICODE_BLOCK : ProgressBarStyle.ASCII)
        .showSpeed()
        .build();
  }

  private void erase() {
    if (drawn > 0) {
      out.print("\r" + " ".repeat(drawn) + "\r");
      drawn = 0;
    }
  }
}
