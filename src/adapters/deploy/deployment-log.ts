/** The log of deployments: one line of JSON each, whatever is killed while it is written. */
import { open, type FileHandle } from 'node:fs/promises';
import type { DeploymentLogEntry } from '../../domain/deployment-report.js';

/** One at a time in this process: two would each find that the other's line is not there. */
let writing: Promise<void> = Promise.resolve();

/** Appends the line, unless the deployment has one; what a kill left of a line is removed. On disk when it resolves. */
export function addToDeploymentLog(path: string, entry: DeploymentLogEntry): Promise<void> {
  writing = writing.catch(() => undefined).then(() => addNow(path, entry));
  return writing;
}

async function addNow(path: string, entry: DeploymentLogEntry): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const whole = await wholeLines(file);
    if (!whole.split('\n').some((line) => isSame(line, entry)))
      await file.write(`${JSON.stringify(entry)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A line counts from its line break on: without one, its writer was killed. */
async function wholeLines(file: FileHandle): Promise<string> {
  const content = await file.readFile();
  const end = content.lastIndexOf('\n') + 1;
  if (end < content.length) await file.truncate(end);
  return content.subarray(0, end).toString();
}

function isSame(line: string, { id, number }: DeploymentLogEntry): boolean {
  // Reading a line costs more than looking for what it has to hold.
  if (!line.includes(JSON.stringify(id))) return false;
  try {
    const found = JSON.parse(line) as Partial<DeploymentLogEntry>;
    return found.id === id && found.number === number;
  } catch {
    return false;
  }
}
