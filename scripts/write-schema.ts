/** Writes opsloop.schema.json from the code: `node --import tsx scripts/write-schema.ts`. */
import { writeFileSync } from 'node:fs';
import { configJsonSchemaText } from '../src/config/json-schema.js';

writeFileSync(new URL('../opsloop.schema.json', import.meta.url), configJsonSchemaText());
