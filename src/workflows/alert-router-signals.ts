/** Signals, updates and queries of the alert router. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { AlertRouterStatus, ChannelTest } from '../domain/alert-router.js';
import type { Matcher } from '../domain/alert-policy.js';
import type { Silence } from '../domain/silence.js';

/** What people send; read field by field by the handler. `for` is a duration, `until` ISO 8601 or epoch ms. */
export interface SilenceInput {
  match: Matcher;
  for?: string;
  until?: string | number;
  by?: string;
  note?: string;
}

export interface UnsilenceInput {
  id: string;
  by?: string;
}

export interface TestChannelsInput {
  channel?: string;
  by?: string;
}

export const silenceSignal = defineSignal<[SilenceInput]>('silence');
export const unsilenceSignal = defineSignal<[UnsilenceInput]>('unsilence');

/** Answers with the silence, its id and its end. */
export const silenceUpdate = defineUpdate<Silence, [SilenceInput]>('silence');
export const unsilenceUpdate = defineUpdate<Silence, [UnsilenceInput]>('unsilence');
/** Sends a test message on each channel, beside the queues; answers with what became of each. */
export const testUpdate = defineUpdate<ChannelTest[], [TestChannelsInput?]>('test');

export const routerStateQuery = defineQuery<AlertRouterStatus>('state');
