package io.cryptoetl.stack;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives tests a {@link Stack}. It is started once for all test classes of a JVM and stopped with
 * it. The system property {@code stack} chooses the provider: {@code embedded} (default, the real
 * parts as processes) or {@code containers} (the images that docker-compose.yml names, by
 * Testcontainers).
 */
public final class StackExtension implements ParameterResolver {
  private static final String KEY = "stack";

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Stack.class;
  }

  @Override
  public Stack resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context
        .getRoot()
        .getStore(ExtensionContext.Namespace.create(StackExtension.class))
        .getOrComputeIfAbsent(KEY, k -> start(), Stack.class);
  }

  private static Stack start() {
    String provider = System.getProperty("stack", "embedded");
    try {
      return switch (provider) {
        case "embedded" -> EmbeddedStack.start();
        case "containers" -> ContainerStack.start();
        default ->
            throw new IllegalArgumentException(
                "-Dstack is '" + provider + "', allowed are embedded and containers");
      };
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the stack was starting", e);
    } catch (java.sql.SQLException e) {
      throw new IllegalStateException("the database could not be prepared", e);
    }
  }
}
