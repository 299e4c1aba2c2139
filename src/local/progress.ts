/** How the stack tells people what it is doing while they wait: lasting lines, and one passing line on a terminal. */

export interface Report {
  /** A line that stays. */
  line(text: string): void;
  /** What is going on right now; replaces the passing line before it. */
  progress(text: string): void;
}

export const silentReport: Report = { line: () => {}, progress: () => {} };

export interface ReportOutput {
  print(line: string): void;
  /** Given when output goes to a terminal; the passing line is drawn there. */
  terminal?: { write(text: string): unknown; columns?: number } | undefined;
}

/** Without a terminal passing lines are printed too, but no more often than this. */
const plainIntervalMs = 10_000;
const clearLine = '\r\u001B[K';

export function createReport(
  { print, terminal }: ReportOutput,
  now: () => number = () => performance.now(),
): Report {
  let lastPlainAtMs = now();
  let hasPassingLine = false;
  return {
    line(text) {
      if (hasPassingLine) terminal?.write(clearLine);
      hasPassingLine = false;
      print(text);
    },
    progress(text) {
      if (terminal) {
        terminal.write(clearLine + text.slice(0, (terminal.columns ?? 80) - 1));
        hasPassingLine = true;
      } else if (now() - lastPlainAtMs >= plainIntervalMs) {
        lastPlainAtMs = now();
        print(text);
      }
    },
  };
}

const barWidth = 24;

/** `[########................]  33 %  15.0 of 45.3 MB`; without a total only what has come. */
export function downloadBar(receivedBytes: number, totalBytes: number | null): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  if (!totalBytes) return `${megabytes(receivedBytes)} MB`;
  const fraction = Math.min(1, receivedBytes / totalBytes);
  const filled = Math.round(fraction * barWidth);
  const bar = '#'.repeat(filled) + '.'.repeat(barWidth - filled);
  const percent = String(Math.floor(fraction * 100)).padStart(3);
  return `[${bar}] ${percent} %  ${megabytes(receivedBytes)} of ${megabytes(totalBytes)} MB`;
}

/** `45s`, `3m05s`. */
export function elapsedText(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1000);
  if (seconds < 60) return `${seconds}s`;
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}
