-- Incidents that people own: why each thing was done, what to do, and the report of a resolved episode.

alter table incident
  add column advice  text,
  add column runbook text,
  add column labels  jsonb;

-- The rule or figure that led to the line, for `incidents explain`.
alter table incident_event add column why text not null default '';

-- What people wrote of an episode, and the report as it was written last. Null texts: nobody wrote any.
create table incident_report (
  environment text not null,
  id          text not null,
  episode     integer not null,
  root_cause  text,
  resolution  text,
  prevention  text,
  edited_by   text,
  edited_at   timestamptz,
  document    jsonb,
  markdown    text,
  written_at  timestamptz,
  primary key (environment, id, episode)
);
