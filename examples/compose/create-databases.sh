#!/bin/sh
# Runs once, when the PostgreSQL of docker-compose.yml is empty: two owners, and databases that only they enter.
set -eu
: "${TEMPORAL_DATABASE_PASSWORD:?set it in .env}" "${OPSLOOP_DATABASE_PASSWORD:?set it in .env}"
psql -v ON_ERROR_STOP=1 -U postgres \
  -v temporal_password="$TEMPORAL_DATABASE_PASSWORD" -v opsloop_password="$OPSLOOP_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE ROLE opsloop LOGIN PASSWORD :'opsloop_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
CREATE DATABASE opsloop OWNER opsloop;
REVOKE CONNECT ON DATABASE temporal, temporal_visibility, opsloop FROM PUBLIC;
SQL
