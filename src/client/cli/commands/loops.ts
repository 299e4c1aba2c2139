/** `opsloop loops list`, `show`, and the verbs that change a loop. */
import type { LoopDocument } from '../../../domain/documents.js';
import type { LoopAnswer, LoopVerb } from '../../loop-control.js';
import { defaultPerson, withStack, type CliContext, type GlobalFlags } from '../context.js';
import { loopColumns } from '../status-screen.js';
import { formatTable } from '../table.js';
import { plainText } from '../text-width.js';

function printLoops({ output }: CliContext, loops: LoopDocument[]): void {
  const table = formatTable(loopColumns(Date.now()), loops, { style: output.style, width: output.width() });
  output.lines(loops.length === 0 ? ['no loops were applied yet: run `opsloop apply`'] : table);
}

export async function listCommand(
  this: CliContext,
  { limit }: GlobalFlags & { limit: number },
): Promise<void> {
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { readLoops } = await import('../../loops.js');
    const loops = (await readLoops(stack)).slice(0, limit).map(({ document }) => document);
    this.output.document(loops);
    printLoops(this, loops);
  });
}

/** What a loop says beyond its row: one line each, lists of objects as one line per item. */
function extraLines(document: Record<string, unknown>): string[] {
  const known = new Set([
    'id',
    'loop',
    'target',
    'state',
    'pausedBy',
    'note',
    'lastAt',
    'nextAt',
    'count',
    'missed',
    'stale',
  ]);
  const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  return Object.entries(document)
    .filter(([key]) => !known.has(key))
    .flatMap(([key, value]) =>
      Array.isArray(value) && value.length > 0
        ? [`  ${key}`, ...value.map((item) => `    ${plainText(textOf(item))}`)]
        : [`  ${key.padEnd(12)} ${plainText(textOf(value))}`],
    );
}

export async function showCommand(this: CliContext, _flags: GlobalFlags, idOrName: string): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { readLoops, selectLoops, showLoop } = await import('../../loops.js');
    const selected = selectLoops(await readLoops(stack), idOrName);
    const details = await Promise.all(selected.map((loop) => showLoop(stack, loop)));
    const documents = details.map(({ document }) => document);
    output.document(documents.length === 1 ? documents[0] : documents);
    for (const { document, isAnswered } of details) {
      if (!isAnswered) {
        output.note(
          `${document.id}: no worker answered; this is what the loop recorded last. Is a worker running?`,
        );
      }
      printLoops(this, [document]);
      output.lines(extraLines(document));
    }
  });
}

const waitingText = (id: string, verb: string): string =>
  `${id}: no worker answered, so ${verb} was sent as a signal: it is done when one does.`;

function printAnswers(context: CliContext, verb: string, answers: LoopAnswer[]): void {
  for (const { document, isAnswered } of answers)
    if (!isAnswered) context.output.note(waitingText(document.id, verb));
  const documents = answers.map(({ document }) => document);
  context.output.document(documents);
  printLoops(context, documents);
}

type VerbFlags = GlobalFlags & { by?: string; note?: string };

const verbCommand = (verb: LoopVerb) =>
  async function run(this: CliContext, flags: VerbFlags, idOrName: string): Promise<void> {
    const by = flags.by ?? (await defaultPerson(this.env));
    const request = flags.note === undefined ? { by } : { by, note: flags.note };
    await withStack(this, { needsTemporal: true }, async (stack) => {
      const { controlLoops } = await import('../../loop-control.js');
      printAnswers(this, verb, await controlLoops(stack, idOrName, { verb, request }));
    });
  };

async function startCommand(this: CliContext, _flags: VerbFlags, idOrName: string): Promise<void> {
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { startLoops } = await import('../../loop-control.js');
    printAnswers(this, 'start', await startLoops(stack, idOrName));
  });
}

export const verbCommands = {
  pause: verbCommand('pause'),
  resume: verbCommand('resume'),
  trigger: verbCommand('trigger'),
  stop: verbCommand('stop'),
  start: startCommand,
};
