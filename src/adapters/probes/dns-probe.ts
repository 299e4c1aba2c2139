/** Checks what a DNS server answers about a name. */
import { promises as dns } from 'node:dns';
import { isIP, isIPv6 } from 'node:net';
import type { Observation } from '../../domain/observation.js';
import type { DnsCheck } from '../../domain/service.js';
import { runAttempt } from './attempt.js';
import { recordTexts } from './dns-records.js';
import { codeOf } from './failure-text.js';
import { ProbeFailure } from './probe-failure.js';
import type { ProbeOptions } from './probe-options.js';

/** How long the first try waits for its answer. */
const firstTryMs = 1000;

/**
 * `connected` is true when the server answered at all, `dnsRcode` is its answer's code, `body` the first record
 * in sorted order (servers rotate theirs). A name without records of that type is NOERROR with an empty body.
 */
export function probeDns(check: DnsCheck, options: ProbeOptions): Promise<Observation> {
  return runAttempt(options, async (attempt) => {
    const name = questionOf(check);
    const server = check.server === null ? 'the DNS server of this host' : `DNS server ${check.server}`;
    attempt.stage = `asking ${server} about ${name}`;
    // A lost packet is asked for again within the limit; each try waits twice as long as the one before.
    const resolver = new dns.Resolver({
      timeout: Math.min(firstTryMs, Math.ceil(attempt.timeoutMs / 3)),
      tries: 4,
    });
    attempt.closeAtEnd(() => resolver.cancel());
    if (check.server !== null) useServer(resolver, check.server);
    const answer = await ask(resolver, { name, type: check.type.toUpperCase(), server });
    return { connected: true, responseTimeMs: attempt.elapsedMs(), ...answer };
  });
}

type Answer = Pick<Observation, 'dnsRcode' | 'body' | 'error'>;

async function ask(
  resolver: dns.Resolver,
  { name, type, server }: { name: string; type: string; server: string },
): Promise<Answer> {
  try {
    const [first = ''] = await recordTexts(resolver, name, type);
    return { dnsRcode: 'NOERROR', body: first };
  } catch (error) {
    const code = codeOf(error) ?? '';
    const rcode = rcodes[code];
    if (rcode === 'NOERROR') return { dnsRcode: rcode, body: '' };
    if (rcode !== undefined) {
      return { dnsRcode: rcode, body: '', error: `${server} answers ${rcode} about ${name} (${type})` };
    }
    throw dnsFailure(error, { code, name, server });
  }
}

/** What the resolver's errors say about the answer that came. */
const rcodes: Record<string, string> = {
  ENODATA: 'NOERROR',
  ENOTFOUND: 'NXDOMAIN',
  ESERVFAIL: 'SERVFAIL',
  EREFUSED: 'REFUSED',
  EFORMERR: 'FORMERR',
  ENOTIMP: 'NOTIMP',
};

function dnsFailure(
  error: unknown,
  { code, name, server }: { code: string; name: string; server: string },
): Error {
  switch (code) {
    case 'ETIMEOUT':
      return new ProbeFailure(`${server} does not answer (ETIMEOUT)`);
    case 'ECONNREFUSED':
      return new ProbeFailure(`nothing listens for DNS at ${server} (ECONNREFUSED)`);
    case 'EBADRESP':
      return new ProbeFailure(`${server} sent an answer that is not valid DNS (EBADRESP)`);
    case 'EBADNAME':
    case 'EBADQUERY':
      return new ProbeFailure(`"${name}" is not a name that DNS can be asked about`, { isUnknown: true });
    default:
      return error instanceof Error ? error : new ProbeFailure(`${server}: ${String(error)}`);
  }
}

/** An IP address is asked about by its reverse name. */
function questionOf({ name, type }: DnsCheck): string {
  if (type.toUpperCase() !== 'PTR' || isIP(name) === 0) return name.replace(/(.)\.$/, '$1');
  if (!isIPv6(name)) return `${name.split('.').reverse().join('.')}.in-addr.arpa`;
  return `${ipv6Digits(name).reverse().join('.')}.ip6.arpa`;
}

function ipv6Digits(address: string): string[] {
  // The URL parser writes the shortest form and turns an IPv4 tail into hexadecimal.
  const short = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = short.split('::');
  const start = head === '' ? [] : head.split(':');
  const end = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - start.length - end.length }, () => '0');
  return [...start, ...zeros, ...end].flatMap((group) => group.padStart(4, '0').split(''));
}

function useServer(resolver: dns.Resolver, server: string): void {
  try {
    resolver.setServers([isIPv6(server) ? `[${server}]` : server]);
  } catch {
    throw new ProbeFailure(
      `"${server}" is not the address of a DNS server; for example 127.0.0.1 or 127.0.0.1:5353`,
      {
        isUnknown: true,
      },
    );
  }
}
