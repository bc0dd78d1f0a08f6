package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.deque.html.axecore.playwright.AxeBuilder;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.ColorScheme;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Chromium, as somebody uses it. What the page complains of is kept. */
final class Browser implements AutoCloseable {
  private static final List<String> NAMES =
      List.of("chromium", "chromium-browser", "google-chrome");
  private static final Path PICTURES = Path.of("target/pictures");

  private final Playwright playwright;
  private final com.microsoft.playwright.Browser browser;
  private final BrowserContext context;
  private final Page page;
  private final List<String> complaints = Collections.synchronizedList(new ArrayList<>());

  private Browser(Path program) {
    playwright =
        Playwright.create(
            new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
    browser =
        playwright
            .chromium()
            .launch(
                new BrowserType.LaunchOptions()
                    .setExecutablePath(program)
                    .setArgs(List.of("--no-sandbox", "--disable-dev-shm-usage")));
    context =
        browser.newContext(
            new com.microsoft.playwright.Browser.NewContextOptions()
                .setViewportSize(1440, 900)
                .setAcceptDownloads(true)
                .setColorScheme(ColorScheme.LIGHT)
                .setPermissions(List.of("clipboard-read", "clipboard-write")));
    context.setDefaultTimeout(20_000);
    context.addInitScript(
        "document.addEventListener('securitypolicyviolation', e => console.error('policy', e.violatedDirective, e.sourceFile, e.lineNumber, e.columnNumber))");
    page = watched(context.newPage());
  }

  /** The Chromium of this machine, if it has one. */
  static Optional<Path> program() {
    return Stream.of(System.getenv("PATH").split(":"))
        .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  static Browser open(Path program) {
    return new Browser(program);
  }

  Page page() {
    return page;
  }

  /** One more tab. */
  Page tab() {
    return watched(context.newPage());
  }

  private Page watched(Page opened) {
    opened.onConsoleMessage(
        message -> {
          if (List.of("error", "warning").contains(message.type())) {
            complaints.add(message.text());
          }
        });
    opened.onPageError(complaints::add);
    opened.onRequest(
        request -> {
          String url = request.url();
          if (!url.startsWith("http://127.0.0.1:")
              && !url.startsWith("data:")
              && !url.startsWith("blob:")) {
            complaints.add("asked for " + url);
          }
        });
    return opened;
  }

  /** What pages complained of since the last time, such as a violation of the content policy. */
  List<String> complaints() {
    List<String> now = List.copyOf(complaints);
    complaints.clear();
    return now;
  }

  /** Fails if people who use other means than a mouse and good eyes would be kept out. */
  void assertAccessible(String what) {
    page.waitForTimeout(100);
    List<String> before = complaints();
    assertThat(
            new AxeBuilder(page)
                    .withTags(List.of("wcag2a", "wcag2aa", "wcag21a", "wcag21aa"))
                    .analyze()
                    .getViolations()
                    .stream()
                    .map(
                        v ->
                            v.getId()
                                + " "
                                + v.getNodes().stream().map(n -> n.getHtml()).limit(3).toList())
                    .toList())
        .as(what)
        .isEmpty();
    // The checker puts styles of its own into the page, which the page forbids. Messages come late.
    page.waitForTimeout(200);
    complaints.clear();
    complaints.addAll(before);
  }

  /** Takes pictures, light and dark, for a large screen and a phone. */
  void pictures(String name) {
    for (ColorScheme scheme : List.of(ColorScheme.DARK, ColorScheme.LIGHT)) {
      page.emulateMedia(new Page.EmulateMediaOptions().setColorScheme(scheme));
      for (int width : List.of(390, 1440)) {
        page.setViewportSize(width, width == 390 ? 844 : 900);
        page.waitForTimeout(300);
        page.screenshot(
            new Page.ScreenshotOptions()
                .setPath(
                    PICTURES.resolve(
                        "%s-%s-%d.png"
                            .formatted(
                                name, scheme.name().toLowerCase(java.util.Locale.ROOT), width))));
      }
    }
  }

  @Override
  public void close() {
    context.close();
    browser.close();
    playwright.close();
  }
}
