/** Registers the search attributes by which the loops are found in Temporal's Web UI, where they are missing. */
import { OpsError } from '../domain/errors.js';
import { searchAttributeNames } from '../domain/ids.js';
import { asTemporalError, callTimeoutMs, grpcCodeOf, type Temporal } from './temporal.js';

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const keywordType = 2;

// The server reads its attributes again at an interval of its own (seconds), so new ones take a moment.
const usableTimeoutMs = 30_000;
const usablePollMs = 200;

const alreadyExists = 6;

async function readMissing({ connection, namespace }: Temporal): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return searchAttributeNames.filter((name) => customAttributes?.[name] === undefined);
}

/** True when the server takes a query by the attribute. */
async function isUsable({ client }: Temporal, name: string): Promise<boolean> {
  try {
    await client.workflow.count(`${name} = 'opsloop'`);
    return true;
  } catch (error) {
    const invalidArgument = 3;
    if (grpcCodeOf(error) === invalidArgument) return false;
    throw error;
  }
}

async function waitUntilUsable(temporal: Temporal, names: string[]): Promise<void> {
  const deadline = Date.now() + usableTimeoutMs;
  for (const name of names) {
    while (!(await temporal.within(callTimeoutMs, () => isUsable(temporal, name)))) {
      if (Date.now() > deadline) {
        throw new OpsError(
          'timeout',
          `Temporal took the search attribute ${name}, but cannot use it after 30 s; apply again.`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, usablePollMs));
    }
  }
}

/**
 * Adds the attributes that the namespace lacks and waits until they can be used. Safe to repeat. Throws OpsError
 * with the command to run where they can only be added by hand (Temporal Cloud, no rights).
 */
export async function registerSearchAttributes(temporal: Temporal): Promise<void> {
  const { connection, namespace } = temporal;
  try {
    const missing = await temporal.within(callTimeoutMs, () => readMissing(temporal));
    if (missing.length === 0) return;
    const searchAttributes = Object.fromEntries(missing.map((name) => [name, keywordType]));
    await temporal.within(callTimeoutMs, () =>
      connection.operatorService.addSearchAttributes({ namespace, searchAttributes }),
    );
    await waitUntilUsable(temporal, missing);
  } catch (error) {
    if (error instanceof OpsError) throw error;
    const code = grpcCodeOf(error);
    if (code === alreadyExists) return waitUntilUsable(temporal, [...searchAttributeNames]);
    const [unimplemented, permissionDenied] = [12, 7];
    if (code === unimplemented || code === permissionDenied) {
      // Where only an administrator can add them, they may be there already.
      const usable = await Promise.all(searchAttributeNames.map((name) => isUsable(temporal, name)));
      const missing = searchAttributeNames.filter((_, index) => usable[index] !== true);
      if (missing.length === 0) return;
      throw new OpsError(
        'auth',
        `Temporal's namespace ${namespace} lacks the search attributes ${missing.join(', ')} and does not let us add them. ` +
          `Add them: temporal operator search-attribute create --namespace ${namespace} ` +
          missing.map((name) => `--name ${name} --type Keyword`).join(' '),
        { cause: error },
      );
    }
    throw asTemporalError(error, temporal);
  }
}
