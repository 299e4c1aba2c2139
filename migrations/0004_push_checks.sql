-- Push checks: jobs call in, and their silence is a failure.

-- One row per service with a push check, from the first time the heartbeat saw it.
create table push_check (
  environment      text not null,
  service          text not null,
  -- Names the check in URLs that need no key.
  uuid             uuid not null default gen_random_uuid() unique,
  first_applied_at timestamptz not null,
  last_success_at  timestamptz,
  last_fail_at     timestamptz,
  last_start_at    timestamptz,
  last_ping_at     timestamptz,
  duration_ms      double precision,
  exit_code        integer,
  -- Why the last failure was one.
  reason           text not null default '',
  pings            bigint not null default 0,
  primary key (environment, service)
);

-- The latest pings of each service; bodies are kept for the newest ten.
create table push_ping (
  environment text not null,
  service     text not null,
  number      bigint not null,
  at          timestamptz not null,
  kind        text not null check (kind in ('success', 'fail', 'start', 'log')),
  exit_code   integer,
  rid         uuid,
  duration_ms double precision,
  first_line  text not null default '',
  body        text,
  source      text not null default '',
  primary key (environment, service, number)
);
