/** Cron jobs as a person with a terminal and programs with HTTP meet them: every kind, every policy, every verdict. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { ExecutionDocument, JobDetailDocument, JobDocument } from '../../src/domain/cron-document.js';
import type { IncidentDocument, ServiceDocument, StatusDocument } from '../../src/domain/documents.js';
import { eventually } from '../support/eventually.js';
import { startHttpServer, type HttpServer } from '../support/http-server.js';
import { prepareStack, type AlertLine, type Stack } from '../support/stack.js';

let stack: Stack;
let server: HttpServer;
let client: Client;
let theirs: Worker;
let theirEnd: Promise<void>;
const closing: (() => Promise<unknown>)[] = [];
/** What `/task` answers. */
let status = 200;

const sh = (script: string): string[] => ['sh', '-c', script];
/** Only when somebody starts them. */
const never = '0 0 29 2 *';

const overlapping = (overlap: string) => ({
  name: overlap.toLowerCase(),
  schedule: never,
  overlap,
  expected: '5m',
  killAfter: '1s',
  retry: { attempts: 0 },
  command: sh(`echo start >> ${overlap}.log; echo $$ > ${overlap}.pid; sleep 4; echo end >> ${overlap}.log`),
});

beforeAll(async () => {
  server = await startHttpServer((request, response) => {
    if (request.url === '/slow') return;
    response.statusCode = status;
    response.end('the answer');
  });
  stack = prepareStack({
    configuration: {
      environment: 'shop',
      api: { pingKey: 'secret-key' },
      alerts: { groupWait: '0s', groupInterval: '0s' },
      services: [{ name: 'jobs', every: '5s', openAfter: 1, checks: [{ cron: { active: 15 } }] }],
      jobs: [
        {
          name: 'good',
          schedule: '*/3 * * * * *',
          purpose: 'shows that all is well',
          output: { contains: 'rows', file: { path: 'good.out' } },
          command: sh('echo "$OPSLOOP_JOB $OPSLOOP_SCHEDULED_AT $OPSLOOP_ATTEMPT: 5 rows" | tee good.out'),
        },
        {
          name: 'bad',
          schedule: never,
          retry: { attempts: 1, after: '1s' },
          command: sh('test -e mended && exit 0; echo no space; exit 7'),
        },
        {
          name: 'flaky',
          schedule: never,
          retry: { attempts: 2, after: '1s' },
          command: sh('echo x >> tries; test $(wc -l < tries) = 2'),
        },
        {
          name: 'hung',
          schedule: never,
          expected: '1s',
          killAfter: '1s',
          retry: { attempts: 0 },
          command: sh('trap "" TERM; echo waiting; sleep 600'),
        },
        { name: 'quick', schedule: never, minimum: '10s', retry: { attempts: 0 }, command: ['true'] },
        {
          name: 'wrong',
          schedule: never,
          output: { notContains: 'ERROR' },
          retry: { attempts: 0 },
          command: sh('echo ERROR: none'),
        },
        { name: 'call', schedule: never, retry: { attempts: 0 }, http: `${server.url}/task` },
        {
          name: 'slow-call',
          schedule: never,
          expected: '1s',
          retry: { attempts: 0 },
          http: { url: `${server.url}/slow`, method: 'POST' },
        },
        {
          name: 'theirs',
          schedule: never,
          expected: '30s',
          retry: { attempts: 0 },
          output: { contains: 'settled' },
          workflow: { type: 'settle', taskQueue: 'theirs', input: { orders: 3 } },
        },
        { name: 'copy', schedule: '*/30 * * * * *', startWithin: '4s' },
        overlapping('skip'),
        overlapping('bufferOne'),
        overlapping('bufferAll'),
        overlapping('cancelOther'),
        overlapping('terminateOther'),
        overlapping('allowAll'),
      ],
    },
  });
  await stack.start();
  const { address, namespace } = stack.endpoints().temporal;
  const connection = await Connection.connect({ address });
  client = new Client({ connection, namespace });
  const native = await NativeConnection.connect({ address });
  theirs = await Worker.create({
    connection: native,
    namespace,
    taskQueue: 'theirs',
    workflowsPath: new URL('../support/their-workflows.ts', import.meta.url).pathname,
  });
  theirEnd = theirs.run();
  closing.push(
    () => connection.close(),
    () => native.close(),
  );
});

