/** What is done about an unhealthy service. */
import { describe, expect, it } from 'vitest';
import { chooseRemedy } from '../../src/domain/remedy.js';
import type { RemedyPolicy, Supervisor } from '../../src/domain/service.js';

const command = (verbs: Partial<Extract<Supervisor, { kind: 'command' }>>): Supervisor => ({
  kind: 'command',
  status: ['true'],
  restart: null,
  reload: null,
  stop: null,
  start: null,
  ...verbs,
});
const pm2: Supervisor = { kind: 'pm2', app: 'api' };
const some = ['true'];
const mb = 1_000_000;

const choose = (
  supervisor: Supervisor | null,
  reloadAboveMemory: RemedyPolicy['reloadAboveMemory'] = null,
  finding: { memoryBytes: number | null; memoryLimitBytes: number | null } = {
    memoryBytes: 85 * mb,
    memoryLimitBytes: 100 * mb,
  },
) => chooseRemedy({ supervisor, remedy: { attempts: 2, coolDownMs: 0, reloadAboveMemory } }, finding);

describe('the choice of a remedy', () => {
  it('is a restart when nothing is said about memory', () => {
    expect(choose(pm2)).toEqual({
      action: 'restart',
      steps: ['restart'],
      why: 'the service is unhealthy',
    });
  });

  it('is a reload from the given part of the limit on', () => {
    expect(choose(pm2, { percent: 85 })).toMatchObject({
      action: 'reload',
      why: 'it uses 85MB of 100MB, and from 85% on it is reloaded',
    });
    expect(choose(pm2, { percent: 86 })).toMatchObject({ action: 'restart' });
  });

  it('is a reload from the given size on, whatever the limit', () => {
    const unlimited = { memoryBytes: 85 * mb, memoryLimitBytes: null };
    expect(choose(pm2, { bytes: 85 * mb }, unlimited)).toMatchObject({ steps: ['reload'] });
    expect(choose(pm2, { bytes: 85 * mb + 1 }, unlimited)).toMatchObject({ steps: ['restart'] });
  });

  it.each([
    ['memory', { memoryBytes: null, memoryLimitBytes: 100 * mb }],
    ['a limit', { memoryBytes: 85 * mb, memoryLimitBytes: null }],
    ['a limit that is one', { memoryBytes: 85 * mb, memoryLimitBytes: 0 }],
  ])('is a restart when the supervisor does not tell %s', (_, finding) => {
    expect(choose(pm2, { percent: 1 }, finding)).toMatchObject({ action: 'restart' });
  });

  it('is a restart when the memory is too much and there is no reload', () => {
    expect(choose(command({ restart: some }), { percent: 50 })).toMatchObject({
      action: 'restart',
      why: expect.stringContaining('has no reload') as string,
    });
  });

  it('is a stop and a start for commands without a restart', () => {
    expect(choose(command({ stop: some, start: some }))).toMatchObject({
      action: 'stop and start',
      steps: ['stop', 'start'],
    });
    expect(choose(command({ stop: some, start: some, restart: some }))).toMatchObject({
      steps: ['restart'],
    });
  });

  it.each([
    ['nothing', command({})],
    ['only a stop', command({ stop: some })],
    ['only a start', command({ start: some })],
    ['only a reload', command({ reload: some })],
    ['no supervisor', null],
  ])('says what to configure when there is %s', (_, supervisor) => {
    expect(choose(supervisor)).toEqual({ problem: expect.stringMatching(/for example/) as string });
  });
});
