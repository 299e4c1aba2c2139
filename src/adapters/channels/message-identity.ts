/** Names of a message on one channel: the same on every attempt and after every crash. */
import { createHash } from 'node:crypto';

const digest = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** 32 hexadecimal digits from the message's key and the channel's name. */
export const messageId = (key: string, channel: string): string => digest([key, channel]).slice(0, 32);

/** The first 8 digits, for people: a message that came twice has it twice. */
export const shortId = (key: string, channel: string): string => messageId(key, channel).slice(0, 8);

/** 32 hexadecimal digits for what belongs together: an incident's episode, or a group. */
export const threadId = (...parts: string[]): string => digest(['thread', ...parts]).slice(0, 32);

/** 16 hexadecimal digits of one incident, whatever happens to it. */
export const fingerprint = (incident: string): string => digest(['incident', incident]).slice(0, 16);
