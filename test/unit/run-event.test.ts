// Events from outside: every shape they may come in, and what is said about those that are wrong.
import { describe, expect, it } from 'vitest';
import { readRunEvents, runIdProblem } from '../../src/domain/run-event.js';

const now = Date.UTC(2026, 10, 25, 18);
const read = (text: string) => readRunEvents(text, now);
const problem = (text: string): string => {
  const input = read(text);
  return input.ok ? 'none' : `${input.field}|${input.problem}`;
};

describe('readRunEvents', () => {
  const build = { kind: 'step', step: 'build', state: 'running', at: null, error: null };

  it('reads an object, an array, and lines with blank ones between', () => {
    const one = '{"step": "build", "state": "running"}';
    expect(read(one)).toEqual({ ok: true, events: [build] });
    expect(read(JSON.stringify(JSON.parse(one), null, 2))).toEqual({ ok: true, events: [build] });
    expect(read(`[${one}, ${one}]`)).toEqual({ ok: true, events: [build, build] });
    expect(read(`\uFEFF${one}\r\n\r\n${one}\n`)).toEqual({ ok: true, events: [build, build] });
  });

  it('reads all fields of both kinds', () => {
    expect(
      read(`{"step": "a", "state": "failed", "at": "2026-11-25T19:00:00.5+01:00", "error": "x\\u0000y"}
{"state": "failed", "at": null, "name": "Nightly", "workDirectory": "/work"}`),
    ).toEqual({
      ok: true,
      events: [
        { kind: 'step', step: 'a', state: 'failed', at: now + 500, error: 'x\uFFFDy' },
        { kind: 'run', state: 'failed', at: null, name: 'Nightly', workDirectory: '/work' },
      ],
    });
  });

  it('cuts an error that is too long', () => {
    const input = read(JSON.stringify({ step: 'a', state: 'failed', error: 'x'.repeat(20_000) }));
    expect(input.ok && input.events[0]?.kind === 'step' && input.events[0].error?.length).toBe(10_000);
  });

  it.each([
    ['', /^\|there is no event; send for example/],
    ['[]', /^\|there is no event/],
    ['"text"', /^\|an event is a JSON object/],
    ['[1]', /^\|event 1: an event is a JSON object/],
    ['{"state": "failed"}\n{oops', /^\|line 2: is not JSON; each line is one event, for example/],
    [
      '{"state": "failed"}\n\n{"step": "a", "state": "done"}',
      /^state\|line 3: field "state" is the text "done"; one of pending, running, succeeded, failed, skipped, cancelled$/,
    ],
    [
      '{"state": "skipped"}',
      /^state\|field "state" is the text "skipped"; one of pending, running, succeeded, failed, cancelled$/,
    ],
    ['{"step": "a"}', /^state\|field "state" is missing/],
    ['{"step": 5, "state": "failed"}', /^step\|field "step" is 5; it is a text/],
    ['{"step": null, "state": "failed"}', /^step\|field "step" is null; for example "build"/],
    [
      '{"step": "a", "stat": "failed"}',
      /^stat\|field "stat" is not known; did you mean "state"\? For example/,
    ],
    [
      '{"state": "failed", "error": "x"}',
      /^error\|field "error" is not known; there are step, .*workDirectory\. For example/,
    ],
    [
      '{"state": "failed", "at": "2026-11-25T18:00:00"}',
      /^at\|field "at" is the text .*with its zone, for example/,
    ],
    ['{"state": "failed", "at": "2026-11-25"}', /^at\|/],
    ['{"state": "failed", "at": 1764000000}', /^at\|field "at" is 1764000000; it is an instant in ISO 8601/],
    ['{"state": "failed", "at": "2026-11-25T19:00:01Z"}', /^at\|.*more than an hour in the future/],
  ])('refuses %j and says why', (text, expected) => expect(problem(text)).toMatch(expected));

  it('refuses more than 10,000 events and names that are too long', () => {
    expect(problem('{"state": "failed"}\n'.repeat(10_001))).toMatch(/10001 events; send at most 10000/);
    expect(problem(JSON.stringify({ state: 'failed', name: 'x'.repeat(501) }))).toMatch(
      /^name\|.*at most 500/,
    );
  });
});

describe('runIdProblem', () => {
  it('takes any characters but NUL, up to 500', () => {
    expect(['a', '2026/11/25 ü', 'x'.repeat(500)].map(runIdProblem)).toEqual([null, null, null]);
    for (const id of ['', 'x'.repeat(501), 'a\u0000b'])
      expect(runIdProblem(id)).toMatch(/the id of a run has/);
  });
});
