/** `opsloop services list`, `show` and `check`. */
import type { ServiceDocument } from '../../../domain/documents.js';
import { defaultPerson, withStack, type CliContext, type GlobalFlags } from '../context.js';
import { pushLines } from '../push-text.js';
import { serviceColumns } from '../status-screen.js';
import { formatTable } from '../table.js';

function printServices({ output }: CliContext, services: ServiceDocument[]): void {
  const table = formatTable(serviceColumns(Date.now()), services, {
    style: output.style,
    width: output.width(),
  });
  output.lines(services.length === 0 ? ['no services were applied yet: run `opsloop apply`'] : table);
}

export async function listCommand(
  this: CliContext,
  { limit }: GlobalFlags & { limit: number },
): Promise<void> {
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { listServices } = await import('../../services.js');
    const services = await listServices(stack, limit);
    this.output.document(services);
    printServices(this, services);
  });
}

export async function showCommand(this: CliContext, _flags: GlobalFlags, name: string): Promise<void> {
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { readService } = await import('../../services.js');
    const { service } = await readService(stack, name);
    const { readPush } = await import('../../pings.js');
    const push = await readPush(stack, { service: name, apiUrl: stack.endpoints.apiUrl });
    this.output.document(push === null ? service : { ...service, push });
    printServices(this, [service]);
    if (push !== null) this.output.lines(pushLines(push));
  });
}

export async function checkCommand(
  this: CliContext,
  flags: GlobalFlags & { by?: string },
  name: string,
): Promise<void> {
  const by = flags.by ?? (await defaultPerson(this.env));
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { checkService } = await import('../../services.js');
    const service = await checkService(stack, name, by);
    this.output.document(service);
    printServices(this, [service]);
    if (service.state === 'unhealthy' || service.state === 'flapping') this.setExitCode(1);
  });
}
