/** `prometheus-alertmanager`, told of the same failures as the product, as Prometheus would. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { waitFor } from './stack.js';
import { folderVariable, workFolder } from './work-folder.js';

const programs = ['/usr/bin/prometheus-alertmanager', '/usr/local/bin/alertmanager'];

/** How long Prometheus lets an alert live that it does not repeat: 4 times its resend delay of 1 minute. */
const aheadMs = 240_000;
/** Prometheus repeats what is over for 15 minutes; the runs here are shorter. */
const repeatResolvedMs = 900_000;

export interface AlertmanagerTimes {
  groupWait: string;
  groupInterval: string;
}

export interface Alertmanager {
  version: string;
  /** SIGKILL, and a start with the same storage; resolves with how long it did not answer, ms. */
  crash(): Promise<number>;
  /** Tells the state of each target, as Prometheus does after each evaluation; false when it was not taken. */
  tell(source: AlertSource, now: number): Promise<boolean>;
  stop(): void;
}

/** Null when it is not installed. `hookUrl` is told. */
export async function startAlertmanager(
  hookUrl: string,
  { groupWait, groupInterval }: AlertmanagerTimes,
): Promise<Alertmanager | null> {
  const file = programs.find((path) => existsSync(path));
  if (file === undefined) return null;
  const folder = workFolder();
  const configurationFile = join(folder, 'alertmanager.yml');
  writeFileSync(
    configurationFile,
    `route: {receiver: hook, group_by: [alertname, instance], group_wait: ${groupWait}, group_interval: ${groupInterval}, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: "${hookUrl}", send_resolved: true}]}]
`,
  );
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const start = (): ChildProcess =>
    spawn(
      file,
      [
        `--config.file=${configurationFile}`,
        `--storage.path=${join(folder, 'alertmanager')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
        '--log.level=error',
      ],
      { stdio: 'ignore', env: { ...process.env, [folderVariable]: folder } },
    );
  const isUp = async (): Promise<true | null> =>
    (await fetch(`${url}/-/ready`).catch(() => null))?.ok === true ? true : null;
  const whenUp = (): Promise<true> => waitFor('Alertmanager answers', isUp, { everyMs: 20 });
  let child = start();
  await whenUp();
  return {
    version: versionOf(file),
    crash: async () => {
      const killedAt = Date.now();
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      child = start();
      await whenUp();
      return Date.now() - killedAt;
    },
    tell: async (source, now) => {
      const answer = await fetch(`${url}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(source.alertsAt(now)),
      }).catch(() => null);
      return answer?.ok === true;
    },
    stop: () => void child.kill('SIGKILL'),
  };
}

const versionOf = (file: string): string =>
  /version (\S+?),? /.exec(execFileSync(file, ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

export interface AlertSource {
  /** Takes the result of one evaluation. */
  set(target: string, isBad: boolean, now: number): void;
  /** What Prometheus sends then. */
  alertsAt(now: number): object[];
}

/** The alerts of a rule without `for`, one per target: each bad result fires at once, each good one resolves. */
export function makeAlertSource(): AlertSource {
  const alerts = new Map<string, { startsAt: number; endedAt: number | null }>();
  return {
    set: (target, isBad, now) => {
      const known = alerts.get(target);
      const isFiring = known !== undefined && known.endedAt === null;
      if (isBad && !isFiring) alerts.set(target, { startsAt: now, endedAt: null });
      if (!isBad && isFiring) known.endedAt = now;
    },
    alertsAt: (now) =>
      [...alerts]
        .filter(([, { endedAt }]) => endedAt === null || now - endedAt < repeatResolvedMs)
        .map(([instance, { startsAt, endedAt }]) => ({
          labels: { alertname: 'unhealthy', instance },
          annotations: {},
          startsAt: new Date(startsAt).toISOString(),
          endsAt: new Date(endedAt ?? now + aheadMs).toISOString(),
        })),
  };
}
