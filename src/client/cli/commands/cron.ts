/** `opsloop cron list`, `show`, `history` and `review`. */
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import { executionColumns, jobColumns, jobLines, reviewLines } from '../cron-screen.js';
import { formatTable } from '../table.js';
import { plainText } from '../text-width.js';

export async function listCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { listJobs } = await import('../../cron-jobs.js');
    const jobs = await listJobs(stack);
    output.document(jobs);
    const table = formatTable(jobColumns(Date.now()), jobs, { style: output.style, width: output.width() });
    output.lines(
      jobs.length === 0
        ? ['no jobs: write them under `jobs` in opsloop.yaml, then run `opsloop apply`']
        : table,
    );
  });
}

export async function showCommand(this: CliContext, _flags: GlobalFlags, job: string): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { showJob } = await import('../../cron-jobs.js');
    const document = await showJob(stack, job);
    output.document(document);
    output.lines(jobLines(document, { style: output.style, width: output.width(), now: Date.now() }));
  });
}

export async function historyCommand(
  this: CliContext,
  { limit }: GlobalFlags & { limit: number },
  job?: string,
): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { listExecutions } = await import('../../cron-jobs.js');
    const executions = await listExecutions(stack, { job: job ?? null, limit });
    output.document(executions);
    const options = { style: output.style, width: output.width() };
    const none = job === undefined ? 'no slot was due yet' : `no slot of ${plainText(job)} was due yet`;
    output.lines(
      executions.length === 0 ? [none] : formatTable(executionColumns(Date.now()), executions, options),
    );
  });
}

export async function reviewCommand(
  this: CliContext,
  { since }: GlobalFlags & { since: number },
): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { reviewNow } = await import('../../cron-review.js');
    const review = await reviewNow(stack, { sinceMs: since });
    const iso = (at: number): string => new Date(at).toISOString();
    output.document({
      ...review,
      from: iso(review.from),
      until: iso(review.until),
      madeAt: iso(review.madeAt),
    });
    output.lines(reviewLines(review, { style: output.style }));
  });
}
