-- Roles of the pipeline's database and what they may not do. A superuser runs it in the database of
-- the tables, again after each upgrade; it changes nothing that is right already:
--
--   PGOPTIONS="-c roles.pipeline_password=... -c roles.console_password=..." psql -d pipeline -f roles.sql
--
-- pipeline owns the tables, migrates and loads them. console_reader runs the queries of people,
-- console_pages those of the console's own pages: both may only read. The grants are in
-- loader-connect/migrations/afterMigrate.sql. Another role that loads needs CONNECT and TEMPORARY on the
-- database, which everybody has by default and nobody has after this.

DO $$
DECLARE
    password text;
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['pipeline', 'console_reader', 'console_pages'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        END IF;
        password := current_setting(
            CASE name WHEN 'pipeline' THEN 'roles.pipeline_password' ELSE 'roles.console_password' END);
        EXECUTE format('ALTER ROLE %I PASSWORD %L', name, password);
    END LOOP;
    EXECUTE format('ALTER DATABASE %I OWNER TO pipeline', current_database());
END
$$;

-- Limits of roles that read. People's queries cannot change them: nothing that they may run sets anything.
ALTER ROLE console_reader CONNECTION LIMIT 20;
ALTER ROLE console_reader SET default_transaction_read_only = on;
ALTER ROLE console_reader SET statement_timeout = '10min';
ALTER ROLE console_reader SET transaction_timeout = '15min';
ALTER ROLE console_reader SET lock_timeout = '5s';
ALTER ROLE console_reader SET idle_in_transaction_session_timeout = '1min';
ALTER ROLE console_reader SET idle_session_timeout = '5min';
ALTER ROLE console_reader SET temp_file_limit = '2GB';
ALTER ROLE console_reader SET search_path = 'pg_catalog';
ALTER ROLE console_pages CONNECTION LIMIT 20;
ALTER ROLE console_pages SET default_transaction_read_only = on;
ALTER ROLE console_pages SET statement_timeout = '30s';
ALTER ROLE console_pages SET transaction_timeout = '1min';
ALTER ROLE console_pages SET lock_timeout = '2s';
ALTER ROLE console_pages SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE console_pages SET temp_file_limit = '1GB';
ALTER ROLE console_pages SET search_path = 'pg_catalog';

-- What everybody may do by default, and readers need not.
DO $$
DECLARE
    database text;
    routine regprocedure;
    relation regclass;
BEGIN
    FOR database IN SELECT datname FROM pg_database WHERE datname <> 'template0' LOOP
        EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', database);
    END LOOP;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO console_reader, console_pages', current_database());
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    FOR routine IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
            AND (proname ~ '^(lo_.*|loread|lowrite|pg_(try_)?advisory_.*)$'
                OR proname IN (
                    'set_config', 'pg_cancel_backend', 'pg_terminate_backend', 'pg_notify', 'pg_export_snapshot',
                    'pg_logical_emit_message', 'pg_stat_get_activity', 'pg_stat_get_backend_activity',
                    'query_to_xml', 'query_to_xmlschema', 'query_to_xml_and_xmlschema'))
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', routine);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pipeline', routine);
    END LOOP;
    FOREACH relation IN ARRAY ARRAY['pg_stat_activity', 'pg_largeobject_metadata', 'pg_locks', 'pg_db_role_setting']::regclass[] LOOP
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', relation);
        EXECUTE format('GRANT SELECT ON %s TO pipeline', relation);
    END LOOP;
END
$$;
