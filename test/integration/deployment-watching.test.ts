/** Verifying and watching what was deployed: real HTTP servers, a real PostgreSQL, real release directories. */
import { rmSync, symlinkSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { WatchOutcome } from '../../src/activities/deployment-contract.js';
import type { AnalysisMetric } from '../../src/domain/deployment-settings.js';
import type { Service } from '../../src/domain/service.js';
import { httpCheck, postgresCheck } from '../support/checks.js';
import { service } from '../support/configurations.js';
import { startReleasedService, type DeployedService } from '../support/deployed-services.js';
import { deploymentBench, type BenchOptions, type DeploymentBench } from '../support/deployment-bench.js';
import { productDatabase, sql } from '../support/database-runs.js';
import { eventually } from '../support/eventually.js';
import { startHttpServer } from '../support/http-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const { pool, url } = useScratchSchema();

interface Released {
  root: string;
  deployed: DeployedService;
  bench: DeploymentBench;
}

/** v2 is live, of a service whose health depends on the release. */
async function released({
  status = 200,
  changes = {},
  ...options
}: Partial<BenchOptions> & { status?: number; changes?: Partial<Service> } = {}): Promise<Released> {
  const root = await temporaryFolder();
  const deployed = await startReleasedService(root);
  onTestFinished(() => deployed.close());
  deployed.release('v2', status);
  goLive(root, 'v2');
  const own = service('shop', { checks: [httpCheck(deployed.url)], timeoutMs: 5_000, ...changes });
  const bench = await deploymentBench({
    ...{ pool: pool(), databaseUrl: url(), services: [own] },
    ...options,
    settings: {
      ...{ via: { kind: 'directory', root, keep: 5 }, watchEveryMs: 50, verifyWithinMs: 5_000 },
      ...options.settings,
    },
  });
  return { root, deployed, bench };
}

function goLive(root: string, version: string): void {
  rmSync(`${root}/current`);
  symlinkSync(`releases/${version}`, `${root}/current`);
}

/** Answers with these statuses in order, and with the last one from then on. */
async function answering(
  ...statuses: (number | (() => number))[]
): Promise<{ url: string; count: () => number }> {
  let asked = 0;
  const server = await startHttpServer((_request, response) => {
    const status = statuses[Math.min(asked, statuses.length - 1)] ?? 200;
    asked += 1;
    response.writeHead(typeof status === 'number' ? status : status()).end();
  });
  onTestFinished(() => server.close());
  return { url: server.url, count: () => asked };
}

const never = { changes: 1_000, withinMs: 60_000, settleAfterMs: 1 };

describe('verifying', () => {
  const verify = (bench: DeploymentBench, version = 'v2', withinMs = 20_000, services = ['shop']) =>
    bench.call('verifyDeployment', { version, services, isReadyWanted: true, withinMs });

  it('is good as soon as the version is live and its services are healthy', async () => {
    const { bench } = await released();
    expect(await verify(bench)).toMatchObject({
      isGood: true,
      note: expect.stringContaining('v2 is live, shop is healthy after') as string,
    });
  });

  it('waits for a service that becomes healthy late', async () => {
    const { url: late, count } = await answering(503, 503, 503, 200);
    const { bench } = await released({ changes: { checks: [httpCheck(late)] } });
    expect((await verify(bench)).isGood).toBe(true);
    expect(count()).toBe(4);
  });

  it('is bad, with the reason, when it does not become healthy in time', async () => {
    const { bench } = await released({ status: 500 });
    expect(await verify(bench, 'v2', 300)).toEqual({
      isGood: false,
      note: expect.stringMatching(/^not healthy within 300ms: shop is unhealthy: .*500/) as string,
    });
  });

  it('is bad when another version is live, however healthy', async () => {
    const { bench, root } = await released();
    goLive(root, 'v1');
    const { isGood, note } = await verify(bench, 'v2', 300);
    expect(isGood).toBe(false);
    expect(note).toContain('v2 is not what is live: ');
    expect(note).toContain('v1');
    expect((await verify(bench, 'v1', 300)).isGood).toBe(true);
  });

  it('asks only the services that it is given: after a rollback those that worked before', async () => {
    const { bench } = await released({ status: 500 });
    expect(await verify(bench, 'v2', 300, [])).toMatchObject({
      isGood: true,
      note: expect.stringContaining('no service is asked') as string,
    });
  });

  it('goes on with the time that had passed when the worker before was killed', async () => {
    const { bench } = await released({ status: 500 });
    const info = { heartbeatDetails: { passedMs: 3_600_000 } };
    const { result } = bench.begin(
      'verifyDeployment',
      { version: 'v2', services: ['shop'], isReadyWanted: true, withinMs: 3_600_000 },
      info,
    );
    expect((await result).isGood).toBe(false);
  });

  it('tells the worker after it how much time has passed', async () => {
    const { bench, deployed } = await released({ status: 500 });
    const input = { version: 'v2', services: ['shop'], isReadyWanted: true, withinMs: 60_000 };
    const { temporal, result } = bench.begin('verifyDeployment', input);
    const told: { passedMs?: number }[] = [];
    temporal.on('heartbeat', (details: { passedMs?: number }) => told.push(details));
    await eventually('a heartbeat', () => (told[0]?.passedMs ?? 0) > 0);
    deployed.answer('v2', 200);
    expect((await result).isGood).toBe(true);
  });

  it('ends when it is cancelled', async () => {
    const { bench } = await released({ status: 500 });
    const input = { version: 'v2', services: ['shop'], isReadyWanted: true, withinMs: 3_600_000 };
    const { temporal, result } = bench.begin('verifyDeployment', input);
    temporal.cancel();
    await expect(result).rejects.toThrow('CANCELLED');
  });

  it('answers what trying again cannot mend, as the workflow has to go back then', async () => {
    const current = ['echo', '${env:NO_SUCH}'];
    const { bench } = await released({
      settings: { via: { kind: 'command', deploy: [], rollback: [], current, variable: 'V' } },
    });
    expect(await verify(bench)).toMatchObject({
      isGood: false,
      note: expect.stringContaining('NO_SUCH') as string,
    });
    expect(await bench.call('describeDeployment', {})).toEqual({
      version: null,
      text: expect.stringContaining('NO_SUCH') as string,
    });
    expect(
      await bench.call('watchDeployment', { version: 'v2', until: Date.now(), isAnalysed: true }),
    ).toEqual({
      kind: 'failed',
      reason: expect.stringContaining('NO_SUCH') as string,
    });
  });

  it('is tried again while the configuration cannot be read, without telling secrets', async () => {
    const { bench } = await released({
      env: { TOKEN: 'hush-hush-4711' },
      settings: {
        via: { kind: 'command', deploy: [], rollback: [], current: ['echo', '${env:TOKEN}'], variable: 'V' },
      },
    });
    // So that the secret is known.
    await bench.call('describeDeployment', {});
    bench.breakConfiguration('no answer with hush-hush-4711');
    await expect(verify(bench)).rejects.toMatchObject({
      ...{ message: 'no answer with ***', nonRetryable: false, cause: undefined },
      stack: expect.not.stringContaining('hush') as string,
    });
  });
});

const watch = (
  bench: DeploymentBench,
  forMs: number,
  { version = 'v2', isAnalysed = true }: { version?: string; isAnalysed?: boolean } = {},
): Promise<WatchOutcome> => bench.call('watchDeployment', { version, until: Date.now() + forMs, isAnalysed });

describe('watching', () => {
  it('passes what stays healthy, and has the heartbeat look at it', async () => {
    const { bench } = await released();
    expect(await watch(bench, 400)).toMatchObject({
      kind: 'passed',
      note: expect.stringMatching(/^\d+ looks at shop$/) as string,
    });
    expect(bench.asked.length).toBeGreaterThan(0);
    expect(new Set(bench.asked.flat())).toEqual(new Set(['shop']));
  });

  it('fails by k of n, long before its end', async () => {
    const { url: bad } = await answering(200, 500, 200, 500);
    const changes = { checks: [httpCheck(bad)], openAfter: { failures: 2, of: 3 }, flapping: never };
    const { bench } = await released({ changes });
    expect(await watch(bench, 3_600_000)).toEqual({
      kind: 'failed',
      reason: expect.stringContaining('shop is unhealthy (2 of the last 3)') as string,
    });
  });

  it('fails what flaps, although it is never bad for long', async () => {
    let asked = 0;
    const { url: flapping } = await answering(() => ((asked += 1) % 2 === 0 ? 500 : 200));
    const changes = {
      checks: [httpCheck(flapping)],
      flapping: { changes: 3, withinMs: 60_000, settleAfterMs: 1 },
    };
    const { bench } = await released({ changes });
    expect(await watch(bench, 3_600_000)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('shop flaps: it changed 3 times') as string,
    });
  });

  it('goes on beyond its end while the newest result leaves a doubt, and passes when that is settled', async () => {
    const { url: late, count } = await answering(500, 200);
    const { bench } = await released({
      changes: { checks: [httpCheck(late)], openAfter: { failures: 3, of: 3 } },
    });
    expect(await watch(bench, 0)).toMatchObject({ kind: 'passed' });
    expect(count()).toBe(2);
  });

  it('fails what breaks in the last second of the watch', async () => {
    const { bench, deployed } = await released({ settings: { watchEveryMs: 100 } });
    const until = Date.now() + 1_500;
    const { result } = bench.begin('watchDeployment', { version: 'v2', until, isAnalysed: true });
    await eventually('the last second', () => Date.now() > until - 300);
    deployed.answer('v2', 500);
    expect(await result).toMatchObject({ kind: 'failed', reason: expect.stringContaining('500') as string });
  });

  it('fails in the end what cannot be told: unknown is not well', async () => {
    const changes = { checks: [httpCheck('${env:NO_SUCH_ADDRESS}')] };
    const { bench } = await released({ changes, settings: { verifyWithinMs: 200, watchEveryMs: 50 } });
    expect(await watch(bench, 100)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('shop is unknown') as string,
    });
  });

  it('settles a doubt also when the worker was away until long after the end', async () => {
    const { url: late } = await answering(500, 200);
    const { bench } = await released({ changes: { checks: [httpCheck(late)] } });
    expect(await watch(bench, -3_600_000)).toMatchObject({ kind: 'passed' });
  });

  it('fails when somebody changes the version behind its back, where no service is to be asked', async () => {
    const { bench, root } = await released({ services: [] });
    expect(await watch(bench, 100)).toMatchObject({ kind: 'passed' });
    goLive(root, 'v1');
    expect(await watch(bench, 3_600_000)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('v1') as string,
    });
  });

  it('remembers what the worker before it had seen', async () => {
    const seen = {
      name: 'shop',
      results: [false, false],
      changes: [],
      verdict: 'unhealthy',
      reason: 'status 500',
    };
    const heartbeatDetails = { watch: { services: [seen], metrics: [] } };
    const { bench } = await released({
      ...{ status: 500, changes: { openAfter: { failures: 3, of: 3 }, flapping: never } },
      settings: { watchEveryMs: 3_600_000 },
    });
    const { result } = bench.begin(
      'watchDeployment',
      { version: 'v2', until: Date.now() + 7_200_000, isAnalysed: true },
      { heartbeatDetails },
    );
    expect(await result).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('3 of the last 3') as string,
    });
  });

  it('tells the worker after it what it has seen', async () => {
    const { bench } = await released();
    const { temporal, result } = bench.begin('watchDeployment', {
      ...{ version: 'v2', until: Date.now() + 3_600_000, isAnalysed: true },
    });
    const told: { watch?: { services: { name: string; results: boolean[] }[] } }[] = [];
    temporal.on('heartbeat', (details: (typeof told)[number]) => told.push(structuredClone(details)));
    await eventually('a heartbeat', () => told.at(-1)?.watch?.services[0]?.results.includes(true));
    temporal.cancel();
    await expect(result).rejects.toThrow('CANCELLED');
  });

  it('leaves the watch to the next worker when its own one stops', async () => {
    const { bench } = await released();
    const { temporal, result } = bench.begin('watchDeployment', {
      ...{ version: 'v2', until: Date.now() + 3_600_000, isAnalysed: true },
    });
    temporal.cancel('WORKER_SHUTDOWN');
    await expect(result).rejects.toMatchObject({ type: 'unavailable', nonRetryable: false });
  });
});

