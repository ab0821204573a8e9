-- The database roles of the playground; may be run any number of times.
--
-- On the embedded server the supervisor runs this file at every start. On your own server run it
-- once, connected to the playground's database as an administrator, then give the two login roles
-- passwords and hand the database to its owner:
--
--   createdb playground
--   psql -v ON_ERROR_STOP=1 -d playground -f infra/setup/roles.sql
--   psql -d playground -c "ALTER ROLE playground_owner PASSWORD '...'"  -- PLAYGROUND_MIGRATE_DATABASE_URL
--   psql -d playground -c "ALTER ROLE playground_app PASSWORD '...'"    -- PLAYGROUND_DATABASE_URL
--
-- playground_owner owns the database and every table; only `playground migrate` logs in as it.
-- playground_app   is what every role of the playground logs in as. It owns nothing and inherits
--                  nothing: each transaction takes one of the following with SET LOCAL ROLE.
--   playground_tenant     rows of the bound namespace
--   playground_committer  rows of the bound set of namespaces (one commit for many)
--   playground_identity   users, sessions, keys, members
--   playground_claims     ids, status, due, lease; no payload
--   playground_operator   counts, no payload
-- playground_definer owns the few SECURITY DEFINER functions; only the owner may become it.

DO $roles$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY[
    'playground_tenant', 'playground_committer', 'playground_identity', 'playground_claims',
    'playground_operator', 'playground_definer'
  ] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END LOOP;
  FOREACH name IN ARRAY ARRAY['playground_owner', 'playground_app'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END LOOP;
END
$roles$;

ALTER ROLE playground_app NOINHERIT;
GRANT playground_tenant, playground_committer, playground_identity, playground_claims,
  playground_operator TO playground_app WITH INHERIT FALSE, SET TRUE;
GRANT playground_definer TO playground_owner WITH INHERIT TRUE, SET TRUE;

-- A forgotten transaction, a runaway query or a lock held too long ends by itself.
ALTER ROLE playground_app SET statement_timeout = '5s';
ALTER ROLE playground_app SET lock_timeout = '2s';
ALTER ROLE playground_app SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE playground_app SET timezone = 'UTC';

DO $database$
BEGIN
  EXECUTE format('ALTER DATABASE %I OWNER TO playground_owner', current_database());
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO playground_app', current_database());
END
$database$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO playground_app, playground_tenant, playground_committer,
  playground_identity, playground_claims, playground_operator, playground_definer;
