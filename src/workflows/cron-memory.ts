/** What the workflow of a slot carries along, and how it shows itself. */
import { workflowInfo } from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { SlotReference } from '../activities/cron-contract.js';
import type { CronSlotInput, CronTrigger, CronVerdict } from '../domain/cron-execution.js';
import { showLoop } from './loop-visibility.js';

export interface SlotMemory {
  environment: string;
  job: string;
  scheduledAt: number;
  attempt: number;
  trigger: CronTrigger;
  verdict: CronVerdict | 'waiting';
  reason: string | null;
  /** What it waits for; null: nothing. */
  waitsFor: string | null;
  /** Why it shall end; null: it shall not. */
  endReason: string | null;
  /** Its turn may have come. */
  isWoken: boolean;
}

/** Set by the server on what a schedule starts: when it was due. */
const scheduledStartKey = defineSearchAttributeKey(
  'TemporalScheduledStartTime',
  SearchAttributeType.DATETIME,
);

export const newSlotMemory = ({
  environment,
  job,
  scheduledAt,
  trigger,
  attempt,
}: CronSlotInput): SlotMemory => {
  const info = workflowInfo();
  const dueAt = info.typedSearchAttributes.get(scheduledStartKey)?.getTime() ?? info.startTime.getTime();
  return {
    environment,
    job,
    scheduledAt: scheduledAt ?? dueAt,
    attempt: attempt ?? 1,
    trigger: trigger ?? 'schedule',
    verdict: 'waiting',
    reason: null,
    waitsFor: null,
    endReason: null,
    isWoken: false,
  };
};

export const referenceOf = ({ environment, job, scheduledAt, attempt }: SlotMemory): SlotReference => ({
  environment,
  job,
  scheduledAt,
  attempt,
});

export interface SlotStatus extends SlotMemory {
  id: string;
}

export const statusOf = (memory: SlotMemory): SlotStatus => ({ ...memory, id: workflowInfo().workflowId });

export function showSlot({
  job,
  scheduledAt,
  attempt,
  trigger,
  verdict,
  reason,
  waitsFor,
}: SlotMemory): void {
  const details = [
    `Job **${job}**, slot ${new Date(scheduledAt).toISOString()}, attempt ${attempt} (${trigger}): ${verdict}`,
    ...(reason === null ? [] : ['', reason]),
    ...(waitsFor === null ? [] : ['', waitsFor]),
  ];
  showLoop({ status: verdict, details: details.join('\n') });
}
