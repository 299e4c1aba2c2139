/** What one attempt knows of itself, how it shows that, and how it tells the incident. */
import { getExternalWorkflowHandle, isCancellation, log } from '@temporalio/workflow';
import type { RemedyInput, RemedyReport, RemedyStatus } from '../domain/remedy.js';
import { showLoop } from './loop-visibility.js';
import { remedySignal } from './signals.js';

export interface RemedyCase {
  readonly input: RemedyInput;
  readonly status: RemedyStatus;
}

export function newCase(input: RemedyInput): RemedyCase {
  return {
    input,
    status: {
      ...input,
      phase: 'waiting',
      waitsFor: '',
      action: null,
      success: null,
      detail: '',
      stoppedBy: null,
    },
  };
}

/** Notes what changed, and shows it in the Web UI. */
export function proceed(repair: RemedyCase, changes: Partial<RemedyStatus>): void {
  Object.assign(repair.status, changes);
  const { status } = repair;
  const lines = [
    `incident ${status.incident}, episode ${status.episode}`,
    ...(status.waitsFor === '' ? [] : [`waits for ${status.waitsFor}`]),
    ...(status.action === null ? [] : [`action: ${status.action}`]),
    ...(status.detail === '' ? [] : [status.detail]),
    ...(status.stoppedBy === null ? [] : [`asked to stop by ${status.stoppedBy}`]),
  ];
  showLoop({
    status: status.success === null ? status.phase : status.success ? 'succeeded' : 'failed',
    details: [
      `**${plain(status.target)}**: attempt ${status.attempt} to repair it, ${status.phase}`,
      '',
      ...lines.map((line) => `- ${plain(line)}`),
    ].join('\n'),
  });
}

/** The Web UI renders Markdown: what comes from outside must stay text. */
const plain = (text: string): string => text.replace(/[\r\n]+/g, ' ').replace(/[\\`*_{}[\]<>#|!~]/g, '\\$&');

/** Far below the time after which the incident gives up an attempt of which it hears nothing. */
export const tellAgainMs = 10 * 60_000;

/** Tells the incident how it stands; an incident that is gone wants to know nothing. */
export async function tell(
  repair: RemedyCase,
  phase: RemedyReport['phase'],
  waitsFor = repair.status.waitsFor,
): Promise<void> {
  const { episode, attempt, action, success, detail, incident } = repair.status;
  const report: RemedyReport = {
    episode,
    attempt,
    phase,
    action: action ?? 'none',
    success: phase === 'ended' ? (success ?? false) : null,
    detail: (phase === 'waiting' ? `waits for ${waitsFor}` : detail).slice(0, longestDetail),
    at: Date.now(),
  };
  try {
    await getExternalWorkflowHandle(incident).signal(remedySignal, report);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.info('the incident is over already', { incident, error: String(error) });
  }
}

const longestDetail = 1_000;

/** What an activity said, without Temporal's words around it. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? messageOf(error.cause) : error.message;
}
