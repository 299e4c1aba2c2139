-- Runs of pipelines. `runs` and `steps` are written by pipelines, or by the API for them; the rest is opsloop's own record.

create table runs (
  id             text primary key,
  name           text,
  state          text default 'pending' check (state in ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
  work_directory text,
  started_at     timestamptz,
  updated_at     timestamptz,
  finished_at    timestamptz
);

-- No reference to `runs`: a pipeline may announce steps and run in any order.
create table steps (
  run_id      text not null,
  name        text not null,
  state       text not null default 'pending',
  error       text,
  started_at  timestamptz,
  updated_at  timestamptz,
  finished_at timestamptz,
  primary key (run_id, name)
);

-- Progress is known by `updated_at`: whoever does not write it has it written for him. Pushed events write it always: an
-- event that comes late says when something was, not that it goes on.
create function touch_run_row() returns trigger language plpgsql as $$
begin
  if current_setting('opsloop.writes_updated_at', true) = 'on' then
    return new;
  elsif tg_op = 'INSERT' then
    new.updated_at := coalesce(new.updated_at, new.finished_at, new.started_at, clock_timestamp());
  elsif new.updated_at is not distinct from old.updated_at and new is distinct from old then
    new.updated_at := clock_timestamp();
  end if;
  return new;
end $$;

create trigger touch_run before insert or update on runs for each row execute function touch_run_row();
create trigger touch_step before insert or update on steps for each row execute function touch_run_row();

-- The payload is the id of the run; one that is too long for a notification means: look at all.
create function notify_of_run() returns trigger language plpgsql as $$
declare
  id text := case when tg_table_name = 'runs' then to_jsonb(new) ->> 'id' else to_jsonb(new) ->> 'run_id' end;
begin
  perform pg_notify('opsloop_runs', case when octet_length(id) < 7900 then id else '' end);
  return null;
end $$;

create trigger notify_of_run after insert or update on runs for each row execute function notify_of_run();
create trigger notify_of_step after insert or update on steps for each row execute function notify_of_run();

-- Who takes care of a run that is over: opsloops that watch the same tables share these. The same table is made in a foreign
-- source as `opsloop_run_claim`.
create table run_claim (
  run_id      text primary key,
  -- Grows with each completion.
  completion  integer not null,
  -- True when it was seen to go on after its last completion.
  is_open     boolean not null default false,
  -- The facts of the last completion, to tell a new one from the same one.
  facts       jsonb not null,
  -- Environment and Temporal namespace of the opsloop that has it.
  owner       text not null,
  -- Kept alive by the owner until it is done; another one takes over after that.
  lease_until timestamptz not null,
  -- When archive, report and message were done; null: they are not.
  done_at     timestamptz,
  archive     jsonb
);
create index run_claim_open on run_claim (owner) where done_at is null;

-- What an environment knows of a run.
create table run_record (
  environment text not null,
  id          text not null,
  -- '' for our own tables, otherwise where the tables are.
  source      text not null,
  name        text,
  state       text not null check (state in ('running', 'stalled', 'succeeded', 'failed', 'cancelled')),
  steps       jsonb not null default '[]',
  work_directory text,
  started_at  timestamptz,
  finished_at timestamptz,
  -- Last progress that the tables tell of.
  progress_at timestamptz,
  completion  integer not null default 0,
  detected_at timestamptz,
  archive_state text not null default 'none' check (archive_state in ('none', 'pending', 'done', 'cancelled', 'elsewhere')),
  archive     jsonb,
  report      text,
  problem     text,
  -- Number of the last report about standing still; its incident tells late ones by it.
  stall_count integer not null default 0,
  -- Failures of steps that were told: step → instant of its end, epoch ms, or 0.
  told_steps  jsonb not null default '{}',
  first_seen_at timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (environment, id)
);
create index run_record_order on run_record (environment, (coalesce(started_at, first_seen_at)) desc);
create index run_record_pending on run_record (environment) where archive_state = 'pending';