afterAll(async () => {
  theirs?.shutdown();
  await theirEnd;
  for (const close of closing) await close();
  await stack?.close();
  await server?.close();
});

const run = async (job: string): Promise<{ code: number | null; execution: ExecutionDocument }> => {
  const { code, stdout, stderr } = await stack.cli('cron', 'run', job, '--wait', '--json');
  if (stdout === '') throw new Error(stderr);
  return { code, execution: JSON.parse(stdout) as ExecutionDocument };
};

const history = (job: string): Promise<ExecutionDocument[]> => stack.ask('cron', 'history', job);

const verdicts = async (job: string): Promise<string[]> =>
  (await history(job)).map(({ attempt, verdict }) => `${attempt} ${verdict}`);

const told = (job: string): AlertLine[] =>
  stack.alerts().filter(({ target, channel }) => target === job && channel === 'file');

const whenTold = (job: string, event: string): Promise<AlertLine> =>
  eventually(`${event} of ${job}`, () => told(job).find((line) => line.event === event) ?? null, 30_000);

const openIncidents = async (job: string): Promise<IncidentDocument[]> =>
  (await stack.ask<IncidentDocument[]>('incidents', 'list')).filter(({ target }) => target === job);

describe('a job', () => {
  it('runs at its times, is told which slot it is, and is listed with its next one', async () => {
    const rows = await eventually('three runs', async () => {
      const done = (await history('good')).filter(({ verdict }) => verdict === 'ok');
      return done.length >= 3 ? done : null;
    });
    for (const { scheduledAt, startedAt, outputEnd, exitCode, durationMs } of rows) {
      expect(Date.parse(scheduledAt) % 3_000).toBe(0);
      expect(Date.parse(startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(scheduledAt));
      expect(outputEnd).toBe(`good ${scheduledAt} 1: 5 rows\n`);
      expect(exitCode).toBe(0);
      expect(durationMs).toBeGreaterThanOrEqual(0);
    }
    const jobs = await stack.ask<JobDocument[]>('cron', 'list');
    const good = jobs.find(({ name }) => name === 'good');
    expect(good).toMatchObject({ kind: 'command', state: 'active', scheduleText: 'every 3 seconds, UTC' });
    expect(Date.parse(good?.nextAt ?? '')).toBeGreaterThan(Date.now() - 5_000);
    const { stdout } = await stack.cli('cron', 'show', 'good');
    expect(stdout).toContain('shows that all is well');
    // Not how far away that is: the next slot may have passed when it is printed.
    expect(stdout).toMatch(/next .*UTC (in \d+s|now|\d+s ago)\n/);
  });

  it('counts in the status, in the metrics, and in the check of active jobs', async () => {
    const { cron } = await stack.ask<StatusDocument>('status');
    expect(cron).toMatchObject({ active: 16, paused: 0 });
    const metrics = await (await fetch(`${stack.endpoints().api.url}/metrics`)).text();
    expect(metrics).toMatch(/opsloop_cron_last_ok\{job="good",environment="shop"\} 1/);
    await stack.cli('cron', 'pause', 'quick', '--by', 'alice', '--note', 'no need');
    await stack.cli('cron', 'pause', 'wrong', '--by', 'alice');
    await eventually(
      'too few active jobs',
      async () => {
        const [service] = await stack.ask<ServiceDocument[]>('services', 'list');
        return service?.state === 'unhealthy' && /\[ACTIVE\] \(1[34]\) >= 15/.test(service.reason);
      },
      30_000,
    );
    await stack.cli('cron', 'resume', 'quick');
    await stack.cli('cron', 'resume', 'wrong');
  });

  it('that fails is tried again, told once per outage, and over with the next success', async () => {
    const { code, execution } = await run('bad');
    expect(code).toBe(1);
    expect(execution).toMatchObject({ verdict: 'failed', attempt: 2, reason: 'exit code 7: no space' });
    await run('bad');
    expect(await verdicts('bad')).toEqual(['2 failed', '1 failed', '2 failed', '1 failed']);
    expect(await whenTold('bad', 'cron_failure')).toMatchObject({
      status: 'firing',
      loop: 'cron',
      type: 'failed',
      text: expect.stringContaining('exit code 7: no space'),
    });
    expect(await openIncidents('bad')).toHaveLength(1);
    await stack.cli('cron', 'run', 'bad', '--json');
    const { writeFileSync } = await import('node:fs');
    writeFileSync(join(stack.directory, 'mended'), '');
    await run('bad');
    await whenTold('bad', 'recovered');
    expect(told('bad').map(({ event }) => event)).toEqual(['cron_failure', 'recovered']);
    expect(await openIncidents('bad')).toEqual([]);
  });

  it('that works at its second try troubles nobody', async () => {
    expect(await run('flaky')).toMatchObject({ code: 0, execution: { verdict: 'ok', attempt: 2 } });
    expect(told('flaky')).toEqual([]);
  });

  it('that runs for too long is ended with all of its tree, and told with the end of its output', async () => {
    const { execution } = await run('hung');
    expect(execution).toMatchObject({
      verdict: 'overrun',
      reason: expect.stringContaining('killed (it ignored SIGTERM)'),
      outputEnd: 'waiting\n',
    });
    expect(await whenTold('hung', 'cron_failure')).toMatchObject({
      type: 'overrun',
      text: expect.stringContaining('waiting'),
    });
  });

  it('that is too fast, or whose output is wrong, failed', async () => {
    expect((await run('quick')).execution).toMatchObject({
      verdict: 'failed',
      reason: expect.stringContaining('too fast'),
    });
    expect((await run('wrong')).execution).toMatchObject({
      verdict: 'failed',
      reason: 'its output holds "ERROR"',
      exitCode: 0,
    });
  });

  it('may be a call, judged by its answer', async () => {
    expect((await run('call')).execution).toMatchObject({ verdict: 'ok', outputEnd: 'the answer' });
    status = 500;
    expect((await run('call')).execution).toMatchObject({
      verdict: 'failed',
      reason: 'answered 500: the answer',
    });
    status = 202;
    expect((await run('call')).execution).toMatchObject({ verdict: 'ok' });
    expect((await run('slow-call')).execution).toMatchObject({ verdict: 'overrun' });
  });

  it('may be a workflow of somebody else', async () => {
    expect((await run('theirs')).execution).toMatchObject({
      verdict: 'ok',
      outputEnd: expect.stringContaining('"settled": 3'),
    });
  });
});

describe('a job that pings', () => {
  const ping = async (rest: string, body?: string): Promise<number> => {
    const init = body === undefined ? {} : { method: 'POST', body };
    return (await fetch(`${stack.endpoints().api.url}/ping/${rest}`, init)).status;
  };

  it('is missed when it is silent, and late when it comes after all', async () => {
    const missed = await eventually(
      'a missed slot',
      async () => (await history('copy')).find(({ verdict }) => verdict === 'missed') ?? null,
      60_000,
    );
    expect(missed).toMatchObject({ trigger: 'ping', reason: expect.stringContaining('no ping came by') });
    await whenTold('copy', 'cron_missed');
    const intoSlot = (): number => Date.now() % 30_000;
    await eventually('a while after a slot', () => intoSlot() > 5_000 && intoSlot() < 15_000, 40_000);
    expect(await ping('secret-key/copy/start')).toBe(200);
    expect(await ping('secret-key/copy', 'copied 5 files')).toBe(200);
    const late = await eventually(
      'a late run',
      async () => (await history('copy')).find(({ verdict }) => verdict === 'late') ?? null,
    );
    expect(Date.parse(late.scheduledAt) % 30_000).toBe(0);
    expect(late.outputEnd).toBe('copied 5 files');
    await whenTold('copy', 'recovered');
    expect(told('copy').some(({ event }) => event === 'cron_late')).toBe(true);
  });

  it('is named by its UUID, too, and by no wrong key', async () => {
    const { ping: facts } = await stack.ask<JobDetailDocument>('cron', 'show', 'copy');
    expect(await ping(`${facts?.uuid}/7`, 'disk full')).toBe(200);
    const failed = await eventually(
      'a failed run',
      async () => (await history('copy')).find(({ verdict }) => verdict === 'failed') ?? null,
    );
    expect(failed).toMatchObject({ exitCode: 7, reason: 'exit code 7: disk full' });
    expect(await ping('wrong/copy')).toBe(404);
    expect(await ping('secret-key/good')).toBe(404);
    expect(await ping('secret-key/copy?rid=1')).toBe(400);
  });
});

describe('the overlap policy', () => {
  const logOf = (overlap: string): string[] => {
    const file = join(stack.directory, `${overlap}.log`);
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  };

  /** Starts slots of the schedule one after the other, as Temporal does when they are due. */
  const due = async (overlap: string, slots: number): Promise<void> => {
    const job = overlap.toLowerCase();
    for (let slot = 1; slot <= slots; slot += 1) {
      // Temporal names what it starts by the second.
      const second = Math.floor(Date.now() / 1000);
      await eventually('the next second', () => Math.floor(Date.now() / 1000) > second);
      await client.schedule.getHandle(`cron:shop:${job}`).trigger('ALLOW_ALL');
      await eventually(`slot ${slot} of ${job}`, async () => (await history(job)).length >= slot, 20_000);
      if (slot === 1) await eventually('its start', () => logOf(overlap).length === 1, 20_000);
    }
  };

  const over = (job: string) =>
    eventually(
      `the end of ${job}`,
      async () => {
        const rows = await history(job);
        return rows.every(({ verdict }) => verdict !== 'running') ? rows.reverse() : null;
      },
      60_000,
    );

  it('skip leaves out slots while a run goes on', async () => {
    await due('skip', 2);
    expect((await over('skip')).map(({ verdict }) => verdict)).toEqual(['ok', 'skipped']);
    expect(logOf('skip')).toEqual(['start', 'end']);
  });

  it('bufferOne keeps one, and bufferAll all', async () => {
    await due('bufferOne', 3);
    await due('bufferAll', 3);
    expect((await over('bufferone')).map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'skipped']);
    expect((await over('bufferall')).map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'ok']);
    expect(logOf('bufferOne')).toEqual(['start', 'end', 'start', 'end']);
    expect(logOf('bufferAll')).toEqual(['start', 'end', 'start', 'end', 'start', 'end']);
  });

  it.each(['cancelOther', 'terminateOther'])(
    '%s ends the run that goes on before it starts',
    async (overlap) => {
      await due(overlap, 2);
      const [first, second] = await over(overlap.toLowerCase());
      expect(first).toMatchObject({
        verdict: 'failed',
        reason: expect.stringContaining('overlap: the slot of'),
      });
      expect(second).toMatchObject({ verdict: 'ok' });
      expect(Date.parse(second?.startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(first?.finishedAt ?? ''));
      expect(logOf(overlap)).toEqual(['start', 'start', 'end']);
      expect(told(overlap.toLowerCase())).toEqual([]);
    },
  );

  it('allowAll lets them run side by side', async () => {
    await due('allowAll', 2);
    await over('allowall');
    expect(logOf('allowAll')).toEqual(['start', 'start', 'end', 'end']);
  });
});

