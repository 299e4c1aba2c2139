/** A thousand changes of state in a minute: how long each takes from detection to its channel, and what the router carries. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './benchmark.js';
import { figure, percentile, type Figure } from './figure.js';
import { startHooks, type HookCall } from './hooks.js';
import { environment, partCpuMs, stackFolder, startStack, waitFor, type Stack } from './stack.js';

const changes = 1_000;
const durationMs = 60_000;
/** How long an alert fires, ms. */
const firesForMs = 15_000;
const settleLimitMs = 180_000;

export async function measure(): Promise<Measurement> {
  const hooks = await startHooks();
  const folder = stackFolder('alert-burst');
  configure(folder, hooks.url);
  const stack = await startStack(folder);
  await waitFor('the first alert is told', () => warmUp(stack, hooks.calls));
  const before = { cpu: partCpuMs(stack), calls: (await hooks.calls()).length };
  const posts = await burst(stack);
  const calls = await waitForAll(hooks.calls, before.calls);
  const cpu = partCpuMs(stack);
  const cpuFigures = [...cpu]
    .filter(([part]) => part !== 'all')
    .map(([part, ms]) =>
      figure(`CPU of a change, ${part}`, 'ms', [(ms - (before.cpu.get(part) ?? 0)) / changes]),
    );
  const figures = [
    ...latencyFigures(await detectionToArrival(stack, calls), posts, calls),
    ...cpuFigures,
    ...(await historyFigures(stack)),
  ];
  hooks.stop();
  return {
    figures,
    boundBy: `${changes / 2} alerts of as many instances begin and end in ${durationMs / 1000} s, each posted by itself to /api/v2/alerts; groupWait 0s, groups by incident, one webhook that answers at once. Detection is the instant that the alert carries, on record in the database; hand-over is the arrival at the receiver. Each change is a signal with its workflow task and three local activities in the incident's workflow, a signal in the router's, and an activity for up to 20 messages; Temporal's and the worker's CPU bound it.`,
  };
}

function configure(folder: string, hookUrl: string): void {
  const lines = [
    `environment: ${environment}`,
    'channels:',
    `  hook: {type: webhook, url: "${hookUrl}"}`,
    'alerts: {channels: [hook], groupWait: 0s, groupInterval: 1s}',
    // A stack has at least one service.
    'services: [{name: disk, checks: [{disk: /, conditions: ["[DISK_FREE] > 0"]}]}]',
  ];
  writeFileSync(join(folder, 'opsloop.yaml'), `${lines.join('\n')}\n`);
}

async function post(stack: Stack, instance: string, endedAt: number | null): Promise<void> {
  const now = Date.now();
  const endsAt = new Date(endedAt ?? now + 240_000).toISOString();
  const startsAt = new Date(endedAt === null ? now : endedAt - firesForMs).toISOString();
  const alert = { labels: { alertname: 'burst', instance }, annotations: {}, startsAt, endsAt };
  const answer = await fetch(`${stack.apiUrl}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([alert]),
  });
  if (!answer.ok) throw new Error(`the API answered ${answer.status}: ${await answer.text()}`);
  await answer.body?.cancel();
}

async function warmUp(stack: Stack, calls: () => Promise<HookCall[]>): Promise<true | null> {
  await post(stack, 'warm-up', null);
  return (await calls()).length > 0 ? true : null;
}

interface Post {
  instance: string;
  status: 'firing' | 'resolved';
  /** When it was posted, epoch ms. */
  at: number;
}

/** Posts at an even rate, whether answers have come or not. */
async function burst(stack: Stack): Promise<Post[]> {
  const count = changes / 2;
  const firing = durationMs - firesForMs;
  const plan = Array.from({ length: count }, (_, index) => index)
    .flatMap((index) => {
      const instance = `instance-${String(index + 1).padStart(4, '0')}`;
      const at = (index * firing) / count;
      return [
        { instance, status: 'firing' as const, at },
        { instance, status: 'resolved' as const, at: at + firesForMs },
      ];
    })
    .sort((a, b) => a.at - b.at);
  const beganAt = Date.now();
  const answers: Promise<void>[] = [];
  const posts: Post[] = [];
  for (const each of plan) {
    await sleep(Math.max(0, beganAt + each.at - Date.now()));
    const at = Date.now();
    posts.push({ ...each, at });
    answers.push(post(stack, each.instance, each.status === 'resolved' ? at : null));
  }
  await Promise.all(answers);
  return posts;
}

async function waitForAll(callsOf: () => Promise<HookCall[]>, known: number): Promise<HookCall[]> {
  const told = async (): Promise<HookCall[] | null> => {
    const calls = (await callsOf()).slice(known);
    const count = calls.reduce((sum, { alerts }) => sum + alerts.length, 0);
    return count >= changes ? calls : null;
  };
  return waitFor(`${changes} changes are told`, told, { timeoutMs: settleLimitMs, everyMs: 1_000 });
}

/** From the instant on record of each alert to the arrival of the message that has it, ms. */
async function detectionToArrival(stack: Stack, calls: readonly HookCall[]): Promise<number[]> {
  const rows = await stack.rows<{ key: string; at: number }>(
    `select alert->>'key' as key, (alert->>'at')::float8 as at
     from alert_delivery, jsonb_array_elements(message->'alerts') alert where environment = $1`,
    [environment],
  );
  const detectedAt = new Map(rows.map(({ key, at }) => [key, at]));
  return calls.flatMap(({ at, alerts }) =>
    alerts.map(({ key }) => at - (detectedAt.get(key ?? '') ?? Number.NaN)),
  );
}

function latencyFigures(latencies: number[], posts: readonly Post[], calls: readonly HookCall[]): Figure[] {
  const arrival = new Map(
    calls.flatMap(({ at, alerts }) => alerts.map(({ target, status }) => [`${target} ${status}`, at])),
  );
  const sincePost = posts.map(
    ({ instance, status, at }) => (arrival.get(`${instance} ${status}`) ?? Number.NaN) - at,
  );
  return [
    figure('from detection to hand-over', 'ms', latencies),
    figure('from detection to hand-over, 99th percentile', 'ms', [percentile(latencies, 99)], {
      target: { atMost: 1_000 },
    }),
    figure('from the request to hand-over, 99th percentile', 'ms', [percentile(sincePost, 99)]),
  ];
}

/** The runs of the router, and of one incident. */
async function historyFigures(stack: Stack): Promise<Figure[]> {
  const router = `alertRouter:${environment}`;
  const runs: string[] = [];
  for await (const { runId } of stack.client.workflow.list({ query: `WorkflowId = '${router}'` }))
    runs.push(runId);
  const histories = await Promise.all(
    runs.map((runId) => stack.client.workflow.getHandle(router, runId).fetchHistory()),
  );
  const events = histories.map((history) => history.events?.length ?? 0);
  const bytes = histories.map((history) => {
    const payloads = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    return payloads.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
  });
  const incident = `incident:${environment}:external:burst:instance-0001`;
  const { events: own } = await stack.client.workflow.getHandle(incident).fetchHistory();
  return [
    figure('history events of a run of the router', 'events', events),
    figure('history events of the router per change', 'events', [
      events.reduce((sum, count) => sum + count, 0) / changes,
    ]),
    figure(
      'what the router hands to its next run',
      'KiB',
      bytes.map((size) => size / 1024),
    ),
    figure('history events of an incident that opens and recovers', 'events', [own?.length ?? 0]),
  ];
}
