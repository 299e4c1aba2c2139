/** Asks for the DNS records of one type and writes each as text. */
import type { CaaRecord, promises as dns } from 'node:dns';
import { ProbeFailure } from './probe-failure.js';

/** The records of `name`, sorted: hosts without the final dot, mail servers and services by priority. */
export async function recordTexts(resolver: dns.Resolver, name: string, type: string): Promise<string[]> {
  switch (type) {
    case 'A':
      return (await resolver.resolve4(name)).sort();
    case 'AAAA':
      return (await resolver.resolve6(name)).sort();
    case 'CNAME':
      return (await resolver.resolveCname(name)).sort();
    case 'NS':
      return (await resolver.resolveNs(name)).sort();
    case 'PTR':
      return (await resolver.resolvePtr(name)).sort();
    case 'TXT':
      return (await resolver.resolveTxt(name)).map((parts) => parts.join('')).sort();
    case 'MX':
      return (await resolver.resolveMx(name))
        .sort((a, b) => a.priority - b.priority || compare(a.exchange, b.exchange))
        .map(({ exchange }) => exchange);
    case 'SRV':
      return (await resolver.resolveSrv(name))
        .sort((a, b) => a.priority - b.priority || b.weight - a.weight || compare(a.name, b.name))
        .map((record) => `${record.name}:${record.port}`);
    case 'SOA': {
      const soa = await resolver.resolveSoa(name);
      return [`${soa.nsname} ${soa.hostmaster} ${soa.serial}`];
    }
    case 'CAA':
      return (await resolver.resolveCaa(name)).map(caaText).sort();
    default:
      throw new ProbeFailure(
        `DNS type "${type}" is not known; use A, AAAA, CAA, CNAME, MX, NS, PTR, SOA, SRV or TXT`,
        { isUnknown: true },
      );
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `issue letsencrypt.org`: the property and its value. */
function caaText(record: CaaRecord): string {
  return Object.entries(record)
    .filter(([property]) => property !== 'critical' && property !== 'type')
    .map(([property, value]) => `${property} ${String(value)}`)
    .join(' ');
}
