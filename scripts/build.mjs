// Compiles src into dist and bundles the workflows; `--if-stale` does so only when an input changed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { withLock } from './lock.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stampFile = join(dist, '.build-stamp');
/** Everything is made here and moved at the end, so that a failed build leaves the previous one usable. */
const next = join(dist, '.next');
const inputs = ['src', 'migrations', 'package.json', 'tsconfig.json', 'scripts/build.mjs'];

function filesBelow(path) {
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.flatMap((entry) => {
    const child = join(path, entry.name);
    return entry.isDirectory() ? filesBelow(child) : [child];
  });
}

/** A hash of contents, not of times: a checkout or a copied folder gives every file a new time. */
function hashOfInputs() {
  const hash = createHash('sha256').update(process.versions.node.split('.')[0] ?? '');
  for (const input of inputs) {
    const path = join(root, input);
    const files = /\.\w+$/.test(input) ? [path] : filesBelow(path);
    for (const file of files.sort()) hash.update(`\0${relative(root, file)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

const isFresh = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === hashOfInputs();

function compile() {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const { status, error } = spawnSync(tsc, ['-p', 'tsconfig.json', '--outDir', next], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (error) throw error;
  if (status !== 0)
    throw new Error('src does not compile: see the messages above. dist is as it was before.');
}

/** What is no TypeScript (sources of the Temporal CLI's build, static files) is read at run time: it moves along. */
function copyAssets() {
  const source = join(root, 'src');
  for (const file of filesBelow(source)) {
    if (/\.[cm]?tsx?$/.test(file) || file.endsWith('tsconfig.json')) continue;
    cpSync(file, join(next, relative(source, file)));
  }
}

async function bundleWorkflows() {
  const workflowsPath = join(next, 'workflows', 'index.js');
  if (!existsSync(workflowsPath)) {
    throw new Error(
      'src/workflows/index.ts is missing: it exports every workflow, and the bundle starts there.',
    );
  }
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const payloadConverterPath = join(next, 'workflows', 'payload-converter.js');
  const { code } = await bundleWorkflowCode({
    workflowsPath,
    ...(existsSync(payloadConverterPath) && { payloadConverterPath }),
    logger: new DefaultLogger('WARN'),
  });
  writeFileSync(join(next, 'workflow-bundle.js'), code);
}

/** Packages that go into the command line's own files. */
const bundledPackages = /^(zod|yaml|@stricli\/core)(\/|$)/;

/**
 * Puts the command line, the configuration and the packages that both need into a few files: reading some hundred files
 * one by one made up most of the start of `opsloop validate`. What a command loads later stays as it is.
 */
async function bundleCommandLine() {
  const { build: bundle } = await import('esbuild');
  const folder = join(next, 'client', 'cli');
  const inside = [folder, join(next, 'config'), join(next, 'domain')];
  // The one class that is recognised by identity must exist only once.
  const shared = join(next, 'domain', 'errors.js');
  const isInside = (file) => file !== shared && inside.some((place) => file.startsWith(`${place}${sep}`));
  const places = {
    name: 'places',
    setup: (plugin) => {
      plugin.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const file = resolve(resolveDir, path);
        if (isInside(file) || !file.startsWith(next)) return undefined;
        return { path: relative(folder, file), external: true };
      });
      plugin.onResolve({ filter: /^[^.]/ }, ({ path, kind }) =>
        kind === 'entry-point' || bundledPackages.test(path) ? undefined : { path, external: true },
      );
    },
  };
  await bundle({
    entryPoints: [join(folder, 'main.js')],
    outdir: folder,
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    minifySyntax: true,
    minifyWhitespace: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    chunkNames: 'part-[hash]',
    plugins: [places],
    // yaml is a CommonJS package and asks for modules of Node.js.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

/** Replaces each entry of dist by a rename: a program that runs from dist misses it for microseconds only. */
function moveIntoPlace() {
  const old = join(dist, '.old');
  rmSync(old, { recursive: true, force: true });
  mkdirSync(old);
  rmSync(stampFile, { force: true });
  const made = readdirSync(next);
  for (const name of made) {
    if (existsSync(join(dist, name))) renameSync(join(dist, name), join(old, name));
    renameSync(join(next, name), join(dist, name));
  }
  for (const name of readdirSync(dist)) {
    if (!made.includes(name) && !name.startsWith('.')) rmSync(join(dist, name), { recursive: true });
  }
  rmSync(old, { recursive: true });
  rmSync(next, { recursive: true });
}

async function build() {
  const startedAt = performance.now();
  const hash = hashOfInputs();
  rmSync(next, { recursive: true, force: true });
  mkdirSync(next, { recursive: true });
  compile();
  copyAssets();
  await bundleCommandLine();
  await bundleWorkflows();
  moveIntoPlace();
  writeFileSync(stampFile, hash);
  console.error(`built dist in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** Tells what is missing; an install must succeed without the development dependencies, a start must not. */
function withoutCompiler() {
  if (existsSync(join(dist, 'client'))) {
    console.error('TypeScript is not installed (npm install --omit=dev): dist is used as it is.');
    return 0;
  }
  console.error(
    'dist is missing and TypeScript is not installed, so opsloop cannot be built here.\n' +
      'Run `npm install --include=dev && npm run build`, or install a package that comes with dist.',
  );
  return process.env['npm_lifecycle_event'] === 'prepare' ? 0 : 1;
}

/** Returns the exit code. */
export async function run(options) {
  if (!existsSync(join(root, 'src'))) return 0;
  if (options.onlyIfStale && isFresh()) return 0;
  if (!existsSync(join(root, 'node_modules', '.bin', 'tsc'))) return withoutCompiler();
  mkdirSync(dist, { recursive: true });
  // `npm start` and `npm test` may find the same stale dist at once: one builds, the other waits.
  return withLock(join(dist, '.build-lock'), async () => {
    if (options.onlyIfStale && isFresh()) return 0;
    await build();
    return 0;
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    process.exitCode = await run({ onlyIfStale: process.argv.includes('--if-stale') });
  } catch (error) {
    rmSync(next, { recursive: true, force: true });
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
