/** The JSON Schema of opsloop.yaml, for editors and `opsloop schema`. */
import * as z from 'zod/mini';
import { configShape } from './shape.js';

/** Made from the same shape that validates the file; `opsloop.schema.json` is this, written out. */
export const configJsonSchema = (): Record<string, unknown> => {
  const { $schema, ...schema } = z.toJSONSchema(configShape, { target: 'draft-07', io: 'input' });
  return {
    $schema,
    title: 'opsloop.yaml',
    description:
      'Configuration of opsloop. Durations are written 30s, 5m, 1h30m; secrets ${env:NAME} or ${file:/path}.',
    ...schema,
  };
};

/** The content of `opsloop.schema.json`. */
export const configJsonSchemaText = (): string => `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
