/** `npm run bench [name…]`: runs benchmarks one after another, each in a process of its own, and prints their tables. */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { benchmarks, type Benchmark, type Measurement } from './benchmark.js';
import { describeMachine } from './machine.js';
import { readResults, renderMarkdown, renderText, writeResult, type Result } from './results.js';
import { roundsVariable } from './rounds.js';
import { folderVariable, makeWorkFolder, projectRoot, removeWorkFolder } from './work-folder.js';

const usage = `npm run bench -- [--markdown] [--rounds N] [name…]

Runs the named benchmarks, or all:
${benchmarks.map(({ name, title, seconds }) => `  ${name.padEnd(19)} ${title} (about ${seconds} s)`).join('\n')}

--rounds N  how often deployment-rollback and deployment-kill do what they measure
--markdown  prints the newest results as Markdown and runs nothing`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      markdown: { type: 'boolean' },
      rounds: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const unknown = positionals.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
  if (values.help === true || unknown.length > 0) {
    console.log(unknown.length > 0 ? `unknown: ${unknown.join(', ')}\n\n${usage}` : usage);
    return unknown.length > 0 ? 2 : 0;
  }
  if (values.rounds !== undefined && !/^[1-9]\d{0,3}$/.test(values.rounds)) {
    console.log(`--rounds: expected a number such as 50, got ${values.rounds}\n\n${usage}`);
    return 2;
  }
  if (values.rounds !== undefined) process.env[roundsVariable] = values.rounds;
  if (values.markdown === true) {
    const results = readResults();
    console.log(results.length === 0 ? 'no results yet; run `npm run bench` first' : renderMarkdown(results));
    return results.length === 0 ? 1 : 0;
  }
  build();
  const chosen = benchmarks.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  let failures = 0;
  for (const benchmark of chosen) {
    const result = await run(benchmark);
    if (result === null) failures += 1;
    else {
      writeResult(result);
      console.log(`\n${renderText(result)}`);
    }
  }
  return failures === 0 ? 0 : 1;
}

function build(): void {
  const { status } = spawnSync(process.execPath, [join(projectRoot, 'scripts', 'build.mjs'), '--if-stale'], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the product could not be built');
}

/** Null when it failed, with the reason on stderr. Nothing of it is running afterwards. */
async function run({ name, title, seconds }: Benchmark): Promise<Result | null> {
  console.log(`\n${name}: ${title}, about ${seconds} s …`);
  const folder = makeWorkFolder();
  const stop = (signal: NodeJS.Signals): void => {
    void removeWorkFolder(folder).finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stop);
  try {
    const machine = describeMachine();
    const startedAt = Date.now();
    const measurement = await runInProcess(name, folder);
    if (measurement === null) {
      console.error(`${name} failed`);
      return null;
    }
    const { versions, figures, boundBy } = measurement;
    return {
      benchmark: name,
      title,
      startedAt: new Date(startedAt).toISOString(),
      durationMs: Date.now() - startedAt,
      machine: { ...machine, versions: { ...machine.versions, ...versions } },
      boundBy,
      figures,
    };
  } finally {
    await removeWorkFolder(folder);
    for (const signal of signals) process.off(signal, stop);
  }
}

async function runInProcess(name: string, folder: string): Promise<Measurement | null> {
  const child = fork(fileURLToPath(new URL('process.ts', import.meta.url)), [name], {
    env: { ...process.env, [folderVariable]: folder },
  });
  let measurement: Measurement | null = null;
  child.on('message', (message) => (measurement = message as Measurement));
  await once(child, 'exit');
  return measurement;
}

process.exitCode = await main();
