/** Reads what a command is given by `--file`: a file, or standard input. */
import { OpsError } from '../../domain/errors.js';

/** `most`: everything is kept in memory while it is checked. */
interface InputLimits {
  bytes: number;
  /** As people say it. */
  text: string;
}

function refuse(message: string): never {
  throw new OpsError('invalidInput', `--file: ${message}`, { field: 'file' });
}

/** `-` is standard input; a relative path starts at `directory`. Throws `invalidInput` for what cannot be read. */
export async function readInputFile(file: string, directory: string, most: InputLimits): Promise<string> {
  if (file === '-') return readStandardInput(most);
  const { readFile, stat } = await import('node:fs/promises');
  const { resolve } = await import('node:path');
  const path = resolve(directory, file);
  try {
    if ((await stat(path)).size > most.bytes) return refuse(`${file} is larger than ${most.text}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof OpsError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return refuse(`${file} cannot be read: ${reason}`);
  }
}

async function readStandardInput(most: InputLimits): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const part = Buffer.from(chunk as Uint8Array);
    bytes += part.length;
    if (bytes > most.bytes) refuse(`standard input is larger than ${most.text}`);
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString();
}
