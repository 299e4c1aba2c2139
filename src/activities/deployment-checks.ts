/** The pre-checks: what has to hold before anything is changed. */
import type { DeploymentSettings, DeploymentWay } from '../domain/deployment-settings.js';
import type { DeploymentRef, DeploymentRequest } from '../domain/deployment.js';
import { formatDuration } from '../domain/duration.js';
import { OpsError } from '../domain/errors.js';
import { formatByteSize } from '../domain/byte-size.js';
import type { Check, Service, Supervisor } from '../domain/service.js';
import type { Outcome } from './deployment-contract.js';
import type { ContainersOf } from '../adapters/deploy/container-ports.js';
import type { PortOwner } from '../adapters/deploy/port-owner.js';
import type { DeploymentHostDependencies } from './deployment-dependencies.js';
import { asOutcome, contextOf, placeOf, runConfigured, type DeploymentPlace } from './deployment-place.js';
import { type WorkMeans } from './work-once.js';
import { proveService } from './service-proof.js';

export interface PreCheck {
  name: string;
  isGood: boolean;
  note: string;
}

export async function checkDeployment(
  deps: DeploymentHostDependencies,
  { ref, request, means }: { ref: DeploymentRef; request: DeploymentRequest; means: WorkMeans },
): Promise<Outcome> {
  const place = await placeOf(deps, ref);
  const { settings } = place;
  const checks: PreCheck[] = [];
  for (const check of await asChecks(() => lookBefore(deps, place, request))) {
    checks.push(check);
    if (!check.isGood) return { isGood: false, note: deps.scrub(check.note) };
  }
  for (const [index, command] of settings.preChecks.commands.entries()) {
    means.tell(command.join(' '));
    const startedAt = deps.now();
    const options = { step: 'preCheck', timeoutMs: settings.preChecks.withinMs, ...means };
    const name = `command-${index + 1}`;
    const outcome = await asOutcome(deps, () =>
      runConfigured(deps, contextOf(deps, place, options), {
        ...{ name, command, version: request.version },
        env: { OPSLOOP_TARGET: ref.target, OPSLOOP_VERSION: request.version },
      }),
    );
    if (!outcome.isGood) return outcome;
    const took = formatDuration(Math.round(deps.now() - startedAt));
    checks.push({ name, isGood: true, note: `${outcome.note} passed in ${took}` });
  }
  return { isGood: true, note: checks.map(({ note }) => deps.scrub(note)).join('; ') };
}

/** What cannot be looked at is no pass: a figure that is missing never deploys. */
async function asChecks(look: () => Promise<PreCheck[]>): Promise<PreCheck[]> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof OpsError && !error.retryable)
      return [{ name: 'look', isGood: false, note: error.message }];
    throw error;
  }
}

/** All that can be checked by looking, in order. */
export async function lookBefore(
  deps: DeploymentHostDependencies,
  place: DeploymentPlace,
  request: Pick<DeploymentRequest, 'environment' | 'force'>,
): Promise<PreCheck[]> {
  const { settings } = place;
  const checks = [await checkGuard(deps, request.environment), await checkIncidents(deps, settings, request)];
  for (const port of settings.preChecks.ports) checks.push(await checkPort(deps, place, port));
  if (settings.preChecks.diskFree !== null) checks.push(await checkDisk(deps, settings));
  return checks;
}

async function checkGuard(deps: DeploymentHostDependencies, environment: string): Promise<PreCheck> {
  const { text, isRefused } = await deps.readGuard(environment);
  return { name: 'guard', isGood: !isRefused, note: text };
}

async function checkIncidents(
  deps: DeploymentHostDependencies,
  { services }: DeploymentSettings,
  { environment, force }: Pick<DeploymentRequest, 'environment' | 'force'>,
): Promise<PreCheck> {
  const name = 'incidents';
  const open = await deps.readCriticalIncidents(environment, services);
  const [first] = open;
  if (first === undefined) return { name, isGood: true, note: 'no critical incident is open' };
  const found = `a critical incident of ${first.target} is open: ${first.reason}`;
  if (force !== null) return { name, isGood: true, note: `${found}; forced: ${force}` };
  const help = 'resolve it first, or say why it has to be now: --force "…"';
  return { name, isGood: false, note: `${found}; ${help}` };
}

async function checkPort(
  deps: DeploymentHostDependencies,
  place: DeploymentPlace,
  port: number,
): Promise<PreCheck> {
  const name = `port ${port}`;
  const owner = await deps.ownerOfPort(port);
  if (owner === null) return { name, isGood: true, note: `port ${port} is free` };
  for (const service of place.services) {
    const why = await whyItIsOurs(deps, service, port, owner);
    if (why !== null) return { name, isGood: true, note: `port ${port} is used by ${service.name}${why}` };
  }
  const root = releasesOf(place.settings.via);
  if (root !== null)
    for (const pid of owner.pids)
      if (await deps.runsFrom(pid, root))
        return { name, isGood: true, note: `port ${port} is used by pid ${pid}, which runs from ${root}` };
  const own = containersOf(place.settings.via);
  const why = own === null ? null : await whyItIsInContainers(deps, own, { port, owner });
  if (why !== null)
    return { name, isGood: true, note: `port ${port} is used by ${place.settings.name}${why}` };
  const who = owner.processes.join(', ') || 'another process';
  return {
    name,
    isGood: false,
    note: `port ${port} is used by ${who}, which is none of ${place.settings.services.join(', ') || 'the services'}; stop it first`,
  };
}

