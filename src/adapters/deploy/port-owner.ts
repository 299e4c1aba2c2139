/** Which processes listen on a TCP port of this machine, and whether they belong to a service. */
import { readFile, readlink, realpath } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { oneLine } from '../../domain/bounded-text.js';
import { holdersOf, listeningSockets } from './listening-sockets.js';

export interface PortOwner {
  /** Empty: somebody listens, and this user may not see who. */
  pids: number[];
  /** For people, one for each: name, pid and the beginning of the command line; or what is known instead. */
  processes: string[];
}

/** Null: nobody listens on the port, on no address of this machine. */
export async function ownerOfPort(
  port: number,
  platform: NodeJS.Platform = process.platform,
): Promise<PortOwner | null> {
  if (platform !== 'linux') return unknownOwner(port);
  const sockets = await listeningSockets(port).catch(() => null);
  if (sockets === null) return unknownOwner(port);
  if (sockets.length === 0) return null;
  const holders = await holdersOf(sockets.map(({ inode }) => inode));
  const pids = [...new Set([...holders.values()].flat())].sort((one, other) => one - other);
  const hidden = new Set(sockets.filter(({ inode }) => !holders.has(inode)).map(({ user }) => user));
  return {
    pids,
    processes: [
      ...(await Promise.all(pids.map(describeProcess))),
      ...[...hidden].map(
        (user) => `a process of user ${user} that the user of this worker may not look into`,
      ),
    ],
  };
}

const longestCommand = 80;

async function describeProcess(pid: number): Promise<string> {
  const [name, command] = await Promise.all([
    readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''),
    readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
  ]);
  const line = oneLine(command.replaceAll('\0', ' '), longestCommand);
  return `${oneLine(name, 20) || 'a process'} (pid ${pid}${line === '' ? '' : `: ${line}`})`;
}

const dialTimeoutMs = 1_000;

/** Where nobody tells who listens: somebody does when a connection is accepted, or when the port cannot be listened on. */
async function unknownOwner(port: number): Promise<PortOwner | null> {
  // One after the other: they would find each other.
  for (const host of ['127.0.0.1', '0.0.0.0', '::']) if (await isTaken(host, port)) return unknown;
  for (const host of ['127.0.0.1', '::1']) if (await isAnswered(host, port)) return unknown;
  return null;
}

const unknown: PortOwner = { pids: [], processes: ['a process that this system does not name'] };

const isAnswered = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: dialTimeoutMs });
    const end = (isOpen: boolean) => (): void => {
      socket.destroy();
      resolve(isOpen);
    };
    // A connection may come from the very port that it goes to: then it has met itself.
    socket
      .once('connect', () => end(socket.localPort !== port)())
      .once('error', end(false))
      .once('timeout', end(false));
  });

const isTaken = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    // Not allowed, no such address: that tells nothing.
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(false)));
  });

/**
 * Whether a process is one of `ancestors`, comes from one of them, or is in a process group or session that one of them leads (what a
 * parent that has ended leaves behind). Elsewhere than on Linux only the first is known.
 */
export async function isInTree(pid: number, ancestors: readonly number[]): Promise<boolean> {
  // The first process is everybody's.
  const leaders = ancestors.filter((ancestor) => ancestor > 1);
  const seen = new Set<number>();
  for (let current = pid; current > 1 && !seen.has(current);) {
    seen.add(current);
    if (leaders.includes(current)) return true;
    const place = await placeOf(current);
    if (place === null) return false;
    if (leaders.includes(place.group) || leaders.includes(place.session)) return true;
    current = place.parent;
  }
  return false;
}

/** Whether a process runs in a folder (absolute), or runs a program or script of it. Its working folder is looked at, and its command. */
export async function runsFrom(pid: number, folder: string): Promise<boolean> {
  const root = await realpath(folder).catch(() => folder);
  const isInside = (path: string): boolean => path === root || path.startsWith(`${root}/`);
  const links = await Promise.all(
    ['cwd', 'exe'].map((link) => readlink(`/proc/${pid}/${link}`).catch(() => '')),
  );
  if (links.some(isInside)) return true;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  // A release is mostly named by the link to the live one.
  return command.split('\0').some((word) => isInside(word) || word.startsWith(`${folder}/`));
}

/** Null: it is not there any more. */
async function placeOf(pid: number): Promise<{ parent: number; group: number; session: number } | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  // `pid (name) state parent group session …`; the name may hold anything.
  const [, parent, group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(parent), group: Number(group), session: Number(session) };
}