describe('people', () => {
  it('pause a job over slots, resume it, and backfill what was skipped', async () => {
    const from = new Date().toISOString();
    expect((await stack.cli('cron', 'pause', 'good', '--by', 'alice', '--note', 'holiday')).code).toBe(0);
    const { schedule } = client;
    expect((await schedule.getHandle('cron:shop:good').describe()).state).toMatchObject({
      paused: true,
      note: 'paused by alice: holiday',
    });
    const skipped = await eventually(
      'two skipped slots',
      async () => {
        const rows = (await history('good')).filter(({ verdict }) => verdict === 'skipped');
        return rows.length >= 2 ? rows : null;
      },
      60_000,
    );
    expect(skipped[0]?.reason).toBe('paused by alice: holiday');
    await stack.cli('cron', 'resume', 'good', '--by', 'bob');
    const to = skipped[0]?.scheduledAt ?? '';
    const filled = await stack.ask<{ started: string[] }>(
      'cron',
      'backfill',
      'good',
      '--from',
      from,
      '--to',
      to,
    );
    expect(filled.started).toEqual(skipped.map(({ scheduledAt }) => scheduledAt).reverse());
    await eventually(
      'the backfilled runs',
      async () => {
        const rows = await history('good');
        return filled.started.every((slot) =>
          rows.some((row) => row.scheduledAt === slot && row.attempt === 2 && row.verdict === 'ok'),
        );
      },
      60_000,
    );
    // Nothing is left to do.
    expect(
      (await stack.ask<{ started: string[] }>('cron', 'backfill', 'good', '--from', from, '--to', to))
        .started,
    ).toEqual([]);
  });

  it('are told what they got wrong, and nothing is changed', async () => {
    const wrong = async (...words: string[]) => {
      const { code, stdout } = await stack.cli('cron', ...words, '--json');
      return { code, ...(JSON.parse(stdout) as { error: { reason: string; message: string } }) };
    };
    expect(await wrong('run', 'god')).toMatchObject({ code: 1, error: { reason: 'notFound' } });
    expect((await wrong('run', 'god')).error.message).toContain('Did you mean "good"?');
    expect(await wrong('run', 'copy')).toMatchObject({ code: 1, error: { reason: 'conflict' } });
    expect(await wrong('backfill', 'good', '--from', 'yesterday', '--to', '2026-11-01')).toMatchObject({
      code: 2,
    });
    expect(await wrong('backfill', 'good', '--from', '2026-11-02', '--to', '2026-11-01')).toMatchObject({
      code: 2,
    });
    const late = new Date(Date.now() + 3_600_000).toISOString();
    expect(await wrong('backfill', 'good', '--from', '2026-11-02', '--to', late)).toMatchObject({ code: 2 });
  });

  it('end the incident of a job that they remove', async () => {
    expect(await openIncidents('hung')).toHaveLength(1);
    const file = join(stack.directory, 'opsloop.yaml');
    const before = JSON.parse(readFileSync(file, 'utf8')) as { jobs: { name: string }[] };
    stack.configure({ ...before, jobs: before.jobs.filter(({ name }) => name !== 'hung') });
    expect((await stack.cli('apply')).stdout).toContain('stop      job hung');
    await eventually(
      'the end of its incident',
      async () => (await openIncidents('hung')).length === 0,
      120_000,
    );
    stack.configure(before);
    expect((await stack.cli('apply')).stdout).toContain('create    job hung');
    expect((await history('hung')).length).toBeGreaterThan(0);
  });

  it('see what somebody changed in Temporal, and set it back', async () => {
    const handle = client.schedule.getHandle('cron:shop:call');
    await handle.update(
      (before) => ({ ...(before as object), spec: { ...before.spec, timezone: 'Asia/Tokyo' } }) as never,
    );
    const shown = await stack.ask<JobDetailDocument>('cron', 'show', 'call');
    expect(shown.temporal?.drift).toEqual(['time zone: UTC in the configuration, Asia/Tokyo in Temporal']);
    const { stdout } = await stack.cli('apply');
    expect(stdout).toContain('job call (was changed in Temporal; set back)');
    expect((await stack.ask<JobDetailDocument>('cron', 'show', 'call')).temporal?.drift).toEqual([]);
  });

  it('do the same over HTTP', async () => {
    const ask = async (path: string, body?: object): Promise<{ status: number; body: never }> => {
      const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
      const response = await fetch(`${stack.endpoints().api.url}/api/v1/${path}`, init);
      return { status: response.status, body: (await response.json()) as never };
    };
    expect((await ask('cron')).body).toHaveLength(16);
    expect(await ask('cron/good/pause', { by: 'carol' })).toMatchObject({ body: { pausedBy: 'carol' } });
    expect(await ask('cron/good/resume', { by: 'carol' })).toMatchObject({ body: { state: 'active' } });
    const started = await ask('cron/call/run', {});
    expect(started).toMatchObject({ status: 202, body: { job: 'call', trigger: 'manual' } });
    expect(await ask('cron/call/backfill', { from: 'x' })).toMatchObject({
      status: 400,
      body: { error: { field: 'from' } },
    });
    expect(await ask('cron/nobody')).toMatchObject({ status: 404 });
    expect((await ask('cron/call/history?limit=2')).body).toHaveLength(2);
  });

  it('review the week', async () => {
    const { stdout } = await stack.cli('cron', 'review');
    expect(stdout).toMatch(/alwaysFailing {2}all of its 1 run failed/);
    expect(stdout).toContain('opsloop cron pause');
    const review = await stack.ask<{ jobs: { job: string; slots: { ok: number } }[] }>('cron', 'review');
    expect(review.jobs).toHaveLength(16);
    expect(review.jobs.find(({ job }) => job === 'good')?.slots.ok).toBeGreaterThan(3);
  });

  it('find all of the output in a file', () => {
    const folder = join(stack.stateDir, 'logs', 'cron', 'good');
    const [first] = readdirSync(folder);
    expect(readFileSync(join(folder, first ?? ''), 'utf8')).toMatch(/^good .*: 5 rows\n$/);
  });
});
