/** Images with defaults of their own, and containers that obey at once. */
import { testImage, type TestDockerEngine } from './docker-engine.js';

/** A process without handlers ignores SIGTERM as the first of its container, which makes stopping slow. */
export const obedient = `trap 'exit 0' TERM; while :; do sleep 1 & wait; done`;

/** `changes`: as in a Dockerfile, `ENV A=1`. Runs `obedient` unless they say otherwise. */
export const makeImage = async (
  { docker }: TestDockerEngine,
  name: string,
  changes: string[] = [],
): Promise<void> => {
  const base = await docker('create', '--network', 'none', testImage, 'true');
  const all = [`CMD ${JSON.stringify(['sh', '-c', obedient])}`, ...changes];
  await docker('commit', ...all.flatMap((change) => ['--change', change]), base, name);
  await docker('rm', base);
};

/** All containers of which the name holds `part`: their names, in order. */
export const containerNames = async ({ docker }: TestDockerEngine, part: string): Promise<string[]> => {
  const names = await docker('ps', '--all', '--format', '{{.Names}}', '--filter', `name=${part}`);
  return names.split('\n').filter(Boolean).sort();
};

export const inspect = async <T = string>(
  { docker }: TestDockerEngine,
  container: string,
  path = '.',
): Promise<T> => JSON.parse(await docker('inspect', '--format', `{{json ${path}}}`, container)) as T;
