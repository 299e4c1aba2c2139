/** Crontabs: fifty lines as they are found on machines, and the jobs that they become. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';
import { jobsYaml, readCrontab } from '../../src/domain/crontab.js';
import type { JobSettings } from '../../src/domain/job.js';

const jobsOf = (yaml: string): JobSettings[] => {
  const parsed = parseConfig(yaml, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.config.applied.jobs ?? [];
};

const imported = (text: string, hasUser = false) => {
  const reading = readCrontab(text, { hasUser });
  return { reading, jobs: jobsOf(jobsYaml(reading)) };
};

describe('a crontab', () => {
  it('of fifty lines becomes fifty jobs that the configuration takes', () => {
    const text = readFileSync(new URL('../fixtures/crontab-50', import.meta.url), 'utf8');
    const { reading, jobs } = imported(text);
    expect(jobs).toHaveLength(50);
    expect(new Set(jobs.map(({ name }) => name)).size).toBe(50);
    expect(reading.notes).toEqual([
      expect.stringMatching(/line \d+: MAILTO=ops@example\.org: add a channel/),
      expect.stringMatching(/@reboot.*is not taken over/),
      expect.stringMatching(/first %/),
    ]);
    const backup = jobs.find(({ name }) => name === 'backup-db');
    expect(backup).toMatchObject({
      schedule: '15 2 * * *',
      timeZone: 'Europe/Oslo',
      purpose: 'Nightly dump, kept for 30 days',
      action: {
        command: ['/bin/bash', '-c', '/usr/local/bin/backup-db.sh --all >> /var/log/backup.log 2>&1'],
      },
    });
    expect(backup?.action).toMatchObject({ env: { PATH: '/usr/local/bin:/usr/bin:/bin' } });
  });

  it('gives what stands after a % to the command, and takes an escaped one as it is', () => {
    const { jobs } = imported('0 1 * * * mail -s "it\'s \\%d" root%line one%line two\n');
    expect(jobs[0]?.action).toMatchObject({
      command: ['/bin/sh', '-c', `printf '%s\\n' 'line one\nline two' | { mail -s "it's %d" root; }`],
    });
  });

  it('takes a column of users, and keeps whom it was', () => {
    const { reading, jobs } = imported('17 * * * * root cd / && run-parts --report /etc/cron.hourly\n', true);
    expect(jobs).toMatchObject([{ name: 'run-parts', schedule: '17 * * * *' }]);
    expect(jobsYaml(reading)).toContain('# ran as root');
  });

  it('notes what it cannot take, with its line', () => {
    const { reading, jobs } = imported(
      'MAILTO=""\nTZ=Mars/Olympus\n* * * *\n99 * * * * /bin/true\n0 5 * * * /bin/x\n',
    );
    expect(jobs).toHaveLength(1);
    expect(reading.notes).toEqual([
      expect.stringContaining('line 1: MAILTO=""'),
      expect.stringContaining('line 2: TZ=Mars/Olympus is no time zone'),
      expect.stringContaining('line 3: "* * * *" has too few fields'),
      expect.stringMatching(/line 4: .*minute "99" is not understood/),
    ]);
  });

  it('without a job is an empty list', () => {
    expect(jobsYaml(readCrontab('# nothing\n', { hasUser: false }))).toBe('jobs: []\n');
  });
});
