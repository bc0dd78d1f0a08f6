package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.market.Instrument;
import io.cryptoetl.market.InstrumentKey;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.stack.EmbeddedStack;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sink and a database that asks for a certificate, and has one. */
class LoaderTlsIT {
  private static final Duration LONG = Duration.ofMinutes(2);

  /** The driver takes the key of this name from a PKCS12 store. */
  private static final String ROLE = "user";

  @TempDir Path folder;

  @Test
  void shouldVerifyTheServerAndShowItsOwnCertificate() throws Exception {
    Certificates certificates = new Certificates(folder);
    Path authority = certificates.selfSigned("authority", "-ext", "BC=ca:true");
    Path server = certificates.pem(certificates.signed("server", authority));
    Path client = certificates.signed(ROLE, authority);
    Path trusted = certificates.trusted(authority);
    Path stranger = certificates.trusted(certificates.selfSigned("stranger"));

    try (EmbeddedStack stack = EmbeddedStack.start()) {
      try (Connection db = stack.parts().database().administrator("pipeline");
          Statement statement = db.createStatement()) {
        Path data = Path.of(text(statement, "SHOW data_directory"));
        // The server reads the key only if nobody else may.
        for (Path each : new Path[] {server, trusted}) {
          Path copy = data.resolve(each.getFileName());
          Files.copy(each, copy, StandardCopyOption.REPLACE_EXISTING);
          Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rw-------"));
        }
        statement.execute("CREATE ROLE \"" + ROLE + "\" LOGIN IN ROLE pipeline");
        statement.execute("ALTER SYSTEM SET ssl_cert_file = '" + server.getFileName() + "'");
        statement.execute("ALTER SYSTEM SET ssl_key_file = '" + server.getFileName() + "'");
        statement.execute("ALTER SYSTEM SET ssl_ca_file = '" + trusted.getFileName() + "'");
        statement.execute("ALTER SYSTEM SET ssl = on");
        Path access = data.resolve("pg_hba.conf");
        Files.writeString(
            access,
            "hostssl all \"%s\" 127.0.0.1/32 cert%nhost all \"%s\" 127.0.0.1/32 reject%n"
                    .formatted(ROLE, ROLE)
                + Files.readString(access));
        statement.execute("SELECT pg_reload_conf()");
        await().atMost(LONG).until(() -> text(statement, "SHOW ssl").equals("on"));

        String url =
            stack.jdbcUrl()
                + "?sslmode=verify-full&sslkey=%s&sslpassword=%s&sslrootcert="
                    .formatted(client, Certificates.PASSWORD);
        use(stack, url + stranger);
        await()
            .atMost(LONG)
            .untilAsserted(
                () ->
                    assertThat(status(stack).toString())
                        .as("a server that cannot be trusted is a mistake, told at once")
                        .contains("FAILED", "PKIX")
                        .doesNotContain(Certificates.PASSWORD));

        use(stack, url + trusted);
        try (Producer<SpecificRecord, SpecificRecord> producer = stack.kafka().producer()) {
          Instant at = Instant.ofEpochSecond(1_700_000_000L);
          Instrument instrument =
              Instrument.newBuilder()
                  .setVenue("test")
                  .setSymbol("ETHUSDT")
                  .setAsOf(at)
                  .setStatus("TRADING")
                  .setBase("ETH")
                  .setQuote("USDT")
                  .setSource("test")
                  .setEndpoint("test")
                  .setFetchedAt(at)
                  .setChecks(List.of())
                  .build();
          producer
              .send(
                  new ProducerRecord<>(
                      Topics.MARKET_INSTRUMENTS.name(),
                      new InstrumentKey("test", "ETHUSDT", at),
                      instrument))
              .get();
        }
        await()
            .atMost(LONG)
            .until(() -> text(statement, "SELECT count(*) FROM market.instruments").equals("1"));
        assertThat(
                text(
                    statement,
                    "SELECT string_agg(DISTINCT client_dn, ',') FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'crypto-etl-loader'"))
            .isEqualTo("/CN=" + ROLE);
      }
    }
  }

  private static void use(EmbeddedStack stack, String url) throws Exception {
    String connector = stack.connectUrl() + "/connectors/tables/config";
    ObjectNode config = (ObjectNode) new ObjectMapper().readTree(Parts.get(connector).body());
    config.put("database.url", url).put("database.user", ROLE).put("database.password", "");
    assertThat(Parts.send("PUT", connector, config.toString()).statusCode()).isEqualTo(200);
  }

  private static JsonNode status(EmbeddedStack stack) throws Exception {
    return new ObjectMapper()
        .readTree(Parts.get(stack.connectUrl() + "/connectors/tables/status").body());
  }

  private static String text(Statement statement, String sql) throws java.sql.SQLException {
    try (ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getString(1);
    }
  }
}
