/** The list of benchmarks, and what each of them gives. */
import type { Figure } from './figure.js';

export interface Measurement {
  figures: Figure[];
  /** What bounds the figures, and under which conditions they hold. */
  boundBy: string;
  /** Versions of what was measured beside the product. */
  versions?: Record<string, string>;
}

export interface Benchmark {
  name: string;
  title: string;
  /** How long it takes, for those who wait. */
  seconds: number;
  load(): Promise<{ measure: () => Promise<Measurement> }>;
}

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'cli',
    title: 'Cold start of local commands',
    seconds: 20,
    load: () => import('./cli.js'),
  },
  {
    name: 'idle',
    title: 'CPU of everything at the sample configuration',
    seconds: 100,
    load: () => import('./idle.js'),
  },
  {
    name: 'tick',
    title: 'One tick over 1,000 services, beside blackbox_exporter',
    seconds: 220,
    load: () => import('./tick.js'),
  },
  {
    name: 'hung',
    title: '30 hung targets among 300 services',
    seconds: 100,
    load: () => import('./hung.js'),
  },
  {
    name: 'recovery',
    title: 'SIGKILL of everything with 1,000 services',
    seconds: 110,
    load: () => import('./recovery.js'),
  },
  {
    name: 'events',
    title: 'Cost in history and memory',
    seconds: 170,
    load: () => import('./events.js'),
  },
  {
    name: 'alert-kills',
    title: 'Alerts lost and told twice over 50 SIGKILLs, beside Alertmanager',
    seconds: 370,
    load: () => import('./alert-kills.js'),
  },
  {
    name: 'alert-burst',
    title: '1,000 changes of state in a minute',
    seconds: 110,
    load: () => import('./alert-burst.js'),
  },
  {
    name: 'alert-flapping',
    title: 'Messages about flapping targets, beside Alertmanager',
    seconds: 270,
    load: () => import('./alert-flapping.js'),
  },
  {
    name: 'archive',
    title: 'Archives of work directories, beside zip and tar',
    seconds: 240,
    load: () => import('./archive.js'),
  },
  {
    name: 'run-detection',
    title: 'From the end of a run to its detection with 1,000 open runs, beside a poll',
    seconds: 150,
    load: () => import('./run-detection.js'),
  },
  {
    name: 'run-burst',
    title: '1,000 runs that end in the same moment',
    seconds: 150,
    load: () => import('./run-burst.js'),
  },
  {
    name: 'run-idle',
    title: 'Cost of 10,000 open runs',
    seconds: 260,
    load: () => import('./run-idle.js'),
  },
  {
    name: 'cron-load',
    title: '1,000 cron jobs that are due each minute',
    seconds: 900,
    load: () => import('./cron-load.js'),
  },
  {
    name: 'cron-down',
    title: 'Down while 100 cron jobs a minute are due, beside pg-boss',
    seconds: 960,
    load: () => import('./cron-down.js'),
  },
  {
    name: 'cron-idle',
    title: 'Cost of 1,000 idle cron jobs',
    seconds: 240,
    load: () => import('./cron-idle.js'),
  },
  {
    name: 'deployment-rollback',
    title: 'From the first failed check of a watch to the version before, healthy again',
    seconds: 150,
    load: () => import('./deployment-rollback.js'),
  },
  {
    name: 'deployment-burst',
    title: '100 deployments of 100 targets at once',
    seconds: 90,
    load: () => import('./deployment-burst.js'),
  },
  {
    name: 'deployment-kill',
    title: 'SIGKILL of everything at 50 points of deployments, beside a script with a lock directory',
    seconds: 300,
    load: () => import('./deployment-kill.js'),
  },
];
