/** Looks at what a run has left: its whole output, and the file that it should have made. */
import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { formatByteSize } from '../../domain/byte-size.js';
import { formatDuration } from '../../domain/duration.js';
import type { OutputCheck } from '../../domain/job.js';
import { hasTextCheck, overlapOf, searchOutput } from '../../domain/output-check.js';

export interface RunTraces {
  /** The output as far as it is kept. */
  head: string | null;
  end: string;
  /** File with all of it; null: there is none. */
  logPath: string | null;
  startedAt: number;
  finishedAt: number;
}

/** What is wrong; null: nothing. */
export async function judgeTraces(check: OutputCheck, traces: RunTraces): Promise<string | null> {
  const text = hasTextCheck(check) ? await judgeText(check, traces) : null;
  return text ?? (check.file === null ? null : judgeFile(check.file, traces));
}

async function judgeText(check: OutputCheck, { head, end, logPath }: RunTraces): Promise<string | null> {
  const search = searchOutput(check);
  const keeps = overlapOf(check);
  if (head === null) search.add(end);
  else {
    search.add(head);
    // The part of a log before the newest is there when it is full.
    const files = logPath === null ? [] : [`${logPath}.1`, logPath].filter((path) => existsSync(path));
    let rest = '';
    for (const path of files) {
      for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
        const text = rest + String(chunk);
        search.add(text);
        rest = keeps === 0 ? '' : text.slice(-keeps);
      }
    }
    search.add(end);
  }
  return search.verdict();
}

/** Clocks of file systems are coarse. */
const clockSlackMs = 2_000;

async function judgeFile(
  { path, newerThanMs, minBytes }: NonNullable<OutputCheck['file']>,
  { startedAt, finishedAt }: RunTraces,
): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isFile()) return `it made no file ${path}`;
  const oldestAt = (newerThanMs === null ? startedAt : finishedAt - newerThanMs) - clockSlackMs;
  if (found.mtimeMs < oldestAt) {
    const age = formatDuration(Math.max(1000, Math.round((finishedAt - found.mtimeMs) / 1000) * 1000));
    return `the file ${path} was not made anew: it is ${age} old`;
  }
  if (found.size < minBytes)
    return `the file ${path} has ${formatByteSize(found.size)}, less than ${formatByteSize(minBytes)}`;
  return null;
}
