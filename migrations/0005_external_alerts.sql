-- Alerts that Prometheus and Alertmanager sent in, one row per set of labels.

-- Numbers the changes between firing and over; what is told to incidents is ordered by it.
create sequence external_alert_change;

create table external_alert (
  environment text not null,
  -- FNV-1a of the labels, as Prometheus and Alertmanager compute it.
  fingerprint text not null,
  type        text not null,
  target      text not null,
  severity    text not null check (severity in ('critical', 'high', 'medium', 'low')),
  labels      jsonb not null,
  annotations jsonb not null,
  generator_url text not null default '',
  source      text not null check (source in ('prometheus', 'alertmanager')),
  -- resolved: the source said so; expired: the source did not say any more that it fires.
  state       text not null check (state in ('firing', 'resolved', 'expired')),
  starts_at   timestamptz not null,
  -- Furthest end that the source named; null when it named none.
  ends_at     timestamptz,
  -- When it was last said to fire without an end; null when an end was always named.
  heard_at    timestamptz,
  updated_at  timestamptz not null,
  -- Numbers of its last change and of its last beginning; 0: it was never seen firing.
  change      bigint not null,
  fired       bigint not null,
  -- Everything up to this number was told to its incident.
  told        bigint not null default 0,
  primary key (environment, fingerprint)
);
create index external_alert_group on external_alert (environment, type, target);
create index external_alert_firing on external_alert (environment) where state = 'firing';
create index external_alert_untold on external_alert (environment, change) where change > told;
