/** Mistakes of meaning in `jobs`: names twice, two things to do at once, keys without effect, times that never come. */
import { parseSchedule } from '../domain/cron-expression.js';
import { nextSlots } from '../domain/cron-slots.js';
import { formatDuration, parseDuration } from '../domain/duration.js';
import { isTimeZone } from '../domain/time-zone.js';
import { configDefaults } from './defaults.js';
import { asList, asMapping, isGiven } from './raw-data.js';
import type { RawMapping, Report } from './raw-data.js';

const actions = ['command', 'http', 'workflow'] as const;
/** What only something that opsloop starts itself can have. */
const ofStarted = ['retry', 'overlap', 'catchUp', 'jitter', 'killAfter', 'urgent'] as const;
/** What only a command can have. */
const ofCommand = ['cwd', 'env'] as const;

/** `data` is the whole file. */
export const judgeJobs = (data: RawMapping, report: Report): void => {
  const jobs = asList(data.jobs).map(asMapping);
  judgeNames(data, jobs, report);
  jobs.forEach((job, index) => {
    judgeActions(job, index, report);
    judgeTimes(job, index, report);
    judgeSchedule(job, index, report);
  });
};

const judgeNames = (data: RawMapping, jobs: readonly RawMapping[], report: Report): void => {
  const first = new Map<string, number>();
  const pushed = new Map(
    asList(data.services)
      .map(asMapping)
      .flatMap((service, index) =>
        typeof service.name === 'string' &&
        asList(service.checks).some((check) => isGiven(asMapping(check).push))
          ? [[service.name, index]]
          : [],
      ),
  );
  jobs.forEach(({ name }, index) => {
    if (typeof name !== 'string') return;
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, index);
    else
      report(
        ['jobs', index, 'name'],
        `is the name of jobs[${earlier}] already; names must differ, for example ${name}-2`,
      );
    const service = pushed.get(name);
    if (service !== undefined)
      report(
        ['jobs', index, 'name'],
        `is the name of services[${service}], which is pinged by it; names must differ, for example ${name}-job`,
      );
  });
};

const judgeActions = (job: RawMapping, index: number, report: Report): void => {
  const given = actions.filter((action) => isGiven(job[action]));
  const [first, second] = given;
  if (first !== undefined && second !== undefined)
    report(['jobs', index, second], `is given beside ${first}; a job does one of ${actions.join(', ')}`);
  if (first === undefined)
    for (const key of [...ofStarted, ...ofCommand])
      if (isGiven(job[key]))
        report(
          ['jobs', index, key],
          'has no effect: the job runs elsewhere and pings; give it a command, for example command: [./export]',
        );
  if (first === 'http' || first === 'workflow')
    for (const key of ofCommand)
      if (isGiven(job[key]))
        report(['jobs', index, key], `has no effect: only a command has it, not ${first}`);
};

const judgeTimes = (job: RawMapping, index: number, report: Report): void => {
  const expectedMs = typeof job.expected === 'string' ? parseDuration(job.expected) : null;
  const minimumMs = typeof job.minimum === 'string' ? parseDuration(job.minimum) : null;
  if (expectedMs !== null && minimumMs !== null && minimumMs >= 2 * expectedMs)
    report(
      ['jobs', index, 'minimum'],
      `is no less than twice \`expected\`, when every run is ended; for example ${formatDuration(expectedMs / 2)}`,
    );
};

/** Any instant does: a schedule that comes at all comes within nine years. */
const someday = Date.UTC(2026, 0, 1);

const judgeSchedule = ({ schedule, timeZone }: RawMapping, index: number, report: Report): void => {
  if (typeof schedule !== 'string') return;
  const read = parseSchedule(schedule);
  const zone = typeof timeZone === 'string' && isTimeZone(timeZone) ? timeZone : configDefaults.job.timeZone;
  if (read.ok && nextSlots(read.value, zone, someday, 1).length === 0)
    report(['jobs', index, 'schedule'], 'never comes: no month has such a day; for example "0 2 1 * *"');
};
