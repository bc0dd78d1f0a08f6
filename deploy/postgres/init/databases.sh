#!/bin/sh
# Run by the image when it makes its data folder: the databases, and the roles of roles.sql.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" -c "CREATE DATABASE pipeline" -c "CREATE DATABASE registry"
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname pipeline \
  -v pipeline="$DATABASE_PASSWORD" -v console="$CONSOLE_DATABASE_PASSWORD" <<'SQL'
SELECT set_config('roles.pipeline_password', :'pipeline', false), set_config('roles.console_password', :'console', false) \g /dev/null
\i /roles.sql
ALTER DATABASE registry OWNER TO pipeline;
SQL
