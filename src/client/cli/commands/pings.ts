/** `opsloop services pings`. */
import type { PingDocument } from '../../../domain/documents.js';
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import type { StyleFormat } from '../style.js';
import { formatTable, type Column } from '../table.js';
import { latencyText, localTime } from '../time-text.js';

const formatOfKind: Record<PingDocument['kind'], StyleFormat> = {
  success: 'green',
  fail: 'red',
  start: 'yellow',
  log: 'gray',
};

const columns: Column<PingDocument>[] = [
  { title: 'AT', text: ({ at }) => localTime(at) },
  { title: 'KIND', text: ({ kind }) => kind, format: ({ kind }) => formatOfKind[kind] },
  {
    title: 'EXIT',
    text: ({ exitCode }) => (exitCode === null ? '' : String(exitCode)),
    align: 'right',
  },
  { title: 'TOOK', text: ({ durationMs }) => latencyText(durationMs), align: 'right' },
  { title: 'RUN', text: ({ rid }) => rid ?? '' },
  { title: 'SAID', text: ({ firstLine }) => firstLine, isFlexible: true },
];

export async function pingsCommand(
  this: CliContext,
  { limit }: GlobalFlags & { limit: number },
  name: string,
): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { readService } = await import('../../services.js');
    // Names the nearest service when there is none of that name.
    await readService(stack, name);
    const { listPings } = await import('../../pings.js');
    const pings = await listPings(stack, name, limit);
    output.document(pings);
    const table = formatTable(columns, pings, { style: output.style, width: output.width() });
    output.lines(pings.length === 0 ? ['no ping has come yet'] : table);
  });
}
