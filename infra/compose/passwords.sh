#!/bin/sh
# Gives the two login roles their passwords, once, when the database is made.
set -eu
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
  --set=owner="$OWNER_PASSWORD" --set=app="$APP_PASSWORD" <<'SQL'
ALTER ROLE playground_owner PASSWORD :'owner';
ALTER ROLE playground_app PASSWORD :'app';
SQL
