/** What people do to loops: pause, resume, trigger, stop, start; each answers with the loop as it is afterwards. */
import type { LoopDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import type { LoopStatus } from '../domain/loop.js';
import { startLoop } from './loop-start.js';
import { loopDocument, readLoops, selectLoops, type Loop } from './loops.js';
import type { Stack } from './stack.js';
import type { Temporal } from './temporal.js';
import { requestWorkflow } from './workflow-request.js';

export const loopVerbs = ['pause', 'resume', 'trigger', 'stop'] as const;
export type LoopVerb = (typeof loopVerbs)[number];

export interface LoopRequest {
  by: string;
  note?: string;
  /** `trigger`: names of the services to check; left out means all. */
  targets?: string[];
}

export interface LoopAnswer {
  document: LoopDocument;
  /** False when no worker answered in time: the request waits in Temporal and is served when one comes back. */
  isAnswered: boolean;
}

/** A tick may take as long as its slowest check, and two may be ahead of it. */
const resultTimeoutMs = 180_000;

/** Sends the update and, when no worker takes it within 5 s, the signal of the same name, which cannot be lost. */
export async function requestLoop(
  temporal: Temporal,
  id: string,
  verb: LoopVerb,
  request: LoopRequest,
): Promise<LoopStatus | null> {
  try {
    return await requestWorkflow<LoopStatus>(temporal, { id, name: verb, input: request, resultTimeoutMs });
  } catch (error) {
    if (!(error instanceof OpsError) || error.reason !== 'notFound') throw error;
    throw new OpsError('conflict', `${id} does not run. Start it: opsloop loops start ${id}`, {
      cause: error,
    });
  }
}

/** Does one thing to all loops meant by an id or a name. Throws OpsError `conflict` when none of them runs. */
export async function controlLoops(
  stack: Stack,
  idOrName: string,
  { verb, request }: { verb: LoopVerb; request: LoopRequest },
): Promise<LoopAnswer[]> {
  const selected = selectLoops(await readLoops(stack), idOrName);
  const running = selected.filter(({ document }) => document.state !== 'stopped');
  if (running.length === 0 && verb !== 'stop') {
    throw new OpsError('conflict', `${idOrName} is stopped. Start it: opsloop loops start ${idOrName}`);
  }
  const temporal = await stack.temporal();
  const answers = await Promise.all(
    running.map(async ({ document }): Promise<LoopAnswer> => {
      const status = await requestLoop(temporal, document.id, verb, request);
      if (status === null) return { document, isAnswered: false };
      return { document: loopDocument(status, Date.now()), isAnswered: true };
    }),
  );
  const stopped = selected.filter(({ document }) => document.state === 'stopped');
  return [...answers, ...stopped.map(({ document }) => ({ document, isAnswered: true }))];
}

/** Starts loops that do not run, as the applied configuration has them; those that run are left alone. */
export async function startLoops(stack: Stack, idOrName: string): Promise<LoopAnswer[]> {
  const selected = selectLoops(await readLoops(stack), idOrName);
  const temporal = await stack.temporal();
  const start = async ({ document, wanted }: Loop): Promise<LoopAnswer> => {
    if (document.state !== 'stopped') return { document, isAnswered: true };
    if (wanted === null) {
      throw new OpsError(
        'conflict',
        `the applied configuration has no ${document.id} any more; it cannot be started.`,
      );
    }
    await startLoop(temporal, stack.environment, wanted);
    return { document: { ...document, state: 'running' }, isAnswered: true };
  };
  return Promise.all(selected.map(start));
}
