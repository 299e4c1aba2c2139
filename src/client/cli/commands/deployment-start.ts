/** `opsloop deploy start`: starts a deployment, and with `--wait` shows it phase by phase until it is over. */
import { documentOf } from '../../../domain/deployment-document.js';
import type { DeploymentDocument } from '../../../domain/documents.js';
import { OpsError } from '../../../domain/errors.js';
import type { StartedDeployment } from '../../deployment-execution.js';
import type { DeploymentLook } from '../../deployment-watching.js';
import type { Stack } from '../../stack.js';
import { defaultPerson, withStack, type CliContext, type GlobalFlags } from '../context.js';
import { deploymentChanges } from '../deployment-changes.js';
import { deploymentLines, liveLines, nextStep } from '../deployment-screen.js';
import { lookRepeatedly, onScreen } from '../live-screen.js';
import { shellWord } from '../shell-word.js';
import { plainText } from '../text-width.js';

const pollMs = 500;
const redrawMs = 1_000;
/** Of a process that SIGINT ended, as shells count: it did not see the end. */
const leftEarly = 130;

interface StartFlags extends GlobalFlags {
  wait?: boolean;
  by?: string;
  /** The reason; empty: it is in `reason`. */
  force?: string;
  reason?: string;
}

/** The reason why it shall go on in spite of an open critical incident; null: it shall not. */
function forceOf({ force, reason }: StartFlags): string | null {
  const text = (force ?? '').trim() === '' ? (reason ?? '') : (force ?? '');
  if (force !== undefined && text.trim() === '')
    throw new OpsError(
      'invalidInput',
      '--force needs a reason, which is recorded: --force "it mends the outage"',
      {
        field: 'reason',
      },
    );
  if (force === undefined && reason !== undefined)
    throw new OpsError('invalidInput', '--reason says why --force is used: --force --reason TEXT', {
      field: 'force',
    });
  return force === undefined ? null : text;
}

export async function startCommand(
  this: CliContext,
  flags: StartFlags,
  target: string,
  version: string,
): Promise<void> {
  const { output, env } = this;
  const force = forceOf(flags);
  // Said without asking anybody.
  const { requireVersion } = await import('../../deployment-request.js');
  requireVersion(version);
  const by = flags.by ?? (await defaultPerson(env));
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { readStarted, startDeployment } = await import('../../deployment-start.js');
    const started = await startDeployment(stack, { target, version, by, force });
    if (flags.wait === true) return waitForEnd(this, stack, started);
    const deployment = await readStarted(stack, started);
    output.document(deployment);
    const word = shellWord(target);
    output.lines([
      `${plainText(target)}: the deployment of ${plainText(version)} has begun; see: opsloop deploy status ${word}`,
      ...(deployment.state === 'running' ? [] : [`next: ${nextStep(deployment)}`]),
    ]);
  });
}

const documentOfLook = ({ record }: DeploymentLook): DeploymentDocument => documentOf(record, Date.now());

async function waitForEnd(context: CliContext, stack: Stack, started: StartedDeployment): Promise<void> {
  const { output } = context;
  const { followDeployment } = await import('../../deployment-watching.js');
  const read = followDeployment(stack, started);
  const last = await (output.isTty && !output.isJson
    ? waitOnScreen(context, read)
    : waitByLines(context, read));
  if (last !== null) output.document(documentOfLook(last));
  const word = shellWord(started.target);
  if (last?.isOver !== true) {
    context.setExitCode(leftEarly);
    output.note(
      `the deployment goes on without this command; follow it: opsloop deploy status ${word}; end it: opsloop deploy abort ${word}`,
    );
    return;
  }
  if (last.lost !== null) output.note(plainText(last.lost));
  if (last.record.state !== 'succeeded') context.setExitCode(1);
}

type Read = () => Promise<DeploymentLook>;

async function waitOnScreen({ output }: CliContext, read: Read): Promise<DeploymentLook | null> {
  let last: DeploymentLook | null = null;
  const shown = (look: DeploymentLook, lines: typeof liveLines): string[] =>
    lines(documentOfLook(look), { style: output.style, width: output.width(), now: Date.now() });
  await onScreen(output, async (draw) => {
    const redraw = (): void => {
      if (last === null) return;
      const problem = last.waitsFor === null ? null : new OpsError('unavailable', last.waitsFor);
      draw(shown(last, liveLines), problem);
    };
    // Running times go on while an answer takes its time.
    const timer = setInterval(redraw, redrawMs);
    try {
      await lookRepeatedly({
        pollMs,
        read,
        show: async (look) => {
          if (look instanceof OpsError) return false;
          last = look;
          redraw();
          return look.isOver;
        },
      });
    } finally {
      clearInterval(timer);
    }
  });
  // What the alternate screen showed last would be gone otherwise.
  if (last !== null) output.lines(shown(last, deploymentLines));
  return last;
}

async function waitByLines({ output }: CliContext, read: Read): Promise<DeploymentLook | null> {
  let last: DeploymentLook | null = null;
  let told: DeploymentDocument | null = null;
  let waitedFor: string | null = null;
  await lookRepeatedly({
    pollMs,
    read,
    show: async (look) => {
      if (look instanceof OpsError) return false;
      last = look;
      const document = documentOfLook(look);
      output.lines(deploymentChanges(told, document, new Date().toISOString()));
      told = document;
      if (look.waitsFor !== waitedFor && look.waitsFor !== null) output.note(plainText(look.waitsFor));
      waitedFor = look.waitsFor;
      return look.isOver;
    },
  });
  return last;
}
