/** `opsloop alerts history`. */
import type { AlertDocument } from '../../../domain/documents.js';
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import { severityFormat, type StyleFormat } from '../style.js';
import { formatTable, type Column } from '../table.js';
import { localTime } from '../time-text.js';

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
  { title: 'TARGET', text: ({ target }) => target },
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
