-- Facts of opsloop: applied configurations, loops, heartbeat samples, incidents, alert deliveries.
-- Every table carries the environment, so that several stacks can share one database.

create table configuration (
  environment text not null,
  revision    integer not null,
  sha256      text not null,
  document    jsonb not null,
  applied_at  timestamptz not null default now(),
  applied_by  text not null default '',
  primary key (environment, revision)
);

create table loop (
  environment text not null,
  id          text not null,
  loop        text not null,
  target      text not null,
  state       text not null check (state in ('running', 'paused', 'stopped')),
  paused_by   text,
  note        text,
  last_at     timestamptz,
  next_at     timestamptz,
  every_ms    bigint,
  count       bigint not null default 0,
  missed      bigint not null default 0,
  updated_at  timestamptz not null default now(),
  primary key (environment, id)
);

-- The newest knowledge of each service. `track` is the loop's own memory of a troubled service.
create table heartbeat_service (
  environment   text not null,
  service       text not null,
  shard         integer not null,
  state         text not null default 'unknown' check (state in ('healthy', 'unhealthy', 'flapping', 'unknown')),
  since         timestamptz,
  last_check_at timestamptz,
  last_verdict  text check (last_verdict in ('healthy', 'unhealthy', 'unknown')),
  latency_ms    double precision,
  reason        text not null default '',
  -- Rolling baseline of the latency: exponentially weighted mean and variance, and how many samples it saw.
  baseline_mean_ms  double precision,
  baseline_variance double precision,
  baseline_count    integer not null default 0,
  track         jsonb,
  track_version bigint not null default 0,
  primary key (environment, service)
);

create table heartbeat_sample (
  environment text not null,
  service     text not null,
  at          timestamptz not null,
  verdict     text not null check (verdict in ('healthy', 'unhealthy', 'unknown')),
  latency_ms  double precision not null,
  reason      text not null default '',
  primary key (environment, service, at)
);
create index heartbeat_sample_at on heartbeat_sample using brin (at);

-- Availability and latency per hour, added up as samples arrive; samples themselves are kept for two days.
create table heartbeat_hour (
  environment text not null,
  service     text not null,
  hour        timestamptz not null,
  checks      integer not null,
  healthy     integer not null,
  unhealthy   integer not null,
  latency_sum_ms double precision not null,
  latency_max_ms double precision not null,
  primary key (environment, service, hour)
);

create table heartbeat_tick (
  environment text not null,
  shard       integer not null,
  scheduled_at timestamptz not null,
  started_at  timestamptz not null,
  duration_ms double precision not null,
  checked     integer not null,
  healthy     integer not null,
  unhealthy   integer not null,
  unknown     integer not null,
  isolated    boolean not null default false,
  triggered   boolean not null default false,
  -- Scheduled ticks before this one that did not happen.
  missed      integer not null default 0,
  primary key (environment, shard, scheduled_at)
);

-- One row per episode of an incident.
create table incident (
  environment text not null,
  id          text not null,
  episode     integer not null,
  loop        text not null,
  type        text not null,
  target      text not null,
  severity    text not null check (severity in ('critical', 'high', 'medium', 'low')),
  state       text not null check (state in ('open', 'acknowledged', 'escalated', 'resolved')),
  reason      text not null default '',
  affected    text[] not null default '{}',
  opened_at   timestamptz not null,
  acknowledged_by text,
  resolved_at timestamptz,
  resolved_by text,
  remedies    jsonb not null default '[]',
  -- Grows with every change inside the episode; an older write never replaces a newer one.
  version     integer not null,
  primary key (environment, id, episode)
);
create index incident_live on incident (environment, state) where state <> 'resolved';
create index incident_opened on incident (environment, opened_at desc);

create table incident_event (
  environment text not null,
  id          text not null,
  episode     integer not null,
  sequence    integer not null,
  at          timestamptz not null,
  event       text not null,
  by          text,
  text        text not null default '',
  primary key (environment, id, episode, sequence)
);

-- One row per message and channel: written before the send, and again after it.
create table alert_delivery (
  environment text not null,
  key         text not null,
  channel     text not null,
  event       text not null,
  target      text not null,
  severity    text not null,
  state       text not null check (state in ('pending', 'sent', 'failed', 'suppressed')),
  attempts    integer not null default 0,
  at          timestamptz not null,
  sent_at     timestamptz,
  reason      text not null default '',
  message     jsonb not null,
  primary key (environment, key, channel)
);
create index alert_delivery_at on alert_delivery (environment, at desc);
