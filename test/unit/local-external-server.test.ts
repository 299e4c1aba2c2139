/** Addresses of servers that exist already. */
import { describe, expect, it } from 'vitest';
import { addressText, parseServerUrl, parseTemporalAddress } from '../../src/local/external-server.js';

describe('the address of a given server', () => {
  it('is host and port, also for IPv6', () => {
    expect(parseTemporalAddress('temporal.example:7233', 'TEMPORAL_ADDRESS')).toMatchObject({
      host: 'temporal.example',
      port: 7233,
    });
    const six = parseTemporalAddress('[::1]:7233', 'TEMPORAL_ADDRESS');
    expect(addressText(six)).toBe('[::1]:7233');
  });

  it('is refused with an example when it is none', () => {
    expect(() => parseTemporalAddress('http://x', 'temporal.address')).toThrow(
      /temporal\.address: "http:\/\/x" is no address; expected host:port, for example/,
    );
  });

  it('comes from a URL with the usual port when none is named', () => {
    expect(parseServerUrl('PostgreSQL', 'postgres://u:p@db/x', 'DATABASE_URL', 5432)).toMatchObject({
      host: 'db',
      port: 5432,
    });
  });

  it('is left to the driver when the URL names a socket or several hosts', () => {
    expect(parseServerUrl('PostgreSQL', 'postgres:///x?host=/run/pg', 'DATABASE_URL', 5432)).toBeNull();
    expect(parseServerUrl('PostgreSQL', 'postgres://a:1,b:2/x', 'DATABASE_URL', 5432)).toBeNull();
  });

  it('is not repeated in the error, as it may hold a password', () => {
    expect(() => parseServerUrl('Redis', 'redis//:secret@x', 'REDIS_URL', 6379)).toThrow(
      /^REDIS_URL is no URL; for example redis:\/\/127/,
    );
  });
});
