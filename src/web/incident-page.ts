/** The page of one incident, which messages link to: its report as HTML, with everything from outside as text. */
import { html } from 'hono/html';
import type { IncidentReportDocument } from '../domain/incident-document.js';

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { margin-bottom: 0; overflow-wrap: anywhere; } h2 { margin-top: 2rem; }
  table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
    border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
  .state { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; color: #fff; background: #6b7280; }
  .open, .escalated { background: #b42318; } .acknowledged { background: #b54708; } .resolved { background: #067647; }
  small { color: #888; }`;

const rows = (cells: (string | null)[][]) =>
  cells.map(
    (row) =>
      html`<tr>
        ${row.map((cell) => html`<td>${cell ?? ''}</td>`)}
      </tr>`,
  );

const outcomeOf = (success: boolean | null): string =>
  success === null ? 'under way' : success ? 'worked' : 'did not help';

/** The whole page. */
export function renderIncidentPage(report: IncidentReportDocument) {
  const { incident, events, deliveries } = report;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${incident.target}: ${incident.type}</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <h1>${incident.target}: ${incident.type}</h1>
        <p>
          <span class="state ${incident.state}">${incident.state}</span> ${incident.severity}, episode
          ${incident.episode} of <code>${incident.id}</code>
        </p>
        <p>${incident.reason}</p>
        <table>
          ${rows([
            ['opened', incident.openedAt],
            ['acknowledged by', incident.acknowledgedBy ?? 'nobody'],
            [
              'resolved',
              incident.resolvedAt === null
                ? 'not yet'
                : `${incident.resolvedAt} by ${incident.resolvedBy ?? ''}`,
            ],
            ['affected', incident.affected.join(', ')],
            ['what to do', report.advice],
            ['runbook', report.runbook],
          ])}
        </table>
        <h2>Root cause</h2>
        <p>${report.rootCause}</p>
        <h2>Time line</h2>
        <table>
          ${rows(events.map(({ at, event, by, text, why }) => [at, event, by, text, why]))}
        </table>
        <h2>Remedies</h2>
        <table>
          ${rows(incident.remedies.map((one) => [one.startedAt, `attempt ${one.attempt}`, one.action, outcomeOf(one.success), one.detail]))}
        </table>
        <h2>Who was told</h2>
        <table>
          ${rows(deliveries.map((one) => [one.at, one.event, one.channel, one.state, one.reason]))}
        </table>
        <p>
          <small
            >opsloop, ${report.environment}. To take it over: opsloop incidents ack ${incident.target}</small
          >
        </p>
      </body>
    </html>`;
}
