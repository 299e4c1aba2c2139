/** The stock Temporal command line, as a person would use it on a running stack. */
import { runProgram, type CliRun } from './cli-run.js';

/** `address` host:port. The binary is the one that the set-up of the tests found. */
export function runTemporal(address: string, ...words: string[]): Promise<CliRun> {
  const file = process.env['OPSLOOP_TEST_TEMPORAL_CLI'] ?? 'temporal';
  return runProgram(file, [...words, '--address', address], { directory: process.cwd() });
}

export interface HistoryEvent {
  eventId: string;
  eventType: string;
}

/** The text of a workflow's whole history (of its present run), payloads readable. */
export async function readHistoryText(address: string, workflowId: string): Promise<string> {
  const { code, stdout, stderr } = await runTemporal(
    address,
    ...['workflow', 'show', '--workflow-id', workflowId, '--output', 'json'],
  );
  if (code !== 0) throw new Error(`temporal workflow show ended with ${code}: ${stderr}`);
  return stdout;
}

export async function readHistory(address: string, workflowId: string): Promise<HistoryEvent[]> {
  return (JSON.parse(await readHistoryText(address, workflowId)) as { events: HistoryEvent[] }).events;
}
