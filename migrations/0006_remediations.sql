-- What remedies did to services: one row per step, written before it is done and again after it.

create table remediation (
  environment text not null,
  incident    text not null,
  episode     integer not null,
  attempt     integer not null,
  step        integer not null,
  agent       text not null,
  started_at  timestamptz not null,
  -- restart, reload, stop or start; none: there was nothing that could be done.
  action      text not null,
  target      text not null,
  method      text,
  endpoint    text,
  -- Status as its supervisor tells it, verdict and reason of its checks.
  before      jsonb not null,
  after       jsonb,
  -- Null: under way.
  success     boolean,
  error       text,
  finished_at timestamptz,
  primary key (environment, incident, episode, attempt, step)
);
create index remediation_started on remediation (environment, started_at desc);
create index remediation_target on remediation (environment, target, started_at desc);
