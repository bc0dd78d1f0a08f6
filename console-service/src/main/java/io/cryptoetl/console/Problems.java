package io.cryptoetl.console;

import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.sql.SQLException;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;

/** What becomes of exceptions: an answer that a page can show. */
class Problems {
  private static final Logger LOG = Logger.getLogger(Problems.class);

  @ServerExceptionMapper
  Response refused(Problem.Refused refused) {
    return answer(refused.problem());
  }

  @ServerExceptionMapper
  Response database(SQLException failure) {
    LOG.warnf("event=database_failed sqlstate=%s", failure.getSQLState());
    return answer(
        new Problem(
            503,
            "database_away",
            "The database does not answer (SQLState %s). It is asked again by itself."
                .formatted(failure.getSQLState())));
  }

  private static Response answer(Problem problem) {
    return Response.status(problem.status())
        .type(MediaType.APPLICATION_JSON_TYPE)
        .entity(problem)
        .build();
  }
}
