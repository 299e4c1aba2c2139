/** The DNS probe on a server over real UDP and TCP sockets. */
import { afterEach, describe, expect, it } from 'vitest';
import { dnsCheck, observe } from '../support/checks.js';
import {
  type DnsQuestion,
  type DnsReply,
  type DnsServer,
  ipv4Data,
  nameData,
  startDnsServer,
  textData,
  uint16,
} from '../support/dns-server.js';
import { openResources, waitUntilNoMoreThan } from '../support/open-resources.js';
import { freePort } from '../support/tcp-server.js';

const servers: DnsServer[] = [];
const start = async (answer: (question: DnsQuestion) => DnsReply | null): Promise<string> => {
  const server = await startDnsServer(answer);
  servers.push(server);
  return server.address;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const records: Record<string, Buffer[]> = {
  A: [ipv4Data('10.0.0.2'), ipv4Data('10.0.0.1')],
  AAAA: [Buffer.from('fd000000000000000000000000000001', 'hex')],
  CNAME: [nameData('www.example.org')],
  NS: [nameData('b.example.org'), nameData('a.example.org')],
  MX: [
    Buffer.concat([uint16(20), nameData('two.example.org')]),
    Buffer.concat([uint16(10), nameData('one.example.org')]),
  ],
  TXT: [Buffer.concat([textData('v=spf1 '), textData('-all')])],
  SRV: [Buffer.concat([uint16(1), uint16(5), uint16(5432), nameData('db.example.org')])],
  PTR: [nameData('host.example.org')],
  SOA: [
    Buffer.concat([
      nameData('ns.example.org'),
      nameData('admin.example.org'),
      Buffer.from('0000002a', 'hex'),
      Buffer.alloc(16),
    ]),
  ],
  CAA: [Buffer.concat([Buffer.from([0]), textData('issue'), Buffer.from('letsencrypt.org')])],
};

describe('a dns check', () => {
  it.each([
    ['A', '10.0.0.1'],
    ['aaaa', 'fd00::1'],
    ['CNAME', 'www.example.org'],
    ['NS', 'a.example.org'],
    ['MX', 'one.example.org'],
    ['TXT', 'v=spf1 -all'],
    ['SRV', 'db.example.org:5432'],
    ['PTR', 'host.example.org'],
    ['SOA', 'ns.example.org admin.example.org 42'],
    ['CAA', 'issue letsencrypt.org'],
  ])('sees the first %s record', async (type, body) => {
    const server = await start((question) => ({ records: records[question.type] ?? [] }));
    const seen = await observe(dnsCheck('example.org', type, server));
    expect(seen).toMatchObject({ connected: true, dnsRcode: 'NOERROR', body });
    expect(seen).not.toHaveProperty('error');
  });

  it('takes a name without such records for NOERROR', async () => {
    const server = await start(() => ({}));
    expect(await observe(dnsCheck('example.org', 'A', server))).toMatchObject({
      dnsRcode: 'NOERROR',
      body: '',
    });
  });

  it.each([
    [3, 'NXDOMAIN'],
    [2, 'SERVFAIL'],
    [5, 'REFUSED'],
    [1, 'FORMERR'],
    [4, 'NOTIMP'],
  ])('names the answer code %d: %s', async (rcode, name) => {
    const server = await start(() => ({ rcode }));
    expect(await observe(dnsCheck('example.org', 'A', server))).toMatchObject({
      connected: true,
      dnsRcode: name,
      error: `DNS server ${server} answers ${name} about example.org (A)`,
    });
  });

  it('asks again over TCP when the answer is too long for UDP', async () => {
    const server = await start(() => ({ records: [ipv4Data('10.0.0.9')], isTruncated: true }));
    expect(await observe(dnsCheck('example.org', 'A', server))).toMatchObject({ body: '10.0.0.9' });
  });

  it('asks about an IP address by its reverse name', async () => {
    const asked: string[] = [];
    const server = await start(({ name }) => {
      asked.push(name);
      return { records: records['PTR'] ?? [] };
    });
    await observe(dnsCheck('10.1.2.3', 'PTR', server));
    await observe(dnsCheck('2001:db8::567:89ab', 'PTR', server));
    expect(asked[0]).toBe('3.2.1.10.in-addr.arpa');
    expect(asked[1]).toBe('b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa');
  });

  it('asks a second time when the first packet is lost', async () => {
    let asked = 0;
    const server = await start(() => {
      asked += 1;
      return asked === 1 ? null : { records: [ipv4Data('10.0.0.9')] };
    });
    expect(await observe(dnsCheck('example.org', 'A', server), 3000)).toMatchObject({ body: '10.0.0.9' });
  });

  it('ends at the limit when the server is silent, and says so', async () => {
    const server = await start(() => null);
    const seen = await observe(dnsCheck('example.org', 'A', server), 600);
    expect(seen).toMatchObject({ connected: false });
    expect(seen.error).toMatch(
      /no answer within 600ms \(asking DNS server .* about example\.org\)|does not answer/,
    );
    expect(seen.responseTimeMs).toBeLessThan(850);
    expect(seen).not.toHaveProperty('dnsRcode');
  });

  it('says that nothing listens', async () => {
    const seen = await observe(dnsCheck('example.org', 'A', `127.0.0.1:${await freePort()}`));
    expect(seen.error).toMatch(/^nothing listens for DNS at DNS server 127\.0\.0\.1:\d+ \(ECONNREFUSED\)$/);
  });

  it('does not take nonsense for an answer', async () => {
    const server = await start(() => ({ raw: Buffer.from('hello') }));
    const seen = await observe(dnsCheck('example.org', 'A', server), 600);
    expect(seen).toMatchObject({ connected: false });
    expect(seen.error).toBeTruthy();
  });

  it('is unknown when it cannot be asked', async () => {
    const type = await observe(dnsCheck('example.org', 'HINFO', '127.0.0.1'));
    expect(type).toMatchObject({
      unknown: true,
      error: expect.stringContaining('DNS type "HINFO" is not known'),
    });
    const server = await observe(dnsCheck('example.org', 'A', 'dns.example.org'));
    expect(server).toMatchObject({ unknown: true, error: expect.stringContaining('is not the address') });
  });

  it('leaves nothing open after 500 probes, silent and failing ones among them', async () => {
    const before = openResources();
    const server = await start(({ name }) => {
      if (name === 'silent.example') return null;
      return name === 'gone.example' ? { rcode: 3 } : { records: [ipv4Data('10.0.0.9')] };
    });
    const names = ['here.example', 'silent.example', 'gone.example'];
    const seen = await Promise.all(
      Array.from({ length: 500 }, (_, index) => {
        const name = names[index % 3] ?? 'here.example';
        return observe(dnsCheck(name, 'A', server), name === 'silent.example' ? 500 : 20_000);
      }),
    );
    expect(seen.filter(({ dnsRcode }) => dnsRcode === 'NOERROR')).toHaveLength(167);
    expect(seen.filter(({ dnsRcode }) => dnsRcode === 'NXDOMAIN')).toHaveLength(166);
    await Promise.all(servers.splice(0).map((each) => each.close()));
    await waitUntilNoMoreThan(before);
  }, 30_000);
});
