/** Reads payloads as the SDK does, but never fails on a malformed one: a broken signal must not stop a loop. */
import { DefaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';

const standard = new DefaultPayloadConverter();

export const payloadConverter: PayloadConverter = {
  toPayload: (value) => standard.toPayload(value),
  fromPayload: <T>(payload: Payload): T => {
    try {
      return standard.fromPayload<T>(payload);
    } catch (error) {
      // Handlers check their inputs and refuse this text by name, as they refuse any other wrong input.
      return `unreadable payload: ${error instanceof Error ? error.message : 'unknown encoding'}` as T;
    }
  },
};
