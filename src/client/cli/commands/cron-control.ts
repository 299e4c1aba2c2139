/** `opsloop cron run`, `pause`, `resume` and `backfill`. */
import type { ExecutionDocument } from '../../../domain/cron-document.js';
import { executionColumns } from '../cron-screen.js';
import { defaultPerson, withStack, type CliContext, type GlobalFlags } from '../context.js';
import { formatTable } from '../table.js';
import { plainText } from '../text-width.js';
import { localTime } from '../time-text.js';

export async function runCommand(
  this: CliContext,
  { wait }: GlobalFlags & { wait?: boolean },
  job: string,
): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { runJobNow, waitForSlot } = await import('../../cron-control.js');
    const started = await runJobNow(stack, job);
    if (wait !== true) {
      output.document(started);
      output.lines([`${plainText(job)} is started; see: opsloop cron history ${plainText(job)}`]);
      return;
    }
    const show = ({ attempt, verdict, reason }: ExecutionDocument): void => {
      if (!output.isJson)
        output.lines([
          `${plainText(job)}, attempt ${attempt}: ${verdict}${reason === null ? '' : `: ${plainText(reason)}`}`,
        ]);
    };
    const end = await waitForSlot(stack, started, show);
    output.document(end);
    const options = { style: output.style, width: output.width() };
    output.lines(formatTable(executionColumns(Date.now()), [end], options));
    if (end.verdict !== 'ok' && end.verdict !== 'late') this.setExitCode(1);
  });
}

type PauseFlags = GlobalFlags & { by?: string; note?: string };

/** Each does what it is asked to for one job, and shows the job as it is then. */
export async function pauseCommand(this: CliContext, flags: PauseFlags, job: string): Promise<void> {
  const by = flags.by ?? (await defaultPerson(this.env));
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { pauseJob } = await import('../../cron-control.js');
    await pauseJob(stack, job, { by, note: flags.note ?? null });
    await printJob(
      this,
      stack,
      job,
      `${plainText(job)} is paused; its slots are skipped until it is resumed`,
    );
  });
}

export async function resumeCommand(
  this: CliContext,
  flags: GlobalFlags & { by?: string },
  job: string,
): Promise<void> {
  const by = flags.by ?? (await defaultPerson(this.env));
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { resumeJob } = await import('../../cron-control.js');
    await resumeJob(stack, job, by);
    await printJob(this, stack, job, `${plainText(job)} is resumed`);
  });
}

async function printJob(
  { output }: CliContext,
  stack: Parameters<typeof import('../../cron-jobs.js').listJobs>[0],
  name: string,
  text: string,
): Promise<void> {
  const { listJobs } = await import('../../cron-jobs.js');
  const job = (await listJobs(stack)).find((known) => known.name === name);
  output.document(job ?? null);
  const next = job?.nextAt === null || job === undefined ? '' : `; next ${localTime(job.nextAt)}`;
  output.lines([`${text}${next}`]);
}

type BackfillFlags = GlobalFlags & { from: number; to: number; all?: boolean };

export async function backfillCommand(
  this: CliContext,
  { from, to, all }: BackfillFlags,
  job: string,
): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { backfillJob } = await import('../../cron-control.js');
    const isShown = output.isTty && !output.isJson;
    const onProgress = (started: number, slots: number): void => {
      if (isShown) output.raw(`\r${started} of ${slots} slots begun\u001b[K`);
    };
    const done = await backfillJob(stack, job, { from, to, isAll: all ?? false }, onProgress).finally(() => {
      if (isShown) output.raw('\r\u001b[K');
    });
    output.document(done);
    const name = plainText(job);
    output.lines([
      `${done.started.length} of ${done.slots} slots of ${name} are run` +
        (done.left.length === 0 ? '' : `; ${done.left.length} are done or under way already`),
      ...(done.started.length === 0 ? [] : [`see: opsloop cron history ${name}`]),
    ]);
  });
}
