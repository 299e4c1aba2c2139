/** Takes alerts from outside: written down first, then the loop is told that there is something. */
import type { IncomingAlert } from '../domain/external.js';
import { externalId } from '../domain/ids.js';
import { asMissingTable } from './missing-table.js';
import type { Stack } from './stack.js';
import { callTimeoutMs } from './temporal.js';

export interface AlertIntake {
  /**
   * Resolves when all alerts are committed. Throws OpsError `unavailable` when the database cannot be used: then none is,
   * and the sender should send them again.
   */
  take(alerts: readonly IncomingAlert[]): Promise<void>;
}

/** `onUnwoken` is told why the loop could not be woken; it finds the alerts by itself within 30 s. */
export function createAlertIntake(stack: Stack, onUnwoken: (error: unknown) => void): AlertIntake {
  const wake = coalesce(() => wakeLoop(stack), onUnwoken);
  return {
    take: async (alerts) => {
      const { storeAlerts } = await import('../adapters/postgres/external-intake.js');
      const { turned } = await stack.read((pool, environment) =>
        storeAlerts(pool, environment, alerts).catch((error: unknown) => {
          throw asMissingTable(error);
        }),
      );
      // Plain repeats change nothing for the incidents.
      if (turned > 0) wake();
    },
  };
}

async function wakeLoop(stack: Stack): Promise<void> {
  const temporal = await stack.temporal();
  const handle = temporal.client.workflow.getHandle(externalId(stack.environment));
  await temporal.within(callTimeoutMs, () => handle.signal('wake'));
}

/** However often it is asked meanwhile, one call is under way and at most one follows. */
function coalesce(call: () => Promise<void>, onError: (error: unknown) => void): () => void {
  let isBusy = false;
  let isAskedAgain = false;
  const run = (): void => {
    isBusy = true;
    call()
      .catch(onError)
      .finally(() => {
        isBusy = false;
        if (!isAskedAgain) return;
        isAskedAgain = false;
        run();
      });
  };
  return () => {
    if (isBusy) isAskedAgain = true;
    else run();
  };
}
