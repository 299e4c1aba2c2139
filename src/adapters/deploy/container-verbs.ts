/** What is done to one container, each safe to ask for again while the engine still does what was asked for before. */
import { OpsError } from '../../domain/errors.js';
import {
  lookUntil,
  nameOf,
  type ContainerEngine,
  type ContainerInspection,
  type EngineContext,
  type RestartPolicy,
} from './container-engine.js';
import { ownLabels, type ContainerSettings } from './container-settings.js';

export interface EngineCall {
  engine: ContainerEngine;
  context: EngineContext;
}

export const noRestart: RestartPolicy = { Name: 'no', MaximumRetryCount: 0 };
const pathOf = ({ Id }: Pick<ContainerInspection, 'Id'>): string => `/containers/${Id}`;

/** What a process that died was just making comes late: its name is taken before it can be seen. */
export const create = async (
  call: EngineCall,
  name: string,
  settings: ContainerSettings,
): Promise<ContainerInspection> => {
  const { engine, context } = call;
  const path = `/containers/create?name=${encodeURIComponent(name)}`;
  const what = `the container ${name} cannot be made`;
  const { create: body, networks } = settings;
  const made = await engine.request('POST', path, { what, body }).catch(async (error: unknown) => {
    if (!isRefusal(error, 'conflict')) throw error;
    const late = await lookUntil(() => engine.container(name), context);
    if (late === null || !isOwn(late, body['Labels'] as Record<string, string>)) throw error;
    await remove(call, late);
    return await engine.request('POST', path, { what, body });
  });
  const { Id } = made.body as { Id: string };
  if (networks !== null) await connect(call, { Id, networks });
  const container = await engine.container(Id);
  if (container === null)
    throw new OpsError('unavailable', `the container ${name} was made and is gone again`);
  return container;
};

const isOwn = ({ Config: { Labels } }: ContainerInspection, labels: Record<string, string>): boolean =>
  [ownLabels.deployment, ownLabels.replaces, ownLabels.restores].every(
    (key) => Labels?.[key] === labels[key],
  );

/** The engine makes it in one network; it is put into the others, and out of one that the old container was taken out of. */
const connect = async (
  { engine }: EngineCall,
  { Id, networks }: { Id: string; networks: Record<string, Record<string, unknown>> },
): Promise<void> => {
  const present = Object.keys((await engine.container(Id))?.NetworkSettings?.Networks ?? {});
  const ask = (network: string, verb: 'connect' | 'disconnect', body: object): Promise<unknown> =>
    engine.request('POST', `/networks/${encodeURIComponent(network)}/${verb}`, {
      what: `the new container cannot be ${verb}ed: network ${network}`,
      body: { Container: Id, ...body },
    });
  for (const network of present) {
    if (!Object.hasOwn(networks, network)) await ask(network, 'disconnect', { Force: true });
  }
  for (const [network, endpoint] of Object.entries(networks)) {
    if (!present.includes(network)) await ask(network, 'connect', { EndpointConfig: endpoint });
  }
};

export const start = async ({ engine }: EngineCall, container: ContainerInspection): Promise<void> => {
  await engine.request('POST', `${pathOf(container)}/start`, {
    what: `the container with image ${container.Config.Image} cannot be started`,
  });
};

/** In its own time: the engine kills it after its `StopTimeout`. One that is being removed is stopped enough. */
export const stop = async ({ engine }: EngineCall, container: ContainerInspection): Promise<void> => {
  const what = `the container ${nameOf(container)} cannot be stopped`;
  await engine.request('POST', `${pathOf(container)}/stop`, { what }).catch((error: unknown) => {
    if (!isRefusal(error, 'notFound')) throw error;
  });
};

export const rename = async (
  { engine }: EngineCall,
  container: ContainerInspection,
  name: string,
): Promise<void> => {
  const what = `the container ${nameOf(container)} cannot be renamed to ${name}`;
  const path = `${pathOf(container)}/rename?name=${encodeURIComponent(name)}`;
  await engine.request('POST', path, { what }).catch(async (error: unknown) => {
    // It may have been asked for before, and happened in between.
    const there = await engine.container(container.Id);
    if (there === null || nameOf(there) !== name) throw error;
  });
};

export const hasPolicy = ({ HostConfig: host }: ContainerInspection, policy: RestartPolicy): boolean => {
  const own = host.RestartPolicy ?? noRestart;
  return (
    // The engine tells "no" as an empty name, too.
    (own.Name || 'no') === (policy.Name || 'no') &&
    (own.MaximumRetryCount ?? 0) === (policy.MaximumRetryCount ?? 0)
  );
};

export const setRestartPolicy = async (
  { engine }: EngineCall,
  container: ContainerInspection,
  policy: RestartPolicy,
): Promise<void> => {
  if (hasPolicy(container, policy)) return;
  await engine.request('POST', `${pathOf(container)}/update`, {
    what: `the restart policy of ${nameOf(container)} cannot be set`,
    body: { RestartPolicy: policy },
  });
};

/** Unless `keepsVolumes`, volumes without a name that were made for it go, too. One that is just going or starting is waited for. */
export const remove = async (
  { engine, context }: EngineCall,
  container: ContainerInspection,
  { keepsVolumes = false }: { keepsVolumes?: boolean } = {},
): Promise<void> => {
  const what = `the container ${nameOf(container)} cannot be removed`;
  let refusal: unknown;
  const isGone = await lookUntil(async () => {
    try {
      await engine.request('DELETE', `${pathOf(container)}?force=true&v=${!keepsVolumes}`, { what });
      return true;
    } catch (error) {
      if (isRefusal(error, 'notFound')) return true;
      if (!isRefusal(error, 'conflict')) throw error;
      refusal = error;
      return null;
    }
  }, context);
  if (isGone === null) throw refusal;
};

export const isRefusal = (error: unknown, reason: OpsError['reason']): boolean =>
  error instanceof OpsError && error.reason === reason;
