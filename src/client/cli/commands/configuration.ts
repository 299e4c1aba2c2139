/** `opsloop validate` and `opsloop schema`. */
import { requireContextConfig, type CliContext, type GlobalFlags } from '../context.js';

export async function validateCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  const { file, environment, applied } = await requireContextConfig(this);
  const services = applied.services.length;
  this.output.document({ file, environment, services, valid: true });
  this.output.lines([
    `${file} is valid: environment ${environment}, ${services} service${services === 1 ? '' : 's'}`,
  ]);
}

export async function schemaCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  const { configJsonSchemaText } = await import('../../../config/json-schema.js');
  this.output.raw(configJsonSchemaText());
}
