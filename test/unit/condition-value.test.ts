/** What stands in a body is found, counted and shown as in Gatus; what does not stand there never passes. */
import { describe, expect, it } from 'vitest';
import { evaluateCondition, parseCondition, type Condition } from '../../src/domain/condition.js';
import type { Observation } from '../../src/domain/observation.js';

const seen = (facts: Partial<Observation>): Observation => ({
  connected: true,
  responseTimeMs: 12.7,
  ...facts,
});

const read = (text: string): Condition => {
  const parsed = parseCondition(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.problem}`);
  return parsed.condition;
};

const evaluate = (text: string, facts: Partial<Observation>) => evaluateCondition(read(text), seen(facts));

describe('what a condition asks for', () => {
  it.each([
    ['[BODY].errors < 5', '{"errors": 9}', true],
    ['[BODY].errors < 5', '{"other": 9}', false],
    ['[BODY].errors < 5', 'no JSON', false],
    ['age([BODY].at) < 1h', '{"at": "no date"}', false],
    ['[BODY][*].errors < 5', '[{"errors": 9}, {"errors": 1}]', true],
    ['[BODY][*].errors < 5', '[{"errors": 9}, {}]', false],
    ['[BODY][*].errors < 5', '[]', false],
  ])('%s of %s is found: %s', (text, body, isFound) => {
    expect(evaluate(text, { body, observedAt: 0 })).toMatchObject({ holds: false, isFound });
  });
});

describe('conditions on the body', () => {
  it.each([
    ['[BODY] == test', 'test'],
    ['[BODY] == test', '  test\n'],
    ['[BODY] == 123', '123'],
    ['[BODY] < 124', '123'],
    ['[BODY] > 122', '123'],
    ['[BODY].status == UP', '{"status":"UP"}'],
    ['[BODY].status == "UP"', '{"status":"UP"}'],
    ["[BODY].status == 'UP'", '{"status":"UP"}'],
    ['[BODY] == "UP"', '"UP"'],
    ['[BODY].Status == UP', '{"Status":"UP"}'],
    ['[BODY].pool.leader == db1', '{"pool":{"size":3,"leader":"db1"}}'],
    ['[BODY].disk usage == low', '{"disk usage":"low"}'],
    ['[BODY].pool.leader != [BODY].pool.follower', '{"pool":{"leader":"db1","follower":"db2"}}'],
    ['[BODY].missing != x', '{}'],
    ['[BODY][0].id == 1', '[{"id":1},{"id":2}]'],
    ['[BODY].data[1].id == 2', '{"data":[{"id":1},{"id":2}]}'],
    ['[BODY][3][2] == 7', '[[],[],[],[4,5,7]]'],
    ['[BODY].data.id > 0', '{"data":{"id":1}}'],
    ['[BODY].data == 1', '{"data":"0x1"}'],
    ['[BODY].data == 48879', '{"data":"0xBeef"}'],
    ['[BODY].data >= 1', '{"data":"0x01"}'],
    ['[BODY].data == 2', '{"data":"0o2"}'],
    ['[BODY].data == 0b10', '{"data":"0b0010"}'],
    ['[BODY].balance > 100', '{"balance":"250.75"}'],
    ['[BODY].balance > 0.5', '{"balance":0.9}'],
    ['[BODY].id == 1234567', '{"id":1234567}'],
    ['[BODY].id == 1.234567e+06', '{"id":1234567}'],
    ['[BODY].ok == true', '{"ok":true}'],
    ['[BODY].uptime > 1h', '{"uptime":"90m"}'],
    ['[BODY].free > 1GB', '{"free":"2GB"}'],
    ['[BODY].ids == [1 2]', '{"ids":[1,2]}'],
    ['[BODY].data == pat(*primary*)', '{"data":["replica","primary"]}'],
    ['[BODY].object == {"a":1,"b":[true,null]}', '{"object":{"b":[true,null],"a":1}}'],
    ['[BODY] == pat(*ready*)', '{"state":"ready now"}'],
    ['[BODY] == pat(*<b class="state">up</b>*)', '<html>\n<b class="state">up</b>\n</html>'],
    ['[BODY] == pat(*a < b == c*)', 'if a < b == c then'],
    ['pat(*a < b*) == [BODY]', 'if a < b then'],
    ['[BODY] == "a == b"', 'a == b'],
    ['[BODY].name == any(blue, green)', '{"name":"green"}'],
    ['[BODY].name == any("red, dark", pat(sea,*))', '{"name":"red, dark"}'],
    ['[BODY].name == any("red, dark", pat(sea,*))', '{"name":"sea, deep"}'],
    ['len([BODY]) == 2', '[{"port":1},{"port":2}]'],
    ['len([BODY]) == 5', 'ready'],
    ['len([BODY]) == 17', '{"leader": "db1"}'],
    ['len([BODY].data) == 3', '{"data":[1,2,3]}'],
    ['len([BODY].zone) == 5', '{"zone":"north"}'],
    ['len([BODY].name) == 7', '{"name":"jöh€"}'],
    ['len([BODY].port) == 4', '{"port":8080}'],
    ['len([BODY].open) == 5', '{"open":false}'],
    ['len([BODY][0]) == 26', '[{"port":8080,"open":false}]'],
    ['len([BODY].data) < 5', '{"data":[]}'],
    ['has([BODY].errors) == false', '{}'],
    ['has([BODY].errors) == false', '{"errors":null}'],
    ['has([BODY].pool) == true', '{"pool":{"size":3}}'],
    ['has([BODY].users[0].name) == true', '{"users":[{"name":""}]}'],
    ['has([BODY]) == false', ' \n'],
    ['[BODY].items[*].state == UP', '{"items":[{"state":"UP"},{"state":"UP"}]}'],
    ['[BODY][*].n[*] < 5', '[{"n":[1,2]},{"n":[3]}]'],
    ['len([BODY].items[*].tags) > 0', '{"items":[{"tags":[1]},{"tags":[2]}]}'],
  ])('%s holds for %s', (text, body) => {
    expect(evaluate(text, { body })).toMatchObject({ holds: true, shown: text, isKnown: true });
  });

  it.each([
    ['[BODY].status == UP', '{"status":"DOWN"}', '[BODY].status (DOWN) == UP'],
    ['[BODY].x == y', '{}', '[BODY].x (INVALID) == y'],
    ['[BODY].data == OK', '{"data":null}', '[BODY].data (INVALID) == OK'],
    ['[BODY].items[0] == OK', '{"items":[null]}', '[BODY].items[0] (INVALID) == OK'],
    ['[BODY].items[2] == OK', '{"items":[1]}', '[BODY].items[2] (INVALID) == OK'],
    ['[BODY].data == OK', 'null', '[BODY].data (INVALID) == OK'],
    ['[BODY].data == OK', 'no json', '[BODY].data (INVALID) == OK'],
    ['[BODY][0].zone == north', '{"zone":"north"}', '[BODY][0].zone (INVALID) == north'],
    ['[BODY].data.name.more == x', '{"data":{"name":"x"}}', '[BODY].data.name.more (INVALID) == x'],
    ['[BODY].constructor == x', '{}', '[BODY].constructor (INVALID) == x'],
    ['[BODY].missing < 5', '{}', '[BODY].missing (INVALID) < 5'],
    ['len([BODY].missing) < 5', '{}', 'len([BODY].missing) (INVALID) < 5'],
    ['[BODY] < 5', 'potato', '[BODY] (potato) < 5'],
    ['[BODY].a == [BODY].b', '{"a":"db1","b":"db2"}', '[BODY].a (db1) == [BODY].b (db2)'],
    ['[BODY].version == 1.1', '{"version":"1.10"}', '[BODY].version (1.10) == 1.1'],
    [
      '[BODY].id == 9007199254740993',
      '{"id":"9007199254740992"}',
      '[BODY].id (9007199254740992) == 9007199254740993',
    ],
    ['has([BODY].errors) == false', '{"errors":["1"]}', 'has([BODY].errors) (true) == false'],
    [
      '[BODY] == pat(*ready*)',
      'the queue is full, nothing runs',
      '[BODY] (the queue is full, nothin...(truncated)) == pat(*ready*)',
    ],
    ['[BODY] == up', 'two\nlines\u001b[31m', '[BODY] (two lines [31m) == up'],
    ['[BODY].i[*].s == UP', '{"i":[{"s":"UP"},{"s":"DOWN"}]}', '[BODY].i[1].s (DOWN) == UP'],
    ['[BODY][*] < 1', '[1,2,3,4,5]', '[BODY][0] (1) < 1, [BODY][1] (2) < 1, [BODY][2] (3) < 1, 2 more'],
    ['[BODY].i[*] == UP', '{"i":[]}', '[BODY].i[*] == UP (no elements matched, or more than 10000)'],
    ['[BODY].i[*] == UP', '{}', '[BODY].i[*] == UP (no elements matched, or more than 10000)'],
  ])('%s does not hold for %s and shows %s', (text, body, shown) => {
    expect(evaluate(text, { body })).toMatchObject({ holds: false, shown, isKnown: true });
  });

  it('is unknown when nothing answered, and empty when the answer had none', () => {
    const noAnswer = { connected: false, error: 'connection refused' };
    expect(evaluate('[BODY].x != y', noAnswer)).toEqual({
      holds: false,
      shown: '[BODY].x (unknown) != y',
      isKnown: false,
      isFound: false,
    });
    expect(evaluate('has([BODY]) == false', {}).holds).toBe(true);
  });

  it('shows no more than a line of a large body', () => {
    expect(evaluate('[BODY] == x', { body: 'y'.repeat(100_000) }).shown).toBe(
      `[BODY] (${'y'.repeat(100)}...(truncated)) == x`,
    );
  });

  it('survives bodies nested deeper than any stack', () => {
    const body = `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    expect(evaluate('[BODY].a == x', { body }).holds).toBe(false);
    expect(evaluate('len([BODY].a) == 1', { body }).holds).toBe(true);
  });
});

describe('age()', () => {
  const observedAt = Date.UTC(2026, 0, 1, 12);

  it.each([
    '2026-01-01T11:59:00Z',
    '2026-01-01T12:59:00.123456789+01:00',
    'Thu, 01 Jan 2026 11:59:00 GMT',
    String((observedAt - 60_000) / 1_000),
    String(observedAt - 60_000),
  ])('counts from %s', (at) => {
    const body = JSON.stringify({ at });
    expect(evaluate('age([BODY].at) < 2m', { body, observedAt }).holds).toBe(true);
    expect(evaluate('age([BODY].at) < 30s', { body, observedAt })).toMatchObject({
      holds: false,
      shown: expect.stringMatching(/^age\(\[BODY\]\.at\) \((1m|59s)\) < 30s$/) as string,
    });
  });

  it('is invalid for what is no instant, and unknown when the probe has no time', () => {
    const body = '{"at":"yesterday","on":"2026-01-01T00:00:00Z"}';
    expect(evaluate('age([BODY].at) < 2m', { body, observedAt }).shown).toBe('age([BODY].at) (INVALID) < 2m');
    expect(evaluate('age([BODY].on) < 2m', { body }).shown).toBe('age([BODY].on) (unknown) < 2m');
  });
});
