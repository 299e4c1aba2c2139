/**
 * Names to addresses without the thread pool: one name whose DNS server hangs must not delay others.
 *
 * Node's usual `dns.lookup` runs in four threads shared with files and cryptography; four dead names would stop
 * everything for seconds. So the order here is the hosts file, then asynchronous DNS queries; the system's own
 * lookup is asked only about what those do not know (search domains, mDNS), two at a time.
 */
import { type LookupAddress, promises as dns } from 'node:dns';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { codeOf } from './failure-text.js';
import { ProbeFailure } from './probe-failure.js';

/** A resolver reads the system's servers when it is made; a laptop changes networks. */
const resolverLifeMs = 30_000;
/** How long an IPv4 answer waits for the IPv6 one, as in RFC 8305. */
const secondFamilyWaitMs = 50;
const systemLookupsAtOnce = 2;

const lookupsUnderWay = new Map<string, Promise<LookupAddress[]>>();

/** All addresses of `name`, IPv4 first; never empty. Throws `ProbeFailure`. */
export function lookUpName(name: string): Promise<LookupAddress[]> {
  const key = name.toLowerCase().replace(/\.$/, '');
  const underWay = lookupsUnderWay.get(key);
  if (underWay) return underWay;
  const lookup = lookUp(key).finally(() => lookupsUnderWay.delete(key));
  lookupsUnderWay.set(key, lookup);
  return lookup;
}

async function lookUp(name: string): Promise<LookupAddress[]> {
  // Many hosts files name only the IPv4 address of localhost.
  if (name === 'localhost') return localhostAddresses;
  const local = hostsFile().get(name) ?? (name.endsWith('.localhost') ? localhostAddresses : undefined);
  if (local) return local;
  try {
    return await queryBothFamilies(name);
  } catch (error) {
    if (codeOf(error) === 'ETIMEOUT') {
      throw new ProbeFailure(`no DNS server answered about ${name} (ETIMEOUT)`);
    }
  }
  return systemLookup(name);
}

/** These names mean this host whatever DNS says (RFC 6761). */
const localhostAddresses: LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

async function queryBothFamilies(name: string): Promise<LookupAddress[]> {
  const resolver = currentResolver();
  const ipv4 = resolver.resolve4(name).then((found) => found.map((address) => ({ address, family: 4 })));
  const ipv6 = resolver.resolve6(name).then((found) => found.map((address) => ({ address, family: 6 })));
  const ipv6OrNone = ipv6.catch((): LookupAddress[] => []);
  let first: LookupAddress[];
  try {
    first = await ipv4;
  } catch (error) {
    const second = await ipv6OrNone;
    if (second.length === 0) throw error;
    return second;
  }
  return [...first, ...(await atMost(secondFamilyWaitMs, ipv6OrNone))];
}

async function atMost(limitMs: number, answer: Promise<LookupAddress[]>): Promise<LookupAddress[]> {
  let timer: NodeJS.Timeout | undefined;
  const nothing = new Promise<LookupAddress[]>((resolve) => {
    timer = setTimeout(() => resolve([]), limitMs);
  });
  const addresses = await Promise.race([answer, nothing]);
  clearTimeout(timer);
  return addresses;
}

let resolver: { madeAtMs: number; resolver: dns.Resolver } | undefined;

function currentResolver(): dns.Resolver {
  const nowMs = performance.now();
  if (resolver === undefined || nowMs - resolver.madeAtMs > resolverLifeMs) {
    resolver = { madeAtMs: nowMs, resolver: new dns.Resolver({ timeout: 1000, tries: 3 }) };
  }
  return resolver.resolver;
}

let systemLookupsRunning = 0;
const systemLookupsWaiting: (() => void)[] = [];

async function systemLookup(name: string): Promise<LookupAddress[]> {
  if (systemLookupsRunning >= systemLookupsAtOnce) {
    // Whoever ends a lookup hands its place over, so the count stays as it is.
    await new Promise<void>((resolve) => systemLookupsWaiting.push(resolve));
  } else {
    systemLookupsRunning += 1;
  }
  try {
    const found = await dns.lookup(name, { all: true, order: 'ipv4first' });
    if (found.length > 0) return found;
    throw new ProbeFailure(`name ${name} does not resolve (no address)`);
  } catch (error) {
    if (error instanceof ProbeFailure) throw error;
    throw new ProbeFailure(`name ${name} does not resolve (${codeOf(error) ?? 'unknown error'})`);
  } finally {
    const next = systemLookupsWaiting.shift();
    if (next) next();
    else systemLookupsRunning -= 1;
  }
}

const hostsPath = '/etc/hosts';
let hosts: { version: string; names: Map<string, LookupAddress[]> } | undefined;

/** The hosts file, read again only when it changed. */
function hostsFile(): Map<string, LookupAddress[]> {
  const stat = statSync(hostsPath, { throwIfNoEntry: false });
  const version = `${stat?.mtimeMs}:${stat?.size}`;
  if (hosts?.version !== version) {
    hosts = { version, names: stat === undefined ? new Map() : parseHosts(readFileSync(hostsPath, 'utf8')) };
  }
  return hosts.names;
}

function parseHosts(text: string): Map<string, LookupAddress[]> {
  const names = new Map<string, LookupAddress[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const alias of aliases) {
      const addresses = names.get(alias.toLowerCase()) ?? [];
      if (addresses.every((known) => known.address !== address)) addresses.push({ address, family });
      names.set(alias.toLowerCase(), addresses);
    }
  }
  for (const addresses of names.values()) addresses.sort((a, b) => a.family - b.family);
  return names;
}
