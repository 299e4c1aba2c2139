/** `opsloop alerts history`, `test` and `rules`. */
import type { ImaginedAlert, RulesDocument } from '../../../domain/alert-explanation.js';
import type { ChannelTest } from '../../../domain/alert-router.js';
import type { AlertDocument } from '../../../domain/documents.js';
import { formatDuration } from '../../../domain/duration.js';
import {
  defaultPerson,
  requireContextConfig,
  withStack,
  type CliContext,
  type GlobalFlags,
} from '../context.js';
import { severityFormat, type StyleFormat } from '../style.js';
import { formatTable, type Column } from '../table.js';
import { plainText } from '../text-width.js';
import { latencyText, localTime } from '../time-text.js';

const formatOfState: Record<AlertDocument['state'], StyleFormat> = {
  sent: 'green',
  pending: 'yellow',
  failed: 'red',
  suppressed: 'gray',
};

const columns: Column<AlertDocument>[] = [
  { title: 'AT', text: ({ at }) => localTime(at) },
  { title: 'EVENT', text: ({ event }) => event },
  { title: 'SEVERITY', text: ({ severity }) => severity, format: ({ severity }) => severityFormat[severity] },
  {
    title: 'TARGET',
    text: ({ target, targets }) => (targets.length > 1 ? `${target} +${targets.length - 1}` : target),
  },
  { title: 'CHANNEL', text: ({ channel }) => channel },
  { title: 'STATE', text: ({ state }) => state, format: ({ state }) => formatOfState[state] },
  { title: 'ATTEMPTS', text: ({ attempts }) => String(attempts), align: 'right' },
  { title: 'REASON', text: ({ reason }) => reason, isFlexible: true },
];

export async function historyCommand(
  this: CliContext,
  { limit }: GlobalFlags & { limit: number },
): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { listAlerts } = await import('../../alerts.js');
    const alerts = await listAlerts(stack, limit);
    output.document(alerts);
    const table = formatTable(columns, alerts, { style: output.style, width: output.width() });
    output.lines(alerts.length === 0 ? ['nothing was told to anybody yet'] : table);
  });
}

const formatOfTest: Record<ChannelTest['state'], StyleFormat> = {
  sent: 'green',
  failed: 'red',
  skipped: 'gray',
};

const testColumns: Column<ChannelTest>[] = [
  { title: 'CHANNEL', text: ({ channel }) => channel },
  { title: 'KIND', text: ({ kind }) => kind },
  { title: 'STATE', text: ({ state }) => state, format: ({ state }) => formatOfTest[state] },
  { title: 'TIME', text: ({ durationMs }) => latencyText(durationMs), align: 'right' },
  { title: 'REASON', text: ({ reason }) => reason, isFlexible: true },
];

export async function testCommand(
  this: CliContext,
  { channel, by }: GlobalFlags & { channel?: string; by?: string },
): Promise<void> {
  const { output } = this;
  const person = by ?? (await defaultPerson(this.env));
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { testChannels } = await import('../../alert-requests.js');
    const request = { by: person, ...(channel === undefined ? {} : { channel }) };
    const results = await testChannels(stack, request);
    output.document(results);
    const table = formatTable(testColumns, results, { style: output.style, width: output.width() });
    output.lines(results.length === 0 ? ['no channels are configured'] : table);
    if (results.some(({ state }) => state === 'failed')) this.setExitCode(1);
  });
}

type RulesFlags = GlobalFlags & Omit<ImaginedAlert, 'tags'> & { tags?: string };

/** By the configuration file alone: what is thought of can be tried before it is applied. */
export async function rulesCommand(this: CliContext, flags: RulesFlags): Promise<void> {
  const { config: _config, json: _json, tags, ...imagined } = flags;
  const { applied } = await requireContextConfig(this);
  const { explainAlert } = await import('../../../domain/alert-explanation.js');
  const words = tags
    ?.split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  const rules = explainAlert(
    applied,
    { ...imagined, ...(words === undefined ? {} : { tags: words }) },
    Date.now(),
  );
  this.output.document(rules);
  this.output.lines(rulesLines(rules, this.output.style).map(plainTextOf));
}

/** Colours stay, what could drive the terminal does not: names come from the file. */
const plainTextOf = (line: string): string => line.replace(/[\u0000-\u001a\u001c-\u001f\u007f-\u009f]/g, ' ');

function rulesLines(rules: RulesDocument, style: CliContext['output']['style']): string[] {
  const { alert } = rules;
  const tags = alert.tags.length === 0 ? 'no tags' : `tags ${alert.tags.join(', ')}`;
  const steps = rules.steps.map(({ path, match, isMatch, why }) => {
    const depth = path.split('.routes').length - 1;
    const sign = isMatch ? style('green', '✓') : style('gray', '–');
    return `${'  '.repeat(depth + 1)}${sign} ${plainText(path)} (${plainText(match)}): ${plainText(why)}`;
  });
  return [
    `${alert.event} of ${plainText(alert.target)}: ${alert.severity}, ${plainText(tags)}, loop ${plainText(alert.loop)}, type ${plainText(alert.type)}`,
    ...steps,
    ...(rules.routes.length === 0 ? ['nobody is told'] : rules.routes.flatMap(routeLines)),
    rules.muted === null
      ? 'nothing in the configuration holds it back now'
      : `held back now: ${rules.muted.reason}`,
    ...rules.escalation.map(
      ({ afterMs, channels }) =>
        `if nobody acknowledges it within ${formatDuration(afterMs)}: ${channels.map(plainText).join(', ')}`,
    ),
  ];
}

function routeLines(route: RulesDocument['routes'][number]): string[] {
  const wait =
    route.waitMs === 0 ? 'at once' : `${formatDuration(route.waitMs)} after the first of its group`;
  const throttle =
    route.throttleMs === null ? '' : `; the same again only after ${formatDuration(route.throttleMs)}`;
  return [
    `${plainText(route.path)} tells ${route.channels.map(plainText).join(', ')} ${wait}${throttle}`,
    `  group ${plainText(route.group)}, next message after ${formatDuration(route.groupIntervalMs)}`,
  ];
}
