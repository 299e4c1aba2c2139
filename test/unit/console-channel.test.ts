/** Lines on the console: short, and harmless. */
import { describe, expect, it } from 'vitest';
import { consoleLine } from '../../src/adapters/channels/console-channel.js';
import { alertOf } from '../support/alerts.js';
import { groupOf, messageOf } from '../support/messages.js';

describe('a line of the console', () => {
  it('says when, how bad and what', () => {
    const clock = new Date(alertOf().at).toTimeString().slice(0, 8);
    expect(consoleLine(messageOf())).toBe(`${clock} ✗ high api is unhealthy: connection refused`);
    expect(consoleLine(messageOf({ status: 'resolved', text: 'api recovered' }))).toBe(
      `${clock} ✓ api recovered`,
    );
  });

  it('names count and targets of a group, and not all of many', () => {
    const alerts = Array.from({ length: 40 }, (_, index) => alertOf({ target: `svc-${index}` }));
    const line = consoleLine(groupOf(alerts));
    expect(line).toContain('40 targets are unhealthy: svc-0, svc-1');
    expect(line).toContain('and 30 more');
    expect(line).not.toContain('svc-20');
  });

  it('cannot drive the terminal', () => {
    const line = consoleLine(messageOf({ text: 'a\u001b[2Jb\r\nc\u0007\u009bd' }));
    expect(line.endsWith('a [2Jb c d')).toBe(true);
  });
});
