/** 1,000 runs that end in the same moment: how long until all are archived and told, and what that takes. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Measurement } from './benchmark.js';
import { databaseBytes, temporalBytes } from './database-sizes.js';
import { figure } from './figure.js';
import { addOpenRuns, stepsOfRun, whenRecorded, whenTrue, writeSmallWork } from './run-rows.js';
import { partCpuMs, stackFolder, startStack } from './stack.js';

const count = 1_000;
/** Histories that are looked at. */
const sampled = 20;

export async function measure(): Promise<Measurement> {
  const folder = stackFolder('run-burst');
  writeFileSync(
    join(folder, 'opsloop.yaml'),
    [
      'environment: bench',
      'services: [{name: disk, checks: [{disk: /}]}]',
      'channels: {file: {type: file}}',
      'alerts: {groupWait: 0s, groupInterval: 0s}',
      '',
    ].join('\n'),
  );
  for (let number = 1; number <= count; number += 1) writeSmallWork(join(folder, 'work', `burst-${number}`));
  const stack = await startStack(folder);
  await addOpenRuns(stack, 'burst-', count);
  await whenRecorded(stack, 'burst-', count, 60_000);
  const before = {
    cpu: partCpuMs(stack),
    bytes: await databaseBytes(stack),
    temporal: temporalBytes(folder),
  };
  const startedAt = performance.now();
  await stack.rows(
    `update opsloop.steps set state = 'succeeded', finished_at = clock_timestamp() where starts_with(run_id, 'burst-')`,
  );
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  const whenAll = async (what: string, sql: string): Promise<number> => {
    await whenTrue(
      what,
      600_000,
      async () => Number((await stack.rows<{ count: string }>(sql))[0]?.count) >= count,
    );
    return seconds();
  };
  const detected = await whenAll(
    'detected',
    `select count(*) as count from opsloop.run_record where detected_at is not null`,
  );
  const archived = await whenAll(
    'archived',
    `select count(*) as count from opsloop.run_record where archive_state = 'done'`,
  );
  const told = await whenAll(
    'told',
    `select count(distinct target) as count from opsloop.alert_delivery where event = 'run_completed' and state = 'sent'`,
  );
  const messages = readFileSync(join(folder, '.opsloop', 'logs', 'alerts.jsonl'), 'utf8')
    .trim()
    .split('\n').length;
  const archives = readdirSync(join(folder, '.opsloop', 'archive')).filter((name) =>
    name.endsWith('.zip'),
  ).length;
  const cpu = partCpuMs(stack);
  const events: number[] = [];
  for (let number = 1; number <= sampled; number += 1) {
    const history = await stack.client.workflow.getHandle(`run:bench:burst-${number * 50}`).fetchHistory();
    events.push(history.events?.length ?? 0);
  }
  const grown = {
    bytes: (await databaseBytes(stack)) - before.bytes,
    temporal: temporalBytes(folder) - before.temporal,
  };
  await stack.stop();
  const parts = [...cpu].filter(([part]) => part !== 'all');
  return {
    figures: [
      figure('until all are detected', 's', [detected]),
      figure('until all are archived', 's', [archived]),
      figure('until all are told', 's', [told]),
      figure('archives that are missing, or too many', 'archives', [Math.abs(archives - count)], {
        target: { atMost: 0 },
      }),
      figure('messages that are missing, or too many', 'messages', [Math.abs(messages - count)], {
        target: { atMost: 0 },
      }),
      figure('history events of a run', 'events', events),
      figure("opsloop's database per run", 'KiB', [grown.bytes / 1024 / count]),
      figure("Temporal's file per run", 'KiB', [grown.temporal / 1024 / count]),
      ...parts.map(([part, cpuMs]) =>
        figure(`CPU of a run, ${part}`, 'ms', [(cpuMs - (before.cpu.get(part) ?? 0)) / count]),
      ),
    ],
    boundBy:
      `${count} runs of ${stepsOfRun} steps end in one transaction, each with a work directory of 20 files, about 100 kB; two archives are ` +
      "made at a time. Bound by the worker's and Temporal's CPU: each run is a workflow with two activities and four local ones, and an alert.",
  };
}
