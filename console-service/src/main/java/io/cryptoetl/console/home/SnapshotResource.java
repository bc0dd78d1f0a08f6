package io.cryptoetl.console.home;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.console.Problem;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.util.UUID;

/** How the pipeline does. */
@Path("/api/snapshot")
public class SnapshotResource {
  private final Sampler sampler;
  private final ObjectMapper json;

  SnapshotResource(Sampler sampler, ObjectMapper json) {
    this.sampler = sampler;
    this.json = json;
  }

  /** What was seen last; 304 if that is what the asker has. */
  @GET
  public Response snapshot(@HeaderParam("If-None-Match") String known)
      throws JsonProcessingException {
    Snapshot last = sampler.last();
    if (last == null) {
      throw new Problem.Refused(503, "starting", "The console has not looked yet; ask again.");
    }
    byte[] body = json.writeValueAsBytes(last);
    String tag = "\"" + UUID.nameUUIDFromBytes(body) + "\"";
    if (tag.equals(known)) {
      return Response.notModified()
          .header("ETag", tag)
          .header("Seen-At", sampler.seenAt().toEpochMilli())
          .build();
    }
    return Response.ok(body, MediaType.APPLICATION_JSON_TYPE)
        .header("ETag", tag)
        .header("Seen-At", sampler.seenAt().toEpochMilli())
        .build();
  }
}
