/** Bodies that are one JSON object. */
import type { Context } from 'hono';
import { OpsError } from '../domain/errors.js';

/** An empty body is an empty object. Throws OpsError `invalidInput` with `example` for anything else. */
export async function readObject(context: Context, example: string): Promise<object> {
  const text = await context.req.text();
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Said below, as of any other body that is no object.
  }
  throw new OpsError('invalidInput', `the body is not one JSON object; for example ${example}`, {
    field: 'body',
  });
}
