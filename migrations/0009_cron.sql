-- Cron: one row for each slot and attempt of a job, what people paused, and what jobs told by pings.

create table cron_execution (
  environment  text not null,
  job          text not null,
  scheduled_at timestamptz not null,
  attempt      integer not null check (attempt >= 1),
  trigger      text not null check (trigger in ('schedule', 'retry', 'manual', 'backfill', 'ping')),
  verdict      text not null check (verdict in ('ok', 'failed', 'late', 'missed', 'overrun', 'skipped', 'running')),
  reason       text,
  -- Of verdict `running`: false while it waits for another run of its job.
  has_started  boolean not null default false,
  started_at   timestamptz,
  finished_at  timestamptz,
  exit_code    integer,
  signal       text,
  output_head  text,
  output_end   text,
  output_file  text,
  cpu_ms       double precision,
  peak_bytes   bigint,
  host         text,
  workflow_id  text,
  -- Identity of a run that pings; null: it gives none, or opsloop runs the job.
  rid          text,
  recorded_at  timestamptz not null default now(),
  primary key (environment, job, scheduled_at, attempt)
);
create index cron_execution_order on cron_execution (environment, scheduled_at desc, attempt desc);
create index cron_execution_running on cron_execution (environment, job) where verdict = 'running';

-- What is known of each job.
create table cron_job (
  environment text not null,
  job         text not null,
  -- Names its pings.
  uuid        uuid not null default gen_random_uuid() unique,
  -- Slots before this are nobody's affair: the job was applied then.
  watched_from timestamptz not null,
  -- Every slot up to here has its verdict, or is under way.
  settled_until timestamptz not null,
  -- The troubles that people were told and that are not over: failed, missed, overrun, late.
  troubles    text[] not null default '{}',
  -- When each kind of trouble was told last: trouble → epoch ms.
  told        jsonb not null default '{}',
  -- Numbers the reports about it.
  reports     bigint not null default 0,
  primary key (environment, job)
);

create table cron_pause (
  environment text not null,
  job         text not null,
  paused_at   timestamptz not null,
  paused_by   text not null,
  note        text,
  resumed_at  timestamptz,
  resumed_by  text,
  primary key (environment, job, paused_at)
);

create table cron_ping (
  environment text not null,
  job         text not null,
  number      bigint generated always as identity,
  at          timestamptz not null,
  kind        text not null check (kind in ('success', 'fail', 'start', 'log')),
  exit_code   integer,
  rid         text,
  body        text not null,
  source      text not null,
  primary key (environment, job, number)
);
create index cron_ping_order on cron_ping (environment, job, at);

-- When the watch of jobs looked last, without a gap since, and which clock jumps it saw.
create table cron_watch (
  environment text primary key,
  up_since    timestamptz not null,
  looked_at   timestamptz not null,
  reviewed_until timestamptz
);
create table cron_clock_step (
  environment text not null,
  host        text not null,
  -- What the clock showed right before and right after it was set forward.
  from_at     timestamptz not null,
  to_at       timestamptz not null,
  primary key (environment, host, to_at)
);
