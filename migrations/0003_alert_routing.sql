-- Alert routing: what a message is about, and the silences that held alerts back.

-- Targets of all alerts of a message, oldest first.
alter table alert_delivery add column targets text[] not null default '{}';
update alert_delivery set targets = array[target];

-- Rows of alerts that wait or were left out are looked for by the message that tells them after all.
create index alert_delivery_suppressed on alert_delivery (environment, channel, key) where state = 'suppressed';

create table silence (
  environment text not null,
  -- s1, s2, …
  id          text not null,
  match       jsonb not null,
  by          text not null,
  note        text not null default '',
  starts_at   timestamptz not null,
  ends_at     timestamptz not null,
  -- When somebody ended it early.
  ended_at    timestamptz,
  ended_by    text,
  primary key (environment, id)
);
create index silence_ends on silence (environment, ends_at desc);
