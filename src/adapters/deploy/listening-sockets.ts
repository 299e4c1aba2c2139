/** Who listens on TCP ports, as Linux tells it in /proc. */
import { readdir, readFile, readlink } from 'node:fs/promises';

export interface ListeningSocket {
  inode: string;
  /** User id of who opened it. */
  user: number;
}

/** LISTEN in the tables of the kernel. */
const listening = '0A';

/** Sockets that listen on the port, on any address. Rejects when the tables cannot be read. */
export async function listeningSockets(port: number): Promise<ListeningSocket[]> {
  const tables = await Promise.all([
    readFile('/proc/net/tcp', 'utf8'),
    // A kernel without IPv6 has no second one.
    readFile('/proc/net/tcp6', 'utf8').catch(() => ''),
  ]);
  return tables.flatMap((table) => table.split('\n').slice(1)).flatMap((line) => socketOf(line, port));
}

/** `sl local_address rem_address st queues timer retransmits uid timeout inode …`; addresses are hexadecimal. */
function socketOf(line: string, port: number): ListeningSocket[] {
  const [, local = '', , state, , , , user, , inode] = line.trim().split(/\s+/);
  const found = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16);
  return state === listening && found === port && inode !== undefined ? [{ inode, user: Number(user) }] : [];
}

/** Which processes hold which of the sockets. Those whose files this user may not read are missing. */
export async function holdersOf(inodes: readonly string[]): Promise<Map<string, number[]>> {
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));
  const holders = new Map<string, number[]>();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    for (const link of await linksOf(pid)) {
      if (!wanted.has(link)) continue;
      const inode = link.slice('socket:['.length, -1);
      const known = holders.get(inode) ?? [];
      if (!known.includes(Number(pid))) holders.set(inode, [...known, Number(pid)]);
    }
  }
  return holders;
}

async function linksOf(pid: string): Promise<string[]> {
  try {
    const names = await readdir(`/proc/${pid}/fd`);
    return await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
  } catch {
    // It has ended, or belongs to somebody else.
    return [];
  }
}
