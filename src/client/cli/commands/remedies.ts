/** `opsloop services remedies`. */
import type { RemediationDocument } from '../../../domain/documents.js';
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import { formatTable, type Column } from '../table.js';
import { localTime } from '../time-text.js';

const outcomeOf = ({ success }: RemediationDocument): string =>
  success === null ? 'under way' : success ? 'done' : 'failed';

const foundOf = ({ error, after, before }: RemediationDocument): string => {
  if (error !== null) return error;
  if (after === null) return before.reason;
  return after.verdict === null
    ? `then ${after.status?.state ?? 'unknown'}`
    : `then ${after.verdict}${after.reason === '' ? '' : `: ${after.reason}`}`;
};

const columns: Column<RemediationDocument>[] = [
  { title: 'AT', text: ({ startedAt }) => localTime(startedAt) },
  { title: 'TARGET', text: ({ target }) => target },
  { title: 'EPISODE', text: ({ episode }) => String(episode), align: 'right' },
  { title: 'ATTEMPT', text: ({ attempt }) => String(attempt), align: 'right' },
  { title: 'ACTION', text: ({ action }) => action },
  {
    title: 'OUTCOME',
    text: outcomeOf,
    format: ({ success }) => (success === null ? 'yellow' : success ? 'green' : 'red'),
  },
  { title: 'FOUND', text: foundOf, isFlexible: true },
];

export async function remediesCommand(
  this: CliContext,
  { limit }: GlobalFlags & { limit: number },
  name?: string,
): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { listRemediations } = await import('../../remediations.js');
    const remediations = await listRemediations(stack, { service: name ?? null, limit });
    output.document(remediations);
    const table = formatTable(columns, remediations, { style: output.style, width: output.width() });
    output.lines(remediations.length === 0 ? ['nothing was repaired yet'] : table);
  });
}
