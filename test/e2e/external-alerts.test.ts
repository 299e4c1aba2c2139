/** Alerts of a real Prometheus and a real Alertmanager become incidents, and end when their source says so. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IncidentDetailDocument, IncidentDocument, LoopDocument } from '../../src/domain/documents.js';
import { labelFingerprint } from '../../src/domain/label-fingerprint.js';
import { eventually } from '../support/eventually.js';
import { startHttpServer, type HttpServer } from '../support/http-server.js';
import {
  startAlertmanager,
  startPrometheus,
  whyNoAlertmanager,
  whyNoPrometheus,
  type MonitoringServer,
} from '../support/prometheus-servers.js';
import { startStack, type Stack } from '../support/stack.js';

const token = 'a-token-of-32-characters-or-more';
let stack: Stack;
let exporter: HttpServer;
/** What the exporter shows; the rule fires while it is 0. */
let isUp = 1;
const monitoring: MonitoringServer[] = [];

beforeAll(async () => {
  exporter = await startHttpServer((_request, response) => response.end(`shop_up ${isUp}\n`));
  stack = await startStack({
    configuration: {
      environment: 'shop',
      api: { token: '${env:OPSLOOP_TOKEN}' },
      services: [{ name: 'disk', checks: [{ disk: '/' }] }],
    },
    env: { OPSLOOP_TOKEN: token },
  });
});

afterAll(async () => {
  for (const server of monitoring) await server.stop();
  await stack.close();
  await exporter.close();
});

const apiUrl = (): URL => new URL(stack.endpoints().api.url);

const incidentOf = (type: string, state: 'open' | 'resolved'): Promise<IncidentDocument> =>
  eventually(
    `an incident ${type} that is ${state}`,
    async () => {
      const rows = await stack.ask<IncidentDocument[]>('incidents', 'list', '--all');
      return rows.find((row) => row.type === type && row.state === state);
    },
    60_000,
  );

describe.skipIf(whyNoPrometheus !== null)('Prometheus', () => {
  it('opens an incident with its rule, keeps it while the rule fires, and ends it with the rule', async () => {
    const prometheus = await startPrometheus({
      configuration: `
global: {scrape_interval: 1s, evaluation_interval: 1s, external_labels: {region: eu}}
rule_files: [rules.yml]
scrape_configs:
  - {job_name: shop, static_configs: [{targets: ["${new URL(exporter.url).host}"]}]}
alerting:
  alertmanagers:
    - authorization: {credentials: ${token}}
      static_configs: [{targets: ["${apiUrl().host}"]}]
`,
      rules: `
groups:
  - name: shop
    rules:
      - alert: ShopDown
        expr: shop_up == 0
        labels: {severity: page, team: web}
        annotations: {summary: "shop on {{ $labels.instance }} is down", runbook_url: "https://wiki.example/shop"}
`,
    });
    monitoring.push(prometheus);
    isUp = 0;
    const opened = await incidentOf('ShopDown', 'open');
    const target = new URL(exporter.url).host;
    expect(opened).toMatchObject({
      id: `incident:shop:external:ShopDown:${target}`,
      loop: 'external',
      target,
      severity: 'critical',
      episode: 1,
      reason: `shop on ${target} is down`,
    });
    isUp = 1;
    expect(await incidentOf('ShopDown', 'resolved')).toMatchObject({ episode: 1, resolvedBy: 'source' });
    isUp = 0;
    expect(await incidentOf('ShopDown', 'open')).toMatchObject({ episode: 2 });
    // It puts off the end of a firing alert by 4 intervals, and does not say any more that it fires.
    await prometheus.stop();
    const shown = await eventually(
      'the end of the second episode',
      async () => {
        const detail = await stack.ask<IncidentDetailDocument>('incidents', 'show', opened.id);
        return detail.state === 'resolved' && detail.episode === 2 ? detail : null;
      },
      60_000,
    );
    expect(shown.resolvedBy).toBe('source');
    expect(shown.reason + JSON.stringify(shown.events)).toContain('has not repeated it since');
  });
});

describe.skipIf(whyNoAlertmanager !== null)('Alertmanager', () => {
  it('opens and ends an incident by its webhook, and gives its alerts the fingerprint that we give them', async () => {
    const alertmanager = await startAlertmanager(`
route: {receiver: opsloop, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 2s}
receivers:
  - name: opsloop
    webhook_configs:
      - url: ${apiUrl().origin}/api/v1/alertmanager
        send_resolved: true
        http_config: {authorization: {credentials: ${token}}}
`);
    monitoring.push(alertmanager);
    const labels = { alertname: 'QueueFull', service: 'queue', severity: 'warning', note: 'zu groß 🚒 ～' };
    const post = async (more: object): Promise<number> => {
      const alert = { labels, annotations: { description: 'over\n9000 waiting' }, ...more };
      const response = await fetch(`${alertmanager.url}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([alert]),
      });
      return response.status;
    };
    expect(await post({})).toBe(200);
    expect(await incidentOf('QueueFull', 'open')).toMatchObject({
      target: 'queue',
      severity: 'medium',
      reason: 'over 9000 waiting',
    });
    const known = (await (await fetch(`${alertmanager.url}/api/v2/alerts`)).json()) as {
      fingerprint: string;
    }[];
    expect(known.map(({ fingerprint }) => fingerprint)).toEqual([labelFingerprint(labels)]);
    expect(await post({ endsAt: new Date().toISOString() })).toBe(200);
    expect(await incidentOf('QueueFull', 'resolved')).toMatchObject({ episode: 1, resolvedBy: 'source' });
  });
});

describe('the loop for alerts from outside', () => {
  it('is listed, paused, triggered and resumed as every loop', async () => {
    const loops = await stack.ask<LoopDocument[]>('loops', 'list');
    expect(loops).toContainEqual(
      expect.objectContaining({ id: 'external:shop', loop: 'external', state: 'running' }),
    );
    expect((await stack.cli('loops', 'pause', 'external', '--note', 'calm')).code).toBe(0);
    const post = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${apiUrl().origin}/api/v2/alerts`, { method: 'POST', headers, body: JSON.stringify(body) });
    const alert = [{ labels: { alertname: 'Held', instance: 'a:1' } }];
    expect((await post(alert)).status).toBe(401);
    expect((await post(alert, { authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await stack.cli('loops', 'trigger', 'external')).code).toBe(0);
    expect(await incidentOf('Held', 'open')).toMatchObject({
      severity: 'high',
      target: 'a:1',
      reason: 'Held fires',
    });
    expect((await stack.cli('loops', 'resume', 'external')).code).toBe(0);
  });
});
