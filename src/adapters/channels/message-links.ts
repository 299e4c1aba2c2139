/** Links in messages: only pages of http(s), written so that no format takes a part of them for markup. */
import { oneLine } from '../../domain/bounded-text.js';
import type { AlertLinks } from './channel.js';

export interface MessageLink {
  label: string;
  url: string;
}

const longestUrl = 1000;

/** Those that can be followed, in the order of use. */
export function followableLinks({ dashboard, workflow, runbook }: AlertLinks): MessageLink[] {
  const named = [
    ['Dashboard', dashboard],
    ['Workflow', workflow],
    ['Runbook', runbook],
  ] as const;
  return named.flatMap(([label, written]) => {
    const url = written === undefined ? null : safeUrl(written);
    return url === null ? [] : [{ label, url }];
  });
}

/** The runbook when it is no page: a path or a sentence. */
export function runbookText({ runbook }: AlertLinks): string | null {
  if (runbook === undefined || runbook.trim() === '' || safeUrl(runbook) !== null) return null;
  return oneLine(runbook, 300);
}

/** Null: no page of http(s), or too long. User and password are left out. */
export function safeUrl(written: string): string | null {
  if (!URL.canParse(written)) return null;
  const url = new URL(written);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return null;
  const rest = `${url.pathname}${url.search}${url.hash}`.replace(
    /[|<>"'`()*\\^{}[\]\s]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
  const safe = `${url.origin}${rest}`;
  return safe.length > longestUrl ? null : safe;
}
