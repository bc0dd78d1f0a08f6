package io.cryptoetl.backfill.control;

import io.cryptoetl.backfill.Backfill;
import io.cryptoetl.backfill.files.Location;
import io.cryptoetl.backfill.files.StoredFile;
import io.cryptoetl.backfill.publishing.Requests;
import io.cryptoetl.kafka.RefusedOrderException;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jboss.logging.Logger;

/** What may be ordered of files, whoever orders it: by REST or by a record. */
final class FileOrders {
  private static final Logger LOG = Logger.getLogger(FileOrders.class);

  private final Backfill backfill;

  FileOrders(Backfill backfill) {
    this.backfill = backfill;
  }

  /** Lists a location and asks for what is new in it. */
  Backfill.Listing list(String name) {
    Location location = backfill.locations().get(name);
    if (location == null) {
      throw new RefusedOrderException(
          404,
          "there is no location '%s'; there are %s".formatted(name, backfill.locations().keySet()));
    }
    Backfill.Listing listing = backfill.list(location);
    listing
        .problem()
        .ifPresent(
            problem -> {
              throw new RefusedOrderException(503, problem);
            });
    return listing;
  }

  /**
   * Asks for a file.
   *
   * @param name its s3 URL or path, within a location
   * @param dataset of its rows; without it the location, its folder or its header tell
   * @param parameters that neither rows nor names tell
   * @param again tells this time from others, if it shall be published although that was done
   *     before
   */
  Requests.Asked ask(
      String name,
      Optional<String> dataset,
      Map<String, String> parameters,
      String by,
      Optional<String> again)
      throws InterruptedException {
    if (name == null || name.isBlank()) {
      throw new RefusedOrderException(
          400, "file is missing; give its s3 URL or its path within a location");
    }
    Optional<String> unreachable = Optional.empty();
    for (Location location : backfill.locations().values()) {
      try {
        Optional<StoredFile> file = location.store().find(name);
        if (file.isPresent()) {
          Location.Meaning told = location.meaning(file.get());
          Map<String, String> all = new HashMap<>(told.parameters());
          all.putAll(parameters);
          return backfill
              .requests()
              .ask(
                  location,
                  file.get(),
                  new Location.Meaning(dataset.or(told::dataset), Map.copyOf(all)),
                  by,
                  again);
        }
      } catch (IOException e) {
        LOG.warnf(e, "event=ask_failed file=\"%s\" reason=\"%s\"", name, e.getMessage());
        unreachable = Optional.of(String.valueOf(e.getMessage()));
      }
    }
    if (unreachable.isPresent()) {
      throw new RefusedOrderException(503, unreachable.get());
    }
    throw new RefusedOrderException(
        404,
        "there is no file '%s' in a location; these are: %s"
            .formatted(name, backfill.locations().values().stream().map(Location::url).toList()));
  }
}
