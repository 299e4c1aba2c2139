// The request that makes a container like another one: what a real engine cannot show in a test.
import { describe, expect, it } from 'vitest';
import type { ContainerInspection } from '../../src/adapters/deploy/container-engine.js';
import { settingsOf } from '../../src/adapters/deploy/container-settings.js';

const id = '0123456789abcdef'.repeat(4);
const settings = (
  host: ContainerInspection['HostConfig'],
  config: Partial<ContainerInspection['Config']> = {},
  others: Partial<ContainerInspection> = {},
) => {
  const like = { Id: id, Name: '/api', Image: 'sha256:1', HostConfig: host, ...others };
  const { create, networks } = settingsOf({
    like: { ...like, Config: { Image: 'api:1', ...config } },
    defaults: {},
    image: 'api:2',
    labels: { mark: '1' },
    restartPolicy: { Name: 'no' },
  });
  return { networks, create: create as Record<string, unknown> & { HostConfig: Record<string, unknown> } };
};

describe('settings of a new container', () => {
  it('ask for links in the way that they are asked for, not told', () => {
    const { create } = settings({ Links: ['/database:/api/db', '/cache:/api/cache'] });
    expect(create.HostConfig['Links']).toEqual(['database:db', 'cache:cache']);
  });

  it('have no name of their own where the container shares those of another or of the host', () => {
    const named = { Hostname: 'shop', Domainname: 'example.com' };
    expect(settings({ NetworkMode: 'bridge' }, named).create).toMatchObject(named);
    for (const host of [{ NetworkMode: 'container:db' }, { NetworkMode: 'host', UTSMode: 'host' }]) {
      const { create, networks } = settings(host, named);
      expect(create).not.toHaveProperty('Hostname');
      expect(create).not.toHaveProperty('Domainname');
      expect(networks).toBeNull();
    }
    expect(settings({}, { Hostname: id.slice(0, 12) }).create).not.toHaveProperty('Hostname');
  });

  it('keep addresses that were asked for, not those that a network gave', () => {
    const networks = {
      'shop-net': {
        NetworkID: 'abc',
        IPAMConfig: { IPv4Address: '10.0.0.9' },
        Aliases: ['api', id.slice(0, 12)],
        IPAddress: '10.0.0.9',
        MacAddress: '02:00:00:00:00:01',
        EndpointID: 'x',
        DNSNames: ['api'],
        GwPriority: 0,
      },
      other: { NetworkID: 'def', IPAMConfig: null, Aliases: null, IPAddress: '10.1.0.2' },
    };
    const made = settings(
      { NetworkMode: 'abc' },
      { MacAddress: '02:aa' },
      { NetworkSettings: { Networks: networks } },
    );
    const first = { IPAMConfig: { IPv4Address: '10.0.0.9' }, Aliases: ['api'], MacAddress: '02:aa' };
    expect(made.networks).toEqual({ 'shop-net': first, other: {} });
    // An engine of old makes a container in one network only.
    expect(made.create['NetworkingConfig']).toEqual({ EndpointsConfig: { 'shop-net': first } });
    expect(
      settings({ NetworkMode: 'default' }, {}, { NetworkSettings: { Networks: { bridge: {} } } }),
    ).toMatchObject({
      networks: { bridge: {} },
    });
  });

  it('name the volumes that had no name, each once', () => {
    const volume = (Name: string, Destination: string, RW = true) => ({
      Type: 'volume',
      Name,
      Destination,
      RW,
    });
    const { create } = settings(
      {
        Binds: ['data:/data', '/data:/elsewhere'],
        Mounts: [
          { Type: 'volume', Target: '/mounted' },
          { Type: 'volume', Target: '/named', Source: 'mine' },
        ],
      },
      {},
      {
        Mounts: [
          volume('data', '/data'),
          volume('v1', '/unnamed', false),
          volume('v2', '/mounted'),
          volume('mine', '/named'),
          { Type: 'bind', Destination: '/elsewhere' },
        ],
      },
    );
    expect(create.HostConfig['Binds']).toEqual(['data:/data', '/data:/elsewhere', 'v1:/unnamed:ro']);
    expect(create.HostConfig['Mounts']).toEqual([
      { Type: 'volume', Target: '/mounted', Source: 'v2' },
      { Type: 'volume', Target: '/named', Source: 'mine' },
    ]);
  });

  it('expose what is published, and take over no mark of an earlier deployment', () => {
    const { create } = settings(
      { PortBindings: { '80/tcp': [{ HostPort: '8080' }] }, RestartPolicy: { Name: 'always' } },
      { Labels: { team: 'shop', 'opsloop.deployment': '6', 'opsloop.image': 'x', 'opsloop.other': 'y' } },
    );
    expect(create['ExposedPorts']).toEqual({ '80/tcp': {} });
    expect(create['Labels']).toEqual({ team: 'shop', 'opsloop.other': 'y', mark: '1' });
    expect(create.HostConfig['RestartPolicy']).toEqual({ Name: 'no' });
    expect(create['Image']).toBe('api:2');
  });
});
