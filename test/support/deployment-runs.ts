/** Deployments asked of a running stack: by the built command, and looked at by the API, which is quicker. */
import type { DeploymentDocument } from '../../src/domain/documents.js';
import { eventually } from './eventually.js';
import type { Stack } from './stack.js';

export interface DeploymentAnswer<T> {
  code: number | null;
  body: T & { error?: { reason: string; message: string; field: string } };
}

const limitMs = 60_000;

/** `deploy WORDS --json`: its document, and its exit code. */
export async function deploy<T = DeploymentDocument>(
  stack: Stack,
  ...words: string[]
): Promise<DeploymentAnswer<T>> {
  const { code, stdout, stderr } = await stack.cli('deploy', ...words, '--json');
  try {
    return { code, body: JSON.parse(stdout) as DeploymentAnswer<T>['body'] };
  } catch (cause) {
    throw new Error(`deploy ${words.join(' ')} ended with ${code}: ${stdout}${stderr}`, { cause });
  }
}

/** Null: it is not there (yet). */
async function lookAt(stack: Stack, target: string, number: number): Promise<DeploymentDocument | null> {
  const answer = await fetch(`${stack.endpoints().api.url}/api/v1/deployments/${target}/${number}`);
  return answer.ok ? ((await answer.json()) as DeploymentDocument) : null;
}

/** The deployment as soon as it is in that phase. Throws when it is over before. */
export const whenPhase = (
  stack: Stack,
  { target, number, phase }: { target: string; number: number; phase: DeploymentDocument['phase'] },
): Promise<DeploymentDocument> =>
  eventually(
    `${phase} of deployment ${number} of ${target}`,
    async () => {
      const shown = await lookAt(stack, target, number);
      if (shown?.phase === phase) return shown;
      if ((shown?.finishedAt ?? null) !== null) throw new Error(`it is over: ${JSON.stringify(shown)}`);
      return null;
    },
    limitMs,
  );

export const whenOver = (stack: Stack, target: string, number: number): Promise<DeploymentDocument> =>
  eventually(
    `the end of deployment ${number} of ${target}`,
    async () => {
      const shown = await lookAt(stack, target, number);
      return (shown?.finishedAt ?? null) === null ? null : shown;
    },
    limitMs,
  );

/** Of one phase. */
export const phaseOf = (
  { phases }: DeploymentDocument,
  name: DeploymentDocument['phase'],
): DeploymentDocument['phases'][number] => {
  const found = phases.find((phase) => phase.name === name);
  if (found === undefined) throw new Error(`there is no phase ${name} in ${JSON.stringify(phases)}`);
  return found;
};
