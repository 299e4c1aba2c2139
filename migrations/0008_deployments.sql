-- Deployments: one row each, written at each change of its state; and alerts about resources that others push.

create table deployment (
  environment text not null,
  target      text not null,
  -- 1, 2, … per target.
  number      integer not null,
  -- Of its workflow's first run: the identity from which the number was given.
  started_at  timestamptz not null,
  state       text not null check (state in ('running', 'waitingForApproval', 'succeeded', 'rolledBack', 'refused', 'failed')),
  phase       text not null,
  version_requested text not null,
  version_before text,
  version_after  text,
  started_by  text not null,
  services    text[] not null default '{}',
  finished_at timestamptz,
  -- Grows with each change.
  revision    integer not null default 0,
  -- All that is known of it.
  record      jsonb not null,
  primary key (environment, target, number),
  unique (environment, target, started_at)
);
create index deployment_order on deployment (environment, started_at desc);
create index deployment_open on deployment (environment) where finished_at is null;

-- The latest alert of each source about a resource: `{service, status, metric, threshold, current_value, timestamp}`.
create table guard_push (
  environment text not null,
  service     text not null,
  metric      text not null,
  -- INFO, WARN, CRITICAL or EMERGENCY.
  level       text not null check (level in ('INFO', 'WARN', 'CRITICAL', 'EMERGENCY')),
  document    jsonb not null,
  -- It counts until then, or until it is resolved.
  expires_at  timestamptz not null,
  received_at timestamptz not null default now(),
  primary key (environment, service, metric)
);
