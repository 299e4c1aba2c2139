/** Conditions that could never mean anything are refused, with what was probably meant. */
import { describe, expect, it } from 'vitest';
import {
  allowedPlaceholders,
  parseCondition,
  placeholdersOf,
  type PlaceholderName,
} from '../../src/domain/condition.js';
import { defaultConditions, type CheckKind } from '../../src/domain/service.js';

const namesIn = (text: string): PlaceholderName[] => {
  const parsed = parseCondition(text);
  return parsed.ok ? placeholdersOf(parsed.condition) : [];
};

describe('parseCondition', () => {
  it.each([
    ['[STATSU] == 200', 'did you mean [STATUS]?', '[STATUS] < 400'],
    ['len([BODDY]) == 2', 'did you mean [BODY]?', '[BODY].status == UP'],
    ['[POTATO] == 200', 'unknown placeholder [POTATO]; there are [STATUS]', '[STATUS] < 400'],
    ['STATUS == 200', 'did you mean [STATUS]?', '[STATUS] < 400'],
    ['potato == potato', 'no side is a placeholder', '[STATUS] < 400'],
    ['1 == 2', 'no side is a placeholder', '[STATUS] < 400'],
    ['[STATUS]==201', 'needs a space', '[STATUS] == 201'],
    ['[STATUS]<400', 'needs a space', '[STATUS] < 400'],
    ['[STATUS] = 201', '= is no operator', '[STATUS] == 201'],
    ['[STATUS] === 201', '=== is no operator', '[STATUS] == 201'],
    ['[STATUS] =< 201', '=< is no operator', '[STATUS] <= 201'],
    ['[STATUS] ? 201', 'has no operator', '[STATUS] < 400'],
    ['[STATUS]', 'has no operator', '[STATUS] < 400'],
    ['', 'is empty', '[STATUS] < 400'],
    ['[STATUS] ==', 'nothing stands after ==', '[STATUS] < 400'],
    ['[STATUS] == ', 'nothing stands after ==', '[STATUS] < 400'],
    [' == 200', 'nothing stands before ==', '[STATUS] < 400'],
    ['== 200', 'nothing stands before ==', '[STATUS] < 400'],
    ['[STATUS] == 200 == 300', 'second operator', '[STATUS] == "…"'],
    ['len([BODY].users == 100', 'not balanced', 'len([BODY].items) > 0'],
    ['len([BODY].users)) == 100', 'not balanced', '[BODY].status == UP'],
    ['[BODY].users) == 100', 'not balanced', '[BODY].status == UP'],
    ['[BODY] == pat(*a', 'not balanced', '[BODY] == pat(*healthy*)'],
    ['[BODY] == a)', 'not balanced', '[STATUS] < 400'],
    ['[STATUS == 200', 'bracket of "[STATUS" is not closed', '[STATUS] < 400'],
    ['[BODY] == "abc', 'quote', '[STATUS] < 400'],
    ['lenn([BODY]) == 1', 'did you mean len()?', 'len([BODY].items) > 0'],
    ['[BODY] == regex(a+)', 'unknown function regex()', '[BODY] == "regex(…)"'],
    ['len() == 1', 'nothing in its parentheses', 'len([BODY].items) > 0'],
    ['len(potato) == 1', 'takes a placeholder', 'len([BODY].items) > 0'],
    ['len(has([BODY])) == 1', 'takes a placeholder', 'len([BODY].items) > 0'],
    ['age([STATUS]) < 1h', 'age() takes a time in [BODY]', 'age([BODY].updatedAt) < 10m'],
    ['[STATUS].x == 1', 'has no parts', '[STATUS] < 400'],
    ['[BODY].ids[wat] == 1', 'not a position', '[BODY].status == UP'],
    ['[BODY]..a == 1', 'followed by no key', '[BODY].status == UP'],
    ['[BODY]a == 1', 'does not begin with', '[BODY].status == UP'],
    ['[BODY] == pat([a-)', 'malformed', '[BODY] == pat(*healthy*)'],
    ['[BODY] < pat(a*)', '== and != only', '[BODY] == pat(a*)'],
    ['[STATUS] > any(1, 2)', '== and != only', '[BODY] == any(1, 2)'],
    ['[STATUS] == any(200,)', 'is empty', '[STATUS] == any(200, 204)'],
    ['[BODY].a == any([BODY].b, 1)', 'takes values', '[STATUS] == any(200, 204)'],
    ['[STATUS] == 2xx', 'which is not a number', '[STATUS] < 400'],
    ['[STATUS] == any(200, OK)', 'which is not a number', '[STATUS] < 400'],
    ['[STATUS] < 5m', 'which is not a number', '[STATUS] < 400'],
    ['[RESPONSE_TIME] < potato', 'which is not a duration', '[RESPONSE_TIME] < 500ms'],
    ['[RESPONSE_TIME] < 512MB', 'which is not a duration', '[RESPONSE_TIME] < 500ms'],
    ['[CPU] < 5m', 'which is not a percentage', '[CPU] < 95%'],
    ['[MEMORY] < 5h', 'which is not a size', '[MEMORY] < 512MB'],
    ['[BODY].x < potato', 'which is not a number', '[BODY].x > 0'],
    ['len([BODY].x) < 5m', 'which is not a number', 'len([BODY].x) > 0'],
    ['[CONNECTED] == yes', 'which is not true or false', '[CONNECTED] == true'],
    ['has([BODY].x) == 1', 'which is not true or false', 'has([BODY].x) == true'],
    ['[CONNECTED] < true', 'no order', '[CONNECTED] == true'],
    ['[IP] > 10.0.0.1', 'no order', '[IP] == pat(10.*)'],
    ['[BODY].a[*] == [BODY].b[*]', 'only one side', '[BODY].items[*].status == UP'],
    [`[BODY] == ${'x'.repeat(1_000)}`, 'at most 1000 characters', '[STATUS] < 400'],
  ])('refuses %s: %s', (text, problem, example) => {
    expect(parseCondition(text)).toEqual({
      ok: false,
      problem: expect.stringContaining(problem) as string,
      example,
    });
  });

  it('gives examples that are conditions themselves', () => {
    const mistakes = [
      '[STATSU] == 1',
      'len( == 2',
      '[STATUS]=201',
      '[RESPONSE_TIME] < x',
      'has([BODY].x) == 1',
      '[IP] > 1',
    ];
    for (const mistake of mistakes) {
      const parsed = parseCondition(mistake);
      expect(parsed.ok ? parsed : parseCondition(parsed.example)).toMatchObject({ ok: !parsed.ok });
    }
  });

  it('reads the same text once', () => {
    expect(parseCondition('[STATUS] < 401')).toBe(parseCondition('[STATUS] < 401'));
  });
});

describe('allowedPlaceholders', () => {
  it.each(Object.entries(defaultConditions))(
    'has those of the default conditions of %s',
    (kind, conditions) => {
      const used = conditions.flatMap((text) => namesIn(text));
      expect(used).not.toEqual([]);
      expect(used.filter((name) => !allowedPlaceholders[kind as CheckKind].includes(name))).toEqual([]);
    },
  );

  it('has no status for a port', () => {
    expect(allowedPlaceholders.tcp).not.toContain('[STATUS]');
  });
});

describe('placeholdersOf', () => {
  it('names each placeholder once, in capitals, inside functions too', () => {
    expect(namesIn('len([body].a) == [Status]')).toEqual(['[BODY]', '[STATUS]']);
    expect(namesIn('[BODY].a == [BODY].b')).toEqual(['[BODY]']);
  });
});
