/** Quiet hours and times of planned work, as opsloop.yaml gives them. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';
import type { MuteWindow } from '../../src/domain/alert-policy.js';

const parse = (text: string) =>
  parseConfig(text, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });

const problemsOf = (text: string): string[] => {
  const parsed = parse(text);
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const muteOf = (window: string): MuteWindow | undefined => {
  const parsed = parse(`alerts: {mute: [${window}]}`);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.config.applied.alerts.mute[0];
};

describe('a time in which alerts are held back', () => {
  it('goes over midnight, and holds for every alert on every day by UTC when nothing else is said', () => {
    expect(muteOf('{between: 22:00-07:00}')).toEqual({
      match: {},
      fromMinute: 1_320,
      toMinute: 420,
      days: null,
      timeZone: 'UTC',
      below: null,
    });
  });

  it.each([
    ['00:00-24:00', 0, 0],
    ['02:00-02:00', 120, 120],
    ['18:30-24:00', 1_110, 0],
    ['00:00-23:59', 0, 1_439],
  ])('takes %s', (between, fromMinute, toMinute) => {
    expect(muteOf(`{between: "${between}"}`)).toMatchObject({ fromMinute, toMinute });
  });

  it('takes days in any order, once each, or a single one', () => {
    expect(muteOf('{between: 01:00-02:00, days: [sat, sun, sat]}')?.days).toEqual([0, 6]);
    expect(muteOf('{between: 01:00-02:00, days: wed}')?.days).toEqual([3]);
    expect(muteOf('{between: 01:00-02:00, days: null}')?.days).toBeNull();
  });

  it('takes time zones by name, a severity below which it holds, and a match', () => {
    expect(
      muteOf('{between: 01:00-02:00, timeZone: Europe/Oslo, below: critical, match: {tags: web}}'),
    ).toMatchObject({ timeZone: 'Europe/Oslo', below: 'critical', match: { tags: ['web'] } });
    for (const timeZone of ['UTC', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5', 'Asia/Kathmandu'])
      expect(muteOf(`{between: 01:00-02:00, timeZone: ${timeZone}}`)?.timeZone).toBe(timeZone);
  });

  it('is planned work without a severity', () => {
    const parsed = parse('maintenanceWindows: [{match: {tags: [web]}, between: "02:00-02:30", days: [sun]}]');
    expect(parsed.ok && parsed.config.applied.maintenanceWindows).toEqual([
      { match: { tags: ['web'] }, fromMinute: 120, toMinute: 150, days: [0], timeZone: 'UTC', below: null },
    ]);
    expect(problemsOf('maintenanceWindows: [{between: 02:00-02:30, below: high}]')).toEqual([
      expect.stringContaining('maintenanceWindows[0].below: unknown key "below"'),
    ]);
  });

  it.each<[string, string]>([
    ['{days: [sun]}', '.between: is missing: a time of day "from-to"; for example 22:00-07:00'],
    ['{between: 2200-0700}', '.between: "2200-0700" is not a time of day'],
    ['{between: 24:00-07:00}', '.between: "24:00-07:00" is not a time of day'],
    ['{between: 22:00-24:01}', '.between: "22:00-24:01" is not a time of day'],
    ['{between: 22:60-07:00}', '.between: "22:60-07:00" is not a time of day'],
    ['{between: 22:00}', 'between'],
    ['{between: 01:00-02:00, days: []}', '.days: a list is empty'],
    ['{between: 01:00-02:00, days: [sunn]}', '.days[0]: "sunn" is not a day: sun, mon,'],
    ['{between: 01:00-02:00, days: tues}', 'did you mean "tue"?'],
    ['{between: 01:00-02:00, timeZone: Europe/Olso}', 'is not a time zone; did you mean "Europe/Oslo"?'],
    ['{between: 01:00-02:00, timeZone: "+01:00"}', '"+01:00" is not a time zone; for example Europe/Oslo'],
    ['{between: 01:00-02:00, timeZone: Oslo time}', '"Oslo time" is not a time zone'],
    ['{between: 01:00-02:00, timeZone: "${env:TZ}"}', 'is not a time zone'],
    ['{between: 01:00-02:00, timeZone: 1}', '1 is not a time zone'],
    ['{between: 01:00-02:00, below: low}', '.below: "low" holds nothing back: nothing is less severe'],
    ['{between: 01:00-02:00, below: hihg}', 'did you mean "high"?'],
    ['{between: 01:00-02:00, match: {tag: a}}', '.match.tag: unknown key "tag"; did you mean "tags"?'],
  ])('is not %s', (window, expected) => {
    const problems = problemsOf(`alerts: {mute: [${window}]}`);
    expect(problems, problems.join('\n')).toHaveLength(1);
    expect(problems[0]).toContain('alerts.mute[0]');
    expect(problems[0]).toContain(expected);
  });

  it('is judged quickly when thousands of time zones are wrong', () => {
    const mute = Array.from({ length: 5_000 }, (_, index) => ({
      between: '22:00-07:00',
      timeZone: `Europe/Olso${index}`,
    }));
    expect(problemsOf(JSON.stringify({ alerts: { mute } }))).toHaveLength(5_000);
  }, 60_000);
});
