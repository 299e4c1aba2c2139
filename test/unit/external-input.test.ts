// What Prometheus and Alertmanager post: taken whole, or refused by the name of the field.
import { describe, expect, it } from 'vitest';
import { readAlertmanagerWebhook, readPrometheusAlerts } from '../../src/domain/external-input.js';

const alert = (more: object = {}): object => ({ labels: { alertname: 'ShopDown' }, ...more });

describe('readPrometheusAlerts', () => {
  it('reads an alert as Prometheus sends it', () => {
    const read = readPrometheusAlerts([
      {
        annotations: { summary: 's' },
        startsAt: '2026-11-25T18:00:00.123456789Z',
        endsAt: '2026-11-25T19:04:00.5+01:00',
        generatorURL: 'http://p/graph?g0.expr=x',
        labels: { alertname: 'ShopDown', instance: 'a:1', empty: '' },
      },
    ]);
    expect(read).toEqual({
      ok: true,
      alerts: [
        {
          fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
          labels: { alertname: 'ShopDown', instance: 'a:1' },
          annotations: { summary: 's' },
          generatorUrl: 'http://p/graph?g0.expr=x',
          source: 'prometheus',
          startsAt: Date.UTC(2026, 10, 25, 18, 0, 0, 123),
          endsAt: Date.UTC(2026, 10, 25, 18, 4, 0, 500),
          isResolved: false,
        },
      ],
    });
  });

  it("takes Go's zero time, and nothing, for no instant", () => {
    const read = readPrometheusAlerts([alert({ startsAt: '0001-01-01T00:00:00Z', endsAt: null })]);
    expect(read).toMatchObject({ ok: true, alerts: [{ startsAt: null, endsAt: null }] });
    expect(readPrometheusAlerts([])).toEqual({ ok: true, alerts: [] });
  });

  it.each<[string, unknown, string]>([
    ['no list', {}, ''],
    ['nothing', null, ''],
    ['a text as alert', ['x'], '[0]'],
    ['no labels', [{}], '[0].labels'],
    ['no alertname', [alert(), alert({ labels: { a: 'b' } })], '[1].labels.alertname'],
    ['an empty alertname', [alert({ labels: { alertname: '' } })], '[0].labels.alertname'],
    ['a number as label', [alert({ labels: { alertname: 'x', size: 3 } })], '[0].labels.size'],
    ['U+0000', [alert({ labels: { alertname: 'a\u0000b' } })], '[0].labels.alertname'],
    ['half a surrogate pair', [alert({ annotations: { a: '\ud800' } })], '[0].annotations.a'],
    ['a name that is empty', [alert({ annotations: { '': 'x' } })], '[0].annotations.'],
    [
      '__proto__ as name',
      [JSON.parse('{"labels": {"alertname": "x", "__proto__": "y"}}')],
      '[0].labels.__proto__',
    ],
    ['a value too long', [alert({ labels: { alertname: 'x', a: 'y'.repeat(5000) } })], '[0].labels.a'],
    [
      'an alertname too long in bytes',
      [alert({ labels: { alertname: 'ß'.repeat(129) } })],
      '[0].labels.alertname',
    ],
    [
      'an instance too long',
      [alert({ labels: { alertname: 'x', instance: 'i'.repeat(257) } })],
      '[0].labels.instance',
    ],
    [
      'too many labels',
      [alert({ labels: Object.fromEntries(Array.from({ length: 65 }, (_none, i) => [`l${i}`, 'x'])) })],
      '[0].labels',
    ],
    ['no instant', [alert({ startsAt: 'yesterday' })], '[0].startsAt'],
    ['a number as instant', [alert({ startsAt: 5 })], '[0].startsAt'],
    ['an instant that is none', [alert({ endsAt: '2026-13-45T99:00:00Z' })], '[0].endsAt'],
    ['before 1970', [alert({ startsAt: '1969-01-01T00:00:00Z' })], '[0].startsAt'],
    [
      'an end before the start',
      [alert({ startsAt: '2026-01-02T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' })],
      '[0].endsAt',
    ],
    ['an object as URL', [alert({ generatorURL: {} })], '[0].generatorURL'],
    ['too many alerts', Array.from({ length: 10_001 }, () => alert()), ''],
  ])('refuses %s by the name of the field', (_what, body, field) => {
    const read = readPrometheusAlerts(body);
    expect(read).toMatchObject({ ok: false, field });
    expect(!read.ok && read.problem).toContain(field === '' ? 'the body' : field);
  });

  it('cuts annotations that are too long: they are only shown', () => {
    const read = readPrometheusAlerts([alert({ annotations: { description: 'x'.repeat(100_000) } })]);
    expect(read.ok && read.alerts[0]?.annotations['description']).toHaveLength(4096);
  });
});

describe('readAlertmanagerWebhook', () => {
  it('believes the status of each alert', () => {
    const ended = alert({ status: 'resolved', endsAt: '2026-11-25T18:00:00Z' });
    const body = { version: '4', status: 'firing', alerts: [alert({ status: 'firing' }), ended] };
    expect(readAlertmanagerWebhook(body)).toMatchObject({
      ok: true,
      alerts: [
        { isResolved: false, source: 'alertmanager' },
        { isResolved: true, source: 'alertmanager' },
      ],
    });
  });

  it.each<[string, unknown, string]>([
    ['a list', [], ''],
    ['another version', { version: '3', alerts: [] }, 'version'],
    ['no alerts', { version: '4' }, 'alerts'],
    ['an unknown status', { version: '4', alerts: [alert({ status: 'pending' })] }, 'alerts[0].status'],
    [
      'no alertname',
      { version: '4', alerts: [{ status: 'firing', labels: {} }] },
      'alerts[0].labels.alertname',
    ],
  ])('refuses %s by the name of the field', (_what, body, field) => {
    expect(readAlertmanagerWebhook(body)).toMatchObject({ ok: false, field });
  });
});
