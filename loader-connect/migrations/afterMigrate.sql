-- Grants of the roles that read; see deploy/postgres/roles.sql. Run after every migration, so that new
-- tables and roles that are made later have them.
DO $$
DECLARE
    reader text;
    name text;
BEGIN
    FOR reader IN SELECT rolname FROM pg_roles WHERE rolname IN ('console_reader', 'console_pages') LOOP
        FOREACH name IN ARRAY ARRAY['chain', 'market', 'business', 'ops', 'audit'] LOOP
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', name, reader);
            EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', name, reader);
            EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO %I', name, reader);
        END LOOP;
    END LOOP;
END
$$;
