package io.cryptoetl.console.query;

import io.cryptoetl.console.Database;
import io.cryptoetl.console.Problem;
import jakarta.enterprise.context.ApplicationScoped;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.jboss.logging.Logger;

/** Whether the role of people's queries may only read. One that may do more runs none. */
@ApplicationScoped
public class RoleCheck {
  private static final Logger LOG = Logger.getLogger(RoleCheck.class);
  private static final long AGAIN_NANOS = 300_000_000_000L;

  /** What makes a role unfit, each as a condition. */
  private static final String UNFIT =
      """
      SELECT reason FROM (VALUES
        ('is a superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)),
        ('may create roles or databases, replicate or bypass row security',
          (SELECT rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls FROM pg_roles WHERE rolname = current_user)),
        ('is a member of another role',
          EXISTS (SELECT FROM pg_auth_members WHERE member = current_user::regrole)),
        ('owns the database, a schema or a table',
          EXISTS (SELECT FROM pg_database WHERE datdba = current_user::regrole)
          OR EXISTS (SELECT FROM pg_namespace WHERE nspowner = current_user::regrole)
          OR EXISTS (SELECT FROM pg_class WHERE relowner = current_user::regrole)),
        ('may create schemas or tables',
          has_database_privilege(current_database(), 'CREATE')
          OR EXISTS (SELECT FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp' AND has_schema_privilege(oid, 'CREATE'))),
        ('may write to a table',
          EXISTS (SELECT FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relnamespace <> 'pg_catalog'::regnamespace
            AND has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE')))
      ) AS checks (reason, holds) WHERE holds
      """;

  /** Protections that a managed database may forbid. */
  private static final String UNPROTECTED =
      """
      SELECT protection FROM (VALUES
        ('temporary tables', has_database_privilege(current_database(), 'TEMPORARY')),
        ('set_config', has_function_privilege('set_config(text, text, boolean)', 'EXECUTE')),
        ('advisory locks', has_function_privilege('pg_advisory_lock(bigint)', 'EXECUTE')),
        ('pg_terminate_backend', has_function_privilege('pg_terminate_backend(integer, bigint)', 'EXECUTE')),
        ('large objects', has_function_privilege('lo_creat(integer)', 'EXECUTE')),
        ('pg_notify', has_function_privilege('pg_notify(text, text)', 'EXECUTE')),
        ('pg_stat_activity', has_table_privilege('pg_stat_activity', 'SELECT')),
        ('default_transaction_read_only', current_setting('default_transaction_read_only') <> 'on'),
        ('statement_timeout', current_setting('statement_timeout') = '0'),
        ('temp_file_limit', current_setting('temp_file_limit') = '-1')
      ) AS protections (protection, misses) WHERE misses
      """;

  private final Database database;
  private long checkedAt;
  private List<String> unfit = List.of();
  private List<String> unprotected = List.of();

  RoleCheck(Database database) {
    this.database = database;
  }

  /** Protections that the database does not have. */
  public synchronized List<String> unprotected() {
    return unprotected;
  }

  /**
   * Checks the role, now and then.
   *
   * @throws Problem.Refused if it may do more than read
   */
  public synchronized void check() throws SQLException {
    if (checkedAt == 0 || System.nanoTime() - checkedAt > AGAIN_NANOS) {
      try (Connection connection = database.readerChecked();
          Statement statement = connection.createStatement()) {
        unfit = texts(statement, UNFIT);
        unprotected = texts(statement, UNPROTECTED);
      }
      checkedAt = unfit.isEmpty() ? System.nanoTime() : 0;
      if (!unfit.isEmpty() || !unprotected.isEmpty()) {
        LOG.warnf("event=role_checked unfit=\"%s\" unprotected=\"%s\"", unfit, unprotected);
      }
    }
    if (!unfit.isEmpty()) {
      throw new Problem.Refused(
          503,
          "role_unfit",
          "The database role of the console %s. No query is run by it: use the role console_reader that deploy/postgres/roles.sql makes."
              .formatted(String.join(", and ", unfit)));
    }
  }

  private static List<String> texts(Statement statement, String sql) throws SQLException {
    List<String> texts = new ArrayList<>();
    try (ResultSet rows = statement.executeQuery(sql)) {
      while (rows.next()) {
        texts.add(rows.getString(1));
      }
    }
    return texts;
  }
}
