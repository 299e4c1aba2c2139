// A little pipeline: extract, transform, load. It writes its run and its steps into two tables, and its files into one folder.
//
//   node pipeline.mjs RUN [--fail STEP] [--stop-at STEP]
//
// Run it in the folder of opsloop.yaml while `opsloop up` runs there, or set PIPELINE_DB. `--fail` makes a step fail,
// `--stop-at` lets the pipeline die in the middle of a step, as a machine that is switched off would.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { fail: { type: 'string' }, 'stop-at': { type: 'string' } },
});
const [run] = positionals;
if (run === undefined) {
  console.error('usage: node pipeline.mjs RUN [--fail STEP] [--stop-at STEP]');
  process.exit(2);
}

const databaseUrl = () =>
  process.env.PIPELINE_DB ?? JSON.parse(readFileSync('.opsloop/run/endpoints.json', 'utf8')).database.url;

const directory = join('work', encodeURIComponent(run));
const files = (name) => join(directory, name);

const steps = {
  extract: () => {
    const rows = Array.from({ length: 20_000 }, (_none, id) => ({
      id,
      price: (id * 7919) % 1000,
      note: 'lorem ipsum',
    }));
    writeFileSync(files('rows.json'), JSON.stringify(rows));
    return `${rows.length} rows`;
  },
  transform: () => {
    const rows = JSON.parse(readFileSync(files('rows.json'), 'utf8'));
    writeFileSync(files('prices.csv'), rows.map(({ id, price }) => `${id},${price}\n`).join(''));
    writeFileSync(files('sample.bin'), randomBytes(200_000));
    return `${rows.length} prices`;
  },
  load: () => {
    const sum = createHash('sha256')
      .update(readFileSync(files('prices.csv')))
      .digest('hex');
    writeFileSync(files('loaded.txt'), `${sum}\n`);
    return sum.slice(0, 12);
  },
};

const database = new pg.Client({ connectionString: databaseUrl() });
await database.connect();
// Where opsloop shares a database with others, its tables are in a schema of its own.
await database.query('set search_path to opsloop, public');
const write = (text, parameters) => database.query(text, parameters);

mkdirSync(directory, { recursive: true });
await write(
  `insert into runs (id, name, state, started_at) values ($1, $2, 'running', now())
   on conflict (id) do update set state = 'running', started_at = now(), finished_at = null`,
  [run, 'nightly prices'],
);
// All steps are announced before the first one ends: the run is over when all that are known are.
for (const step of Object.keys(steps))
  await write(
    `insert into steps (run_id, name, state) values ($1, $2, 'pending')
     on conflict (run_id, name) do update set state = 'pending', error = null, started_at = null, finished_at = null`,
    [run, step],
  );

let failed = null;
for (const [step, work] of Object.entries(steps)) {
  await write(`update steps set state = 'running', started_at = now() where run_id = $1 and name = $2`, [
    run,
    step,
  ]);
  if (values['stop-at'] === step) process.exit(9);
  try {
    if (values.fail === step) throw new Error(`${step} was asked to fail`);
    console.log(`${run}: ${step}: ${work()}`);
    await write(`update steps set state = 'succeeded', finished_at = now() where run_id = $1 and name = $2`, [
      run,
      step,
    ]);
  } catch (error) {
    failed = error.message;
    await write(
      `update steps set state = 'failed', error = $3, finished_at = now() where run_id = $1 and name = $2`,
      [run, step, failed],
    );
    break;
  }
}
await write('update runs set state = $2, finished_at = now() where id = $1', [
  run,
  failed === null ? 'succeeded' : 'failed',
]);
await database.end();
if (failed !== null) {
  console.error(`${run}: ${failed}`);
  process.exit(1);
}
