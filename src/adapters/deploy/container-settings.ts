/** From an inspected container to the request that makes one like it. */
import { setOnContainer } from './image-defaults.js';
import type { ContainerInspection, HostConfig, ImageConfig, NetworkEndpoint } from './container-engine.js';

/** What of an inspection is needed to make the container again. */
export type ContainerLikeness = Pick<
  ContainerInspection,
  'Id' | 'Name' | 'Image' | 'Config' | 'HostConfig' | 'Mounts' | 'NetworkSettings'
>;

export interface ContainerSettings {
  /** Body of `POST /containers/create`. */
  create: Record<string, unknown>;
  /** All networks that it shall be in, by name; null: it shares another's, or has none. */
  networks: Record<string, Record<string, unknown>> | null;
}

export interface NewContainer {
  like: ContainerLikeness;
  /** Of the image that `like` was made from; null: not known. */
  defaults: ImageConfig | null;
  image: string;
  labels: Record<string, string>;
  restartPolicy: HostConfig['RestartPolicy'];
}

/** Marks of ours on the container before are not taken over. */
export const ownLabels = {
  /** Number of the deployment that made it. */
  deployment: 'opsloop.deployment',
  /** Id of the container in whose place it came. */
  replaces: 'opsloop.replaces',
  /** Id of the lost container that it was made again from. */
  restores: 'opsloop.restores',
  /** The reference of its image, where it had to be made from the id. */
  image: 'opsloop.image',
} as const;

export const settingsOf = (wanted: NewContainer): ContainerSettings => {
  const { like, defaults, image } = wanted;
  const own = setOnContainer(like.Config, defaults) as Partial<ContainerInspection['Config']>;
  const taken = Object.entries(own.Labels ?? {}).filter(
    ([key]) => !(Object.values(ownLabels) as string[]).includes(key),
  );
  const host = hostConfigOf(wanted);
  const networks = networksOf(like);
  const mode = nameOfMode(like);
  const first = networks?.[mode];
  const exposed = Object.keys(host.PortBindings ?? {}).map((port) => [port, {}] as const);
  return {
    create: {
      ...withOwnHostname(own, like),
      Image: image,
      // A port that is published was exposed with it, whatever the image says of it.
      ExposedPorts: { ...own.ExposedPorts, ...Object.fromEntries(exposed) },
      Labels: { ...Object.fromEntries(taken), ...wanted.labels },
      HostConfig: host,
      ...(first === undefined || Object.keys(first).length === 0
        ? {}
        : { NetworkingConfig: { EndpointsConfig: { [mode]: first } } }),
    },
    networks,
  };
};

/** The engine's own choice is the beginning of the container's id; one that shares a host's or another's names cannot have one. */
const withOwnHostname = (
  { Hostname, Domainname, ...others }: Partial<ContainerInspection['Config']>,
  { Id, HostConfig: host }: ContainerLikeness,
): Record<string, unknown> => {
  if (sharesNetwork(host) || host.UTSMode === 'host') return others;
  return {
    ...others,
    ...(Hostname && Hostname !== Id.slice(0, 12) ? { Hostname } : {}),
    ...(Domainname ? { Domainname } : {}),
  };
};

const hostConfigOf = ({ like, restartPolicy }: NewContainer): HostConfig => {
  const { ContainerIDFile: _, ...host } = like.HostConfig;
  const volumes = (like.Mounts ?? []).filter(({ Type, Name }) => Type === 'volume' && Name !== undefined);
  const nameAt = new Map(volumes.map(({ Destination, Name }) => [Destination, Name]));
  const binds = host.Binds ?? [];
  const mounts = host.Mounts ?? [];
  const isNamed = (destination: string): boolean =>
    binds.some((bind) => bind.split(':')[1] === destination) ||
    mounts.some(({ Target }) => Target === destination);
  // Volumes without a name of their own hold data, too: the new container gets the same ones.
  const unnamed = volumes
    .filter(({ Destination }) => !isNamed(Destination))
    .map(({ Name, Destination, RW }) => `${Name}:${Destination}${RW === false ? ':ro' : ''}`);
  return {
    ...host,
    Binds: [...binds, ...unnamed],
    Mounts: mounts.map((mount) => {
      const name = mount.Type === 'volume' && !mount.Source ? nameAt.get(mount.Target) : undefined;
      return name === undefined ? mount : { ...mount, Source: name };
    }),
    Links: (host.Links ?? []).map(asLink),
    ...(restartPolicy === undefined ? {} : { RestartPolicy: restartPolicy }),
  };
};

/** Told as `/database:/api/db`, asked for as `database:db`. */
const asLink = (link: string): string => {
  const [, other, alias] = /^\/?([^:]+):(?:.*\/)?([^/]+)$/.exec(link) ?? [];
  return other === undefined ? link : `${other}:${alias}`;
};

const sharesNetwork = ({ NetworkMode = '' }: HostConfig): boolean => NetworkMode.startsWith('container:');

/** The network that the engine connects it to when it is made, by the name under which inspections list it. */
const nameOfMode = ({ HostConfig: host, NetworkSettings }: ContainerLikeness): string => {
  const mode = host.NetworkMode ?? 'default';
  if (mode === 'default') return 'bridge';
  const networks = Object.entries(NetworkSettings?.Networks ?? {});
  return networks.find(([name, { NetworkID }]) => name === mode || NetworkID === mode)?.[0] ?? mode;
};

const networksOf = (like: ContainerLikeness): ContainerSettings['networks'] => {
  const mode = nameOfMode(like);
  if (sharesNetwork(like.HostConfig) || mode === 'host' || mode === 'none') return null;
  const networks = Object.entries(like.NetworkSettings?.Networks ?? {});
  return Object.fromEntries(
    networks.map(([name, endpoint]) => [name, endpointOf(endpoint, like, name === mode)]),
  );
};

/** What was asked for; addresses that the network gave by itself are given anew. */
const endpointOf = (
  { IPAMConfig, Links, DriverOpts, GwPriority, Aliases }: NetworkEndpoint,
  { Id, Config: { MacAddress } }: ContainerLikeness,
  isFirst: boolean,
): Record<string, unknown> => {
  const aliases = (Aliases ?? []).filter((alias) => alias !== Id.slice(0, 12));
  const parts = {
    IPAMConfig,
    Links,
    DriverOpts,
    GwPriority,
    Aliases: aliases.length === 0 ? null : aliases,
    MacAddress: isFirst ? MacAddress : null,
  };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => Boolean(value)));
};
