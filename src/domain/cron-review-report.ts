/** The review of jobs as Markdown. */
import type { CronFinding, CronReview, JobReview } from './cron-review.js';
import { formatDuration } from './duration.js';
import { plainMarkdown } from './markdown.js';

const day = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');

const duration = (ms: number): string =>
  formatDuration(ms < 10_000 ? Math.max(1, Math.round(ms)) : Math.round(ms / 1000) * 1000);

/** Jobs with findings first, then the table of all. */
export function reviewMarkdown(review: CronReview): string {
  const { environment, from, until, madeAt, jobs } = review;
  const found = jobs.filter(({ findings }) => findings.length > 0);
  return [
    `# Jobs of ${plainMarkdown(environment)}, ${day(from)} to ${day(until)} UTC`,
    '',
    `Made ${day(madeAt)} UTC. ${jobs.length} job${jobs.length === 1 ? '' : 's'}, ${found.length} with something to look at.`,
    '',
    ...found.flatMap(jobLines),
    '## All jobs',
    '',
    '| job | ok | late | failed | overrun | missed | skipped | retried | p50 | p95 |',
    '| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |',
    ...jobs.map(rowOf),
    '',
  ].join('\n');
}

const jobLines = ({ job, findings }: JobReview): string[] => [
  `## ${plainMarkdown(job)}`,
  '',
  ...findings.map(({ text, recommendation }: CronFinding) => `- ${plainMarkdown(text)}. ${recommendation}`),
  '',
];

function rowOf({ job, slots, retried, runtime, isPaused }: JobReview): string {
  const cells = [
    `${plainMarkdown(job)}${isPaused ? ' (paused)' : ''}`,
    slots.ok,
    slots.late,
    slots.failed,
    slots.overrun,
    slots.missed,
    slots.skipped,
    retried,
    runtime === null ? '' : duration(runtime.p50),
    runtime === null ? '' : duration(runtime.p95),
  ];
  return `| ${cells.join(' | ')} |`;
}
