/** `opsloop incidents ack`, `resolve`, `note`, `silence` and `report`. */
import type { IncidentVerb } from '../../../domain/incident-request.js';
import { defaultPerson, withStack, type CliContext, type GlobalFlags } from '../context.js';
import { plainText } from '../text-width.js';

interface WhoFlags extends GlobalFlags {
  by?: string;
}

const done: Record<IncidentVerb, string> = {
  acknowledge: 'acknowledged',
  resolve: 'resolved',
  silence: 'silenced',
  note: 'noted',
};

async function control(
  context: CliContext,
  id: string,
  { verb, by, input }: { verb: IncidentVerb; by: string | undefined; input: object },
): Promise<void> {
  const { output, env } = context;
  const who = by ?? (await defaultPerson(env));
  await withStack(context, { needsTemporal: true }, async (stack) => {
    const { controlIncident } = await import('../../incident-control.js');
    const { incident, isAnswered } = await controlIncident(stack, id, { verb, input: { ...input, by: who } });
    output.document(incident);
    if (!isAnswered) {
      output.note(`${incident.id}: no worker answered; the request waits and is served when one comes back`);
      return;
    }
    const name = plainText(incident.id);
    output.lines([
      `${name}, episode ${incident.episode}: ${done[verb]}; it is ${output.style('bold', incident.state)} now`,
    ]);
  });
}

export function ackCommand(this: CliContext, flags: WhoFlags & { note?: string }, id: string): Promise<void> {
  const { by, note } = flags;
  return control(this, id, { verb: 'acknowledge', by, input: note === undefined ? {} : { note } });
}

export function resolveCommand(
  this: CliContext,
  flags: WhoFlags & { note?: string },
  id: string,
): Promise<void> {
  const { by, note } = flags;
  return control(this, id, { verb: 'resolve', by, input: note === undefined ? {} : { note } });
}

export function noteCommand(this: CliContext, { by }: WhoFlags, id: string, text: string): Promise<void> {
  return control(this, id, { verb: 'note', by, input: { text } });
}

export function silenceCommand(
  this: CliContext,
  flags: WhoFlags & { for: string },
  id: string,
): Promise<void> {
  return control(this, id, { verb: 'silence', by: flags.by, input: { for: flags.for } });
}

interface ReportFlags extends WhoFlags {
  episode?: number;
  rootCause?: string;
  resolution?: string;
  prevention?: string;
}

export async function reportCommand(this: CliContext, flags: ReportFlags, id: string): Promise<void> {
  const { output, env } = this;
  const { episode = null, rootCause, resolution, prevention } = flags;
  const texts = { rootCause, resolution, prevention };
  const isEdit = Object.values(texts).some((text) => text !== undefined);
  const by = flags.by ?? (await defaultPerson(env));
  await withStack(this, { needsTemporal: isEdit }, async (stack) => {
    const { editIncidentReport, readIncidentReport } = await import('../../incident-control.js');
    const which = { idOrTarget: id, episode };
    const known = await readIncidentReport(stack, which);
    const { incident } = known.document;
    if (isEdit) await editIncidentReport(stack, incident.id, { by, episode: incident.episode, ...texts });
    const { document, markdown } = isEdit ? await readIncidentReport(stack, which) : known;
    output.document(document);
    output.lines(markdown.trimEnd().split('\n').map(plainText));
  });
}
