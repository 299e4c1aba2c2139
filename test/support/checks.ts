/** Checks as the configuration would give them, with what a test does not care about filled in. */
import type {
  CertificateCheck,
  DnsCheck,
  ExpiryCheck,
  HttpCheck,
  PostgresCheck,
  RedisCheck,
  TcpCheck,
} from '../../src/domain/service.js';
import { defaultConditions } from '../../src/domain/service.js';
import { probe, type ProbedCheck } from '../../src/adapters/probe.js';
import type { Observation } from '../../src/domain/observation.js';

export const httpCheck = (url: string, more: Partial<HttpCheck> = {}): HttpCheck => ({
  kind: 'http',
  url,
  method: 'GET',
  headers: {},
  body: null,
  auth: null,
  insecure: false,
  followRedirects: true,
  conditions: [...defaultConditions.http],
  ...more,
});

export const tcpCheck = (address: string): TcpCheck => ({
  kind: 'tcp',
  address,
  conditions: [...defaultConditions.tcp],
});

export const redisCheck = (url: string): RedisCheck => ({
  kind: 'redis',
  url,
  conditions: [...defaultConditions.redis],
});

export const postgresCheck = (url: string, query = 'SELECT 1'): PostgresCheck => ({
  kind: 'postgres',
  url,
  query,
  conditions: [...defaultConditions.postgres],
});

export const dnsCheck = (name: string, type: string, server: string | null): DnsCheck => ({
  kind: 'dns',
  name,
  type,
  server,
  conditions: [...defaultConditions.dns],
});

export const certificateCheck = (address: string, serverName: string | null = null): CertificateCheck => ({
  kind: 'certificate',
  address,
  serverName,
  conditions: [...defaultConditions.certificate],
});

export const expiryCheck = (source: ExpiryCheck['source']): ExpiryCheck => ({
  kind: 'expiry',
  what: 'chat token',
  source,
  conditions: [...defaultConditions.expiry],
});

/** One probe of a service without a supervisor. */
export const observe = (check: ProbedCheck, timeoutMs = 3000, signal?: AbortSignal): Promise<Observation> =>
  probe(check, { timeoutMs, supervisor: null, ...(signal && { signal }) });
