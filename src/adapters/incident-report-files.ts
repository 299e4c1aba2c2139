/** Reports of incidents as files: `<incident>-<episode>.md` and `.json`, each whole or not at all. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IncidentReportDocument } from '../domain/incident-document.js';

/** Writes the pair; the report of the same episode that stands there is replaced. */
export async function writeIncidentReport(
  directory: string,
  { document, markdown }: { document: IncidentReportDocument; markdown: string },
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const base = incidentFileName(document.incident.id, document.incident.episode);
  await Promise.all([
    writeWhole(directory, `${base}.md`, markdown),
    writeWhole(directory, `${base}.json`, `${JSON.stringify(document, null, 2)}\n`),
  ]);
}

/** Targets of alerts from outside may hold anything, and file systems take 255 bytes. */
const incidentFileName = (id: string, episode: number): string => {
  const safe = encodeURIComponent(id.replace(/^incident:/, '').replaceAll(':', '_')).replace(/\*/g, '%2A');
  return `${safe.slice(0, 200)}-${episode}`;
};

async function writeWhole(directory: string, name: string, text: string): Promise<void> {
  const temporary = join(directory, `.${name}.${process.pid}.tmp`);
  await writeFile(temporary, text);
  await rename(temporary, join(directory, name));
}
