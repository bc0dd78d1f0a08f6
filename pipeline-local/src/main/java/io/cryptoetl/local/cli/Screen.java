package io.cryptoetl.local.cli;

import java.io.PrintStream;

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

  private void erase() {
    if (drawn > 0) {
      out.print("\r" + " ".repeat(drawn) + "\r");
      drawn = 0;
    }
  }
}
