/** Takes alerts about resources from outside: they are committed when this says so. */
import { OpsError } from '../domain/errors.js';
import { readGuardAlert, type GuardLevel } from '../domain/guard.js';
import { asMissingTable } from './missing-table.js';
import type { Stack } from './stack.js';

/** `guard push`: what was taken. */
export interface GuardPushDocument {
  service: string;
  /** Null: all metrics of the service. */
  metric: string | null;
  /** Null: it is resolved. */
  level: GuardLevel | null;
  /** It counts until then, ISO 8601 UTC; null: it is resolved. */
  expiresAt: string | null;
}

/**
 * Takes one JSON object. Throws OpsError `invalidInput` when it is wrong, `unavailable` when the database cannot be used:
 * then it was not taken, and may be sent again.
 */
export async function pushGuardAlert(stack: Stack, text: string): Promise<GuardPushDocument> {
  const input = readGuardAlert(parsed(text));
  if (!input.ok)
    throw new OpsError('invalidInput', input.problem, input.field === '' ? {} : { field: input.field });
  const { alert } = input;
  const { writeGuardPush } = await import('../adapters/postgres/guard-store.js');
  const { expiresAt } = await stack.read((pool, environment) =>
    writeGuardPush(pool, environment, alert).catch((error: unknown) => {
      throw asMissingTable(error);
    }),
  );
  return {
    service: alert.service,
    metric: alert.metric === '' ? null : alert.metric,
    level: alert.level,
    expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch {
    throw new OpsError(
      'invalidInput',
      'an alert is one JSON object in UTF-8, and this is no JSON; for example {"service": "db-1", "status": "CRITICAL", "metric": "ram"}',
    );
  }
}
