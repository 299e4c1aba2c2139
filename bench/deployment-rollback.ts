/** From the first failed check of a watch to the version before, live and healthy again: release directories and Docker. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './benchmark.js';
import { configureDeployments, newestRecord, startDeployment, whenOver } from './deployments.js';
import { figure, percentile, type Figure } from './figure.js';
import { rounds } from './rounds.js';
import { startDirectoryWay, startDockerWay, type RollbackWay } from './rollback-ways.js';
import { stackFolder, startStack, waitFor, type Stack } from './stack.js';
import { startFront, type WatchedFront } from './watched-front.js';

const usualRounds = 20;
const watchEveryMs = 100;
/** Of good looks before the application turns bad. */
const wellForMs = 700;
const targetMs = { directory: 1_000, docker: 3_000 };

interface Fronted {
  way: RollbackWay;
  front: WatchedFront;
}

export async function measure(): Promise<Measurement> {
  const count = rounds(usualRounds);
  const docker = await startDockerWay(Math.min(count, 10));
  try {
    const ways = [await startDirectoryWay(), ...(docker === null ? [] : [docker])];
    const fronted = await Promise.all(
      ways.map(async (way): Promise<Fronted> => ({ way, front: await startFront(way.applicationUrl) })),
    );
    const folder = stackFolder('deployment-rollback');
    configure(folder, fronted);
    const stack = await startStack(folder);
    const figures: Figure[] = [];
    for (const each of fronted) figures.push(...(await measureWay(stack, each, count)));
    await stack.stop();
    for (const { front } of fronted) front.stop();
    await ways[0]?.stop();
    return {
      figures,
      boundBy:
        `${count} rounds a way: v2 is deployed over v1, is well in the watch, and turns bad on command; openAfter 1, watchEvery ${watchEveryMs} ms. ` +
        'From the first bad answer that a check got to the end of the phase verifyRollBack on record; "without the own start" leaves out what the ' +
        'application itself took: for directories from the signal to its listening in the same round, for Docker from the start of its process to its ' +
        'first answer, the mean of starts by hand. Bound by activities of Temporal and the fsyncs of the record, by the process that runs the restart, ' +
        'and with Docker by stop, removal and start of containers (storage driver vfs).',
      versions: docker?.versions ?? {},
    };
  } finally {
    await docker?.stop();
  }
}

function configure(folder: string, fronted: readonly Fronted[]): void {
  configureDeployments(folder, {
    services: fronted.map(({ way, front }) => ({ name: way.name, url: front.url })),
    deployments: fronted.map(({ way }) => ({
      name: way.name,
      ...way.settings,
      services: [way.name],
      verifyWithin: '20s',
      watchFor: '10m',
      watchEvery: `${watchEveryMs}ms`,
    })),
  });
}

interface Round {
  /** From the first bad answer to the record's word that the version before is well, ms. */
  verifiedMs: number;
  /** From there to the first good answer that a check got of the version before, ms. */
  answeredMs: number;
  ownStartMs: number;
}

async function measureWay(stack: Stack, fronted: Fronted, count: number): Promise<Figure[]> {
  const { way } = fronted;
  const all: Round[] = [];
  for (let round = 0; round < count; round += 1) all.push(await rollBackOnce(stack, fronted));
  const verified = all.map(({ verifiedMs }) => verifiedMs);
  const without = all.map(({ verifiedMs, ownStartMs }) => verifiedMs - ownStartMs);
  const target = { atMost: targetMs[way.name] };
  const named = (what: string): string => `${way.name}: ${what}`;
  return [
    figure(named('until the version before is verified'), 'ms', verified),
    figure(named('until it is verified, 99th percentile'), 'ms', [percentile(verified, 99)]),
    figure(
      named('until a check got a good answer of it'),
      'ms',
      all.map(({ answeredMs }) => answeredMs),
    ),
    figure(
      named('own start of the application'),
      'ms',
      way.name === 'docker'
        ? all.slice(0, 1).map(({ ownStartMs }) => ownStartMs)
        : all.map(({ ownStartMs }) => ownStartMs),
    ),
    ...(way.byHandMs.length === 0
      ? []
      : [figure(named('stop and start by hand until it answers'), 'ms', way.byHandMs)]),
    figure(named('until it is verified, without the own start'), 'ms', without, { target }),
    figure(
      named('until it is verified, without the own start, 99th percentile'),
      'ms',
      [percentile(without, 99)],
      { target },
    ),
  ];
}

async function rollBackOnce(stack: Stack, { way, front }: Fronted): Promise<Round> {
  way.setBad(false);
  const before = (await newestRecord(stack, way.name))?.number ?? 0;
  await startDeployment(stack, way.name, 'v2');
  await waitFor(`the watch of ${way.name}`, async () => {
    const record = await newestRecord(stack, way.name);
    if (record === null || record.number === before) return null;
    if (record.finishedAt !== null) throw new Error(`${way.name}: ${record.state}: ${record.reason}`);
    return record.phase === 'watch' ? record : null;
  });
  await sleep(wellForMs);
  await front.answers();
  way.setBad(true);
  const record = await whenOver(stack, way.name, 'v2');
  const answers = await front.answers();
  const badAt = answers.find(({ status }) => status >= 400)?.at;
  const goodAt = answers.find(
    ({ at, status, version }) => at >= (badAt ?? 0) && status < 400 && version === 'v1',
  )?.at;
  const verifiedAt = record.phases.find(({ name }) => name === 'verifyRollBack')?.finishedAt ?? undefined;
  if (
    record.state !== 'rolledBack' ||
    badAt === undefined ||
    goodAt === undefined ||
    verifiedAt === undefined
  )
    throw new Error(`${way.name} was not rolled back: ${JSON.stringify(record)}`);
  return {
    verifiedMs: verifiedAt - badAt,
    answeredMs: goodAt - badAt,
    ownStartMs: await way.ownStartMs(),
  };
}