/** What runs from there is the version that is live, however unhealthy it is. */
const releasesOf = (via: DeploymentWay): string | null => {
  if (via.kind === 'directory') return via.root;
  return via.kind === 'pm2' || via.kind === 'systemd' ? (via.directory?.root ?? null) : null;
};

const containersOf = (part: DeploymentWay | Supervisor): ContainersOf | null => {
  if (part.kind === 'docker') return { kind: 'docker', container: part.container };
  return part.kind === 'compose' ? { kind: 'compose', file: part.file, service: part.service } : null;
};

/**
 * A process of the container itself has the port when it shares the network of the machine; otherwise the engine's proxy has it, which
 * does not tell for whom: the engine does. Null: it is somebody else.
 */
async function whyItIsInContainers(
  deps: DeploymentHostDependencies,
  containers: ContainersOf,
  { port, owner: { pids, processes } }: { port: number; owner: PortOwner },
): Promise<string | null> {
  const { pid } = await deps.controlOf(containers).status({ timeoutMs: statusLimitMs });
  if (pid !== null)
    for (const candidate of pids)
      if (await deps.isInTree(candidate, [pid])) return ` (pid ${candidate} of a container)`;
  // Those that have no pid here belong to another user, as the engine's proxy does.
  const isProxied = processes.slice(0, pids.length).every((process) => process.startsWith('docker-proxy ('));
  return isProxied && (await deps.publishesPort(containers, port)) ? ' (a container)' : null;
}

const statusLimitMs = 10_000;

/** Why the port belongs to the service; null: it does not, as far as can be told. */
async function whyItIsOurs(
  deps: DeploymentHostDependencies,
  service: Service,
  port: number,
  owner: PortOwner,
): Promise<string | null> {
  const { pids } = owner;
  const { supervisor } = service;
  const containers = supervisor === null ? null : containersOf(supervisor);
  if (containers !== null) return whyItIsInContainers(deps, containers, { port, owner });
  const isAsked = service.checks.some((check) => asks(check, port));
  const proof = isAsked || supervisor !== null ? await proveService(deps, service) : null;
  const pid = proof?.status?.pid ?? null;
  if (pid !== null && pids.length > 0) {
    for (const candidate of pids) if (await deps.isInTree(candidate, [pid])) return ` (pid ${candidate})`;
    return null;
  }
  // Its own check talks to that port, and finds it healthy.
  return isAsked && proof?.isHealthy === true ? ', as its check says' : null;
}

/** Whether a check talks to this port of this machine. */
function asks(check: Check, port: number): boolean {
  const address = addressOf(check);
  if (address === null) return false;
  const match = /^(?:[a-z]+:\/\/)?(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?/.exec(address);
  const host = match?.[1] ?? '';
  const isHere = host === 'localhost' || host === '[::1]' || host.startsWith('127.');
  const usual = address.startsWith('https:') ? 443 : address.startsWith('http:') ? 80 : 0;
  return isHere && Number(match?.[2] ?? usual) === port;
}

function addressOf(check: Check): string | null {
  switch (check.kind) {
    case 'http':
    case 'redis':
    case 'postgres':
      return check.url;
    case 'tcp':
      return check.address;
    default:
      return null;
  }
}

async function checkDisk(deps: DeploymentHostDependencies, settings: DeploymentSettings): Promise<PreCheck> {
  const { diskFree } = settings.preChecks;
  const { bytes, percent, path } = await deps.freeSpace(diskOf(deps, settings));
  const found = `${formatByteSize(bytes)} (${Math.floor(percent)}%) free at ${path}`;
  const isGood =
    diskFree === null || ('bytes' in diskFree ? bytes >= diskFree.bytes : percent >= diskFree.percent);
  const wanted =
    diskFree === null ? '' : 'bytes' in diskFree ? formatByteSize(diskFree.bytes) : `${diskFree.percent}%`;
  return {
    name: 'disk',
    isGood,
    note: isGood ? found : `${found}, and ${wanted} has to be; free some first`,
  };
}

/** Where the new version takes up room. */
function diskOf(deps: DeploymentHostDependencies, { via, directory }: DeploymentSettings): string {
  switch (via.kind) {
    case 'directory':
      return via.root;
    case 'pm2':
    case 'systemd':
      return via.directory?.root ?? deps.stateDir;
    case 'docker':
    case 'compose':
      return '/var/lib/docker';
    case 'command':
      return directory;
  }
}
