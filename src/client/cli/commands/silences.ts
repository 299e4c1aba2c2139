/** `opsloop alerts silences` and `unsilence`, `opsloop services silence`. */
import { describeMatcher } from '../../../domain/alert-matcher.js';
import type { SilenceDocument } from '../../../domain/documents.js';
import { defaultPerson, withStack, type CliContext, type GlobalFlags } from '../context.js';
import { formatTable, type Column } from '../table.js';
import { plainText } from '../text-width.js';
import { localTime } from '../time-text.js';

const columns: Column<SilenceDocument>[] = [
  { title: 'ID', text: ({ id }) => id },
  {
    title: 'STATE',
    text: ({ state }) => state,
    format: ({ state }) => (state === 'active' ? 'yellow' : 'gray'),
  },
  { title: 'UNTIL', text: ({ endsAt, endedAt }) => localTime(endedAt ?? endsAt) },
  { title: 'BY', text: ({ by }) => by },
  { title: 'ALERTS', text: ({ match }) => describeMatcher(match), isFlexible: true },
  { title: 'NOTE', text: ({ note }) => note },
];

export async function silencesCommand(
  this: CliContext,
  { limit, all: isAll = false }: GlobalFlags & { limit: number; all?: boolean },
): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { listSilences } = await import('../../alerts.js');
    const silences = await listSilences(stack, { isAll, limit });
    output.document(silences);
    const table = formatTable(columns, silences, { style: output.style, width: output.width() });
    output.lines(silences.length === 0 ? [isAll ? 'no silences yet' : 'nothing is silenced'] : table);
  });
}

export async function unsilenceCommand(
  this: CliContext,
  flags: GlobalFlags & { by?: string },
  id: string,
): Promise<void> {
  const by = flags.by ?? (await defaultPerson(this.env));
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { endSilence } = await import('../../alert-requests.js');
    const silence = await endSilence(stack, id, by);
    this.output.document(silence);
    this.output.lines([`${silence.id} is ended: ${plainText(describeMatcher(silence.match))} is told again`]);
  });
}

type SilenceFlags = GlobalFlags & { for: string; note?: string; by?: string };

export async function silenceServiceCommand(
  this: CliContext,
  flags: SilenceFlags,
  name: string,
): Promise<void> {
  const by = flags.by ?? (await defaultPerson(this.env));
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { silenceService } = await import('../../alert-requests.js');
    const note = flags.note === undefined ? {} : { note: flags.note };
    const silence = await silenceService(stack, name, { for: flags.for, by, ...note });
    this.output.document(silence);
    const end = `end it with: opsloop alerts unsilence ${silence.id}`;
    this.output.lines([
      `${plainText(name)} is silenced until ${localTime(silence.endsAt)} (${silence.id}); ${end}`,
    ]);
  });
}
