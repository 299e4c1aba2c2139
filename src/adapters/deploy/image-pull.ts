/** Fetching an image that is not on this machine. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { OpsError } from '../../domain/errors.js';
import type { ContainerEngine, EngineContext, ImageInspection } from './container-engine.js';
import { registryOf, type ImageReference } from './image-reference.js';

interface PullMessage {
  id?: string;
  status?: string;
  error?: string;
  progressDetail?: { current?: number; total?: number };
}

export interface PullMeans {
  engine: ContainerEngine;
  context: EngineContext;
  /** Searched for DOCKER_CONFIG and HOME. */
  environment: NodeJS.ProcessEnv;
}

/** Gives the image, fetched when it is not there; progress is reported. Throws `notFound` when nobody has it. */
export const ensureImage = async (reference: ImageReference, means: PullMeans): Promise<ImageInspection> => {
  const { engine } = means;
  const present = await engine.image(reference.text);
  if (present !== null) return present;
  await pull(reference, means);
  const fetched = await engine.image(reference.text);
  if (fetched !== null) return fetched;
  throw new OpsError(
    'unavailable',
    `the image ${reference.text} was fetched, and is not there: see docker images`,
  );
};

const pull = async (
  reference: ImageReference,
  { engine, context, environment }: PullMeans,
): Promise<void> => {
  const { text, repository, tag, digest } = reference;
  const query = new URLSearchParams({ fromImage: repository, tag: digest ?? tag ?? 'latest' });
  const credentials = await credentialsFor(registryOf(reference), environment);
  const progress = pullProgress(text, context.report);
  context.report(`fetching ${text}`);
  let failure: string | null = null;
  const { status, body } = await engine.ask('POST', `/images/create?${query.toString()}`, {
    ...(credentials.header === null ? {} : { headers: { 'X-Registry-Auth': credentials.header } }),
    onMessage: (message) => {
      const { error } = message as PullMessage;
      if (error === undefined) progress(message as PullMessage);
      else failure = error;
    },
  });
  if (status !== 200)
    failure = (body as { message?: string } | null)?.message ?? `the engine answers ${status}`;
  if (failure !== null) throw pullFailure(text, failure, credentials);
};

/** What trying again cannot mend. */
const nobodyHasIt =
  /not found|manifest unknown|does not exist|denied|unauthorized|no basic auth|authentication required|no matching manifest/i;

const pullFailure = (image: string, said: string, credentials: Credentials): OpsError => {
  const isFinal = nobodyHasIt.test(said);
  const hint = credentials.hint === null ? '' : ` (${credentials.hint})`;
  return new OpsError(
    isFinal ? 'notFound' : 'unavailable',
    `the image ${image} is not on this machine and could not be fetched: ${said.trim()}${hint}; docker pull ${image} shows the same`,
  );
};

/** One line for all layers, told when it changes. */
const pullProgress = (image: string, report: (text: string) => void): ((message: PullMessage) => void) => {
  const layers = new Map<string, { share: number; isDone: boolean }>();
  let last = '';
  return ({ id, status = '', progressDetail }) => {
    if (id === undefined || status.startsWith('Pulling from')) return;
    const isDone = status === 'Pull complete' || status === 'Already exists';
    const { current = 0, total = 0 } = progressDetail ?? {};
    const known = layers.get(id)?.share ?? 0;
    const share = isDone ? 1 : status === 'Downloading' && total > 0 ? current / total : known;
    layers.set(id, { share, isDone });
    const all = [...layers.values()];
    const percent = Math.floor((100 * all.reduce((sum, layer) => sum + layer.share, 0)) / all.length);
    const done = all.filter((layer) => layer.isDone).length;
    const text = `fetching ${image}: ${done} of ${all.length} layers, ${percent} %`;
    if (text !== last) report(text);
    last = text;
  };
};

interface Credentials {
  /** Value of `X-Registry-Auth`; null: none are known. */
  header: string | null;
  /** Why not, where a person would expect some. */
  hint: string | null;
}

interface DockerConfiguration {
  auths?: Record<string, { auth?: string; identitytoken?: string }>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

/** From the docker command's own file, as `docker login` leaves it; its helper programs are not run. */
const credentialsFor = async (registry: string, environment: NodeJS.ProcessEnv): Promise<Credentials> => {
  const folder = environment['DOCKER_CONFIG'] || join(environment['HOME'] || homedir(), '.docker');
  const file = join(folder, 'config.json');
  let configuration: DockerConfiguration;
  try {
    configuration = (JSON.parse(await readFile(file, 'utf8')) ?? {}) as DockerConfiguration;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return { header: null, hint: isMissing ? null : `${file} cannot be read, so no credentials were used` };
  }
  const [key, entry] =
    Object.entries(configuration.auths ?? {}).find(([name]) => hostOf(name) === registry) ?? [];
  if (key !== undefined && entry !== undefined) {
    const { auth = '', identitytoken } = entry;
    const [, username = '', password = ''] =
      /^([^:]*):([^]*)$/.exec(Buffer.from(auth, 'base64').toString()) ?? [];
    const login = identitytoken ? { identitytoken } : username === '' ? null : { username, password };
    if (login !== null) return { header: encoded({ ...login, serveraddress: key }), hint: null };
  }
  const isElsewhere = configuration.credsStore !== undefined || configuration.credHelpers !== undefined;
  return {
    header: null,
    hint: isElsewhere ? `credential helpers named in ${file} are not used, only its auths` : null,
  };
};

/** `https://index.docker.io/v1/` is docker.io. */
const hostOf = (key: string): string => {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
};

const encoded = (value: unknown): string => {
  // The engine reads base64url with its padding.
  const text = Buffer.from(JSON.stringify(value)).toString('base64');
  return text.replaceAll('+', '-').replaceAll('/', '_');
};