describe('a metric', () => {
  const metric = (
    source: AnalysisMetric['source'],
    changes: Partial<AnalysisMetric> = {},
  ): AnalysisMetric => ({
    ...{ name: 'errors', source, intervalMs: 50, count: null, timeoutMs: 5_000 },
    ...{ successCondition: '[BODY].errors < 5', failureCondition: null },
    ...{ failureLimit: 0, consecutiveErrorLimit: 4, inconclusiveLimit: 0 },
    ...changes,
  });

  /** Answers with these bodies in order, and with the last one from then on; a number is a status. */
  async function figures(...bodies: (object | number)[]): Promise<{ url: string; count: () => number }> {
    let asked = 0;
    const server = await startHttpServer((_request, response) => {
      const body = bodies[Math.min(asked, bodies.length - 1)] ?? {};
      asked += 1;
      if (typeof body === 'number') response.writeHead(body).end('{"errors": 0}');
      else response.end(JSON.stringify(body));
    });
    onTestFinished(() => server.close());
    return { url: server.url, count: () => asked };
  }

  const measured = async (analysis: AnalysisMetric[], forMs = 400): Promise<WatchOutcome> => {
    const { bench } = await released({ settings: { analysis, verifyWithinMs: 1_000 } });
    return watch(bench, forMs);
  };

  it('over HTTP passes while its condition holds, and says what came last', async () => {
    const { url: source } = await figures({ errors: 3 });
    const outcome = await measured([metric(httpCheck(source))]);
    expect(outcome).toMatchObject({
      kind: 'passed',
      note: expect.stringMatching(/errors measured [1-9]\d* times, last: \[BODY\]/) as string,
    });
  });

  it('over HTTP fails it when there are more failures than its limit', async () => {
    const { url: source, count } = await figures({ errors: 3 }, { errors: 9 }, { errors: 3 }, { errors: 10 });
    expect(await measured([metric(httpCheck(source), { failureLimit: 1 })], 3_600_000)).toEqual({
      kind: 'failed',
      reason: expect.stringMatching(/^metric errors failed 2 times, last: .*10/) as string,
    });
    expect(count()).toBe(4);
  });

  it.each([
    ['an error page, whatever is on it', 503],
    ['an answer without the number', { other: 1 }],
  ])('fails it when %s comes too often in a row', async (_what, body) => {
    const { url: source, count } = await figures(body);
    expect(await measured([metric(httpCheck(source), { consecutiveErrorLimit: 2 })], 3_600_000)).toEqual({
      kind: 'failed',
      reason: expect.stringContaining('metric errors could not be measured 3 times in a row') as string,
    });
    expect(count()).toBe(3);
  });

  it('fails it when its server is away, and not when that is over soon', async () => {
    const away = metric(httpCheck('http://127.0.0.1:1'), { consecutiveErrorLimit: 1 });
    expect(await measured([away], 3_600_000)).toMatchObject({ kind: 'failed' });
    const { url: source } = await figures(503, 503, { errors: 0 });
    expect(await measured([metric(httpCheck(source))], 500)).toMatchObject({ kind: 'passed' });
  });

  it('never passes a metric that got no number until the end', async () => {
    const { url: source } = await figures(503);
    const unlimited = metric(httpCheck(source), { consecutiveErrorLimit: 1_000_000 });
    expect(await measured([unlimited], 100)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('could not be measured') as string,
    });
  });

  it('may be about the status itself', async () => {
    const { url: source } = await figures(503);
    const byStatus = metric(httpCheck(source), { successCondition: '[STATUS] < 500' });
    expect(await measured([byStatus], 3_600_000)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('failed once') as string,
    });
  });

  it('that is neither good nor bad asks a person', async () => {
    const { url: source } = await figures({ errors: 7 });
    const unclear = metric(httpCheck(source), { failureCondition: '[BODY].errors > 10' });
    expect(await measured([unclear], 3_600_000)).toEqual({
      kind: 'inconclusive',
      reason: expect.stringMatching(/^metric errors is neither good nor bad once, last: .*7/) as string,
    });
  });

  it('gives way to one that has failed when another is inconclusive at the same look', async () => {
    const [unclear, bad] = [await figures({ errors: 7 }), await figures({ errors: 9 })];
    const analysis = [
      metric(httpCheck(unclear.url), { failureCondition: '[BODY].errors > 10' }),
      metric(httpCheck(bad.url), { name: 'others' }),
    ];
    expect(await measured(analysis, 3_600_000)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('metric others') as string,
    });
  });

  it('is measured as often as its count says, and no more', async () => {
    const { url: source, count } = await figures({ errors: 0 });
    expect(await measured([metric(httpCheck(source), { count: 2, intervalMs: 20 })], 500)).toMatchObject({
      kind: 'passed',
      note: expect.stringContaining('measured 2 times') as string,
    });
    expect(count()).toBe(2);
  });

  it('is measured when the watch ends, however long its interval', async () => {
    const { url: source, count } = await figures({ errors: 9 });
    const once = metric(httpCheck(source), { count: 1, intervalMs: 3_600_000 });
    expect(await measured([once], 300)).toMatchObject({ kind: 'failed' });
    expect(count()).toBe(1);
  });

  it('is not measured while a person is asked about the watch', async () => {
    const { url: source, count } = await figures({ errors: 9 });
    const { bench } = await released({ settings: { analysis: [metric(httpCheck(source))] } });
    expect(await watch(bench, 300, { isAnalysed: false })).toMatchObject({ kind: 'passed' });
    expect(count()).toBe(0);
  });

  it('is remembered by the worker after it', async () => {
    const { url: source } = await figures({ errors: 9 });
    const { bench } = await released({
      settings: { analysis: [metric(httpCheck(source), { failureLimit: 2 })] },
    });
    const known = {
      name: 'errors',
      measured: 9,
      failures: 2,
      inconclusive: 0,
      errors: 0,
      latest: '',
      nextAt: 0,
    };
    const seen = { name: 'shop', results: [true], changes: [], verdict: 'healthy', reason: '' };
    const { result } = bench.begin(
      'watchDeployment',
      { version: 'v2', until: Date.now() + 3_600_000, isAnalysed: true },
      { heartbeatDetails: { watch: { services: [seen], metrics: [known] } } },
    );
    expect(await result).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('failed 3 times') as string,
    });
  });

  it('in PostgreSQL is the number of a query, and an error while the query cannot be made', async () => {
    const product = await productDatabase();
    await sql(product.url, 'create table failed_order (id int)');
    const source = postgresCheck(product.url, 'select count(*)::int as errors from failed_order');
    const limits = { successCondition: '[BODY].errors < 2', consecutiveErrorLimit: 2 };
    expect(await measured([metric(source, limits)])).toMatchObject({ kind: 'passed' });
    await sql(product.url, 'insert into failed_order values (1), (2)');
    expect(await measured([metric(source, limits)], 3_600_000)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('failed once') as string,
    });
    await sql(product.url, 'drop table failed_order');
    expect(await measured([metric(source, limits)], 3_600_000)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('could not be measured 3 times in a row') as string,
    });
  });
});
