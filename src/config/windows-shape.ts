/** The shape of what alerts are matched by, and of the recurring times in which they are held back. */
import * as z from 'zod/mini';
import { alertEvents } from '../domain/alert.js';
import { severities } from '../domain/service.js';
import { configDefaults } from './defaults.js';
import * as leaves from './leaves.js';
import { mapping, nullable, optional, required } from './mappings.js';
import { dayNames, isTimeZoneText, parseBetween } from './window-times.js';

const wordsOf = <S extends z.ZodMiniType>(word: S, expected: string, example: string) =>
  leaves.oneOrMore(word, `a list of ${expected}`, `[${example}]`);

const anyWord = (expected: string, example: string) =>
  wordsOf(leaves.text({ expected: `a text, or a list of ${expected}`, example }), expected, example);

/** Every key fits when one of its words does; an alert must fit all keys that are given. */
const matcherShape = mapping(
  {
    event: optional(wordsOf(leaves.oneOf(alertEvents, 'an event'), 'events', 'opened'), 'What happened.'),
    loop: optional(anyWord('loops', 'heartbeat'), 'The loop that found it.'),
    type: optional(anyWord('types of incidents', 'unhealthy'), 'Type of the incident.'),
    target: optional(anyWord('targets', 'api'), 'What it happened to, for example a service.'),
    severity: optional(
      wordsOf(leaves.oneOf(severities, 'a severity'), 'severities', 'critical'),
      'How bad it is.',
    ),
    tags: optional(anyWord('tags', 'web'), 'One of the tags of the target.'),
  },
  '{severity: [critical, high], tags: [web]}',
).check(z.meta({ id: 'match' }));

/** Late, so that the JSON Schema holds it once, whatever is said about it where it is used. */
export const matcher = () => z.lazy(() => matcherShape);

export type MatcherShape = z.infer<typeof matcherShape>;

const between = leaves.text({
  expected: 'a time of day "from-to"',
  example: '22:00-07:00',
  isValid: (value) => parseBetween(value) !== null,
  pattern: '^([01]\\d|2[0-3]):[0-5]\\d-(([01]\\d|2[0-3]):[0-5]\\d|24:00)$',
});

/** Whether there is such a zone is judged with the meaning of the file, where suggestions are bounded. */
const timeZone = leaves.text({
  expected: 'a time zone',
  example: 'Europe/Oslo',
  isValid: isTimeZoneText,
});

const windowKeys = {
  match: optional(matcher(), 'What is held back; left out: every alert.'),
  between: required(between, 'From and to, by the clock of the time zone; over midnight; equal: all day.'),
  days: nullable(
    wordsOf(leaves.oneOf(dayNames, 'a day'), 'days', 'sun'),
    'Days on which it begins; null: every day.',
    configDefaults.window.days,
  ),
  timeZone: optional(timeZone, 'Time zone by its IANA name.', configDefaults.window.timeZone),
};

export const maintenanceWindowShape = mapping(windowKeys, '{between: "02:00-02:30", days: [sun]}');

const below = leaves
  .oneOf(severities, 'a severity')
  .check(
    leaves.judged((value) =>
      value === 'low' ? 'holds nothing back: nothing is less severe; for example below: critical' : null,
    ),
  );

export const muteShape = mapping(
  {
    ...windowKeys,
    below: nullable(
      below,
      'Only what is less severe than this is held back; null: everything.',
      configDefaults.window.below,
    ),
  },
  '{between: "22:00-07:00", timeZone: Europe/Oslo, below: critical}',
);

export type WindowShape = z.infer<typeof maintenanceWindowShape> & Pick<z.infer<typeof muteShape>, 'below'>;
