/** Containers of a real engine, replaced and brought back; the engine's answers are cut off at every request. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dockerWay } from '../../src/adapters/deploy/docker-way.js';
import type { DriverVersions } from '../../src/adapters/deploy/deployment-driver.js';
import { containerContext } from '../support/container-context.js';
import { containerNames, inspect, makeImage, obedient } from '../support/container-images.js';
import { startDockerEngine, whyNoDockerEngine, type TestDockerEngine } from '../support/docker-engine.js';
import { startEngineProxy, type EngineProxy } from '../support/engine-proxy.js';

const skipped = whyNoDockerEngine === null ? '' : ` (skipped: ${whyNoDockerEngine})`;
const context = containerContext;

describe.skipIf(whyNoDockerEngine !== null)(`deploying a container${skipped}`, { timeout: 90_000 }, () => {
  let engine: TestDockerEngine;
  let proxy: EngineProxy;
  const way = (container: string, image: string | null = 'shop/api') =>
    dockerWay({ kind: 'docker', container, image }, { ...process.env, DOCKER_HOST: proxy.address });
  const run = (name: string, ...options: string[]) =>
    engine.docker('run', '--detach', '--network', 'none', '--name', name, ...options);
  const begin = async (name: string, after = '2', number = 7): Promise<DriverVersions> => ({
    before: await way(name).current(context()),
    after,
    number,
  });
  const deploy = async (name: string, versions: DriverVersions) => {
    await way(name).prepare(versions, context());
    await way(name).switch(versions, context());
  };
  const names = (part: string) => containerNames(engine, part);
  const policyOf = (name: string) => inspect(engine, name, '.HostConfig.RestartPolicy.Name');
  const isRunning = (name: string) => inspect<boolean>(engine, name, '.State.Running');

  beforeAll(async () => {
    engine = await startDockerEngine();
    proxy = await startEngineProxy(engine.address);
    await makeImage(engine, 'shop/api:1', ['ENV MODE=old', 'ENV KEPT=1', 'LABEL made=one', 'EXPOSE 81']);
    await makeImage(engine, 'shop/api:2', ['ENV MODE=new', 'LABEL made=two', 'EXPOSE 82', 'WORKDIR /bin']);
    await makeImage(engine, 'shop/api:broken', ['CMD ["/no/such/program"]']);
    await makeImage(engine, 'shop/api:slow', [
      'HEALTHCHECK --interval=1s --retries=60 CMD busybox test -e /tmp/ready',
      `CMD ${JSON.stringify(['sh', '-c', `busybox mkdir -p /tmp; ${obedient}`])}`,
    ]);
  }, 180_000);
  afterEach(() => proxy.heal());
  afterAll(async () => {
    await proxy.stop();
    await engine.stop();
  }, 60_000);

  it('plans, prepares, switches and settles', async () => {
    await run('plain', '--restart', 'always', 'shop/api:1');
    const driver = way('plain');
    const before = await driver.current(context());
    expect(before.version).toBe('1');
    const plan = await driver.plan('2', before, context());
    expect(plan.versionAfter).toBe('2');
    expect(plan.changes).toEqual([
      'image of plain: shop/api:1 -> shop/api:2',
      'defaults of the new image: environment, labels, exposed ports, working directory',
    ]);
    const versions = { before, after: '2', number: 7 };

    await driver.prepare(versions, context());
    expect(await names('plain')).toEqual(['plain', 'plain-opsloop-7']);
    // An engine that starts anew must not start both.
    expect(await policyOf('plain-opsloop-7')).toBe('no');
    expect(await driver.describe(context())).toEqual({
      version: '1',
      isReady: true,
      text: 'plain: image shop/api:1, running; plain-opsloop-7: image shop/api:2, created',
    });

    await driver.switch(versions, context());
    expect(await names('plain')).toEqual(['plain', 'plain-opsloop-old-7']);
    expect(await policyOf('plain')).toBe('always');
    expect(await policyOf('plain-opsloop-old-7')).toBe('no');
    expect(await driver.describe(context())).toEqual({
      version: '2',
      isReady: true,
      text: 'plain: image shop/api:2, running; plain-opsloop-old-7: image shop/api:1, exited (exit code 0)',
    });

    await driver.settle(versions, context());
    await driver.settle(versions, context());
    expect(await names('plain')).toEqual(['plain']);
  });

  it('keeps what was set on the container, and takes the rest from the new image', async () => {
    await engine.docker('volume', 'create', 'shop-data');
    await run(
      'full',
      ...['--env', 'SET=yes', '--env', 'MODE=mine', '--label', 'team=shop', '--label', 'made=here'],
      ...['--volume', 'shop-data:/data', '--volume', '/unnamed', '--volume', '/tmp:/host:ro'],
      ...['--tmpfs', '/scratch:size=1m', '--mount', 'type=volume,dst=/mounted'],
      ...['--restart', 'on-failure:3', '--memory', '64m', '--cpus', '0.5', '--pids-limit', '50'],
      ...['--user', '0:0', '--hostname', 'shop-host', '--log-opt', 'max-size=1m'],
      ...[
        '--add-host',
        'db:127.0.0.1',
        '--dns',
        '127.0.0.9',
        '--cap-drop',
        'NET_RAW',
        '--ulimit',
        'nofile=100',
      ],
      ...['--stop-timeout', '5', '--stop-signal', 'TERM', '--read-only', '--init', '--shm-size', '1m'],
      ...['--publish', '127.0.0.1:8099:80', '--expose', '90'],
      ...['--health-cmd', 'true', '--health-interval', '1s', '--health-start-period', '2s'],
      ...['shop/api:1', 'sh', '-c', obedient],
    );
    const old = await inspect<Inspected>(engine, 'full');
    await deploy('full', await begin('full'));
    const made = await inspect<Inspected>(engine, 'full');

    expect(made.Id).not.toBe(old.Id);
    expect(made.Config.Env.sort()).toEqual(['MODE=mine', 'SET=yes']);
    expect(made.Config.Labels).toEqual({
      made: 'here',
      team: 'shop',
      'opsloop.deployment': '7',
      'opsloop.replaces': old.Id,
    });
    expect(Object.keys(made.Config.ExposedPorts).sort()).toEqual(['80/tcp', '82/tcp', '90/tcp']);
    expect(made.Config.WorkingDir).toBe('/bin');
    const taken = (config: Inspected['Config']) => ({
      ...config,
      ...{ Env: null, Labels: null, ExposedPorts: null, Image: null, WorkingDir: null },
      ...{ AttachStdout: null, AttachStderr: null },
    });
    expect(taken(made.Config)).toEqual(taken(old.Config));
    const { Binds: binds, Mounts: mounts, ...host } = made.HostConfig;
    const { Binds: oldBinds, Mounts: oldMounts, ...oldHost } = old.HostConfig;
    expect(host).toEqual({ ...oldHost, Links: host['Links'] });
    expect(binds.slice(0, 2)).toEqual(oldBinds);
    expect(mounts).toHaveLength(oldMounts?.length ?? 0);
    // Also those without a name of their own: the very same volumes.
    const places = ({ Mounts }: Inspected) =>
      Mounts.map(({ Name, Source, Destination, RW }) => `${Name ?? Source} ${Destination} ${RW}`).sort();
    expect(places(made)).toEqual(places(old));
    expect(places(made)).toHaveLength(4);
  });

  it('takes the defaults of the new image where nothing was set', async () => {
    await run('defaults', 'shop/api:1');
    await deploy('defaults', await begin('defaults'));
    const { Config: config } = await inspect<Inspected>(engine, 'defaults');
    expect(config.Env).toEqual(['MODE=new']);
    expect(config.Labels['made']).toBe('two');
    expect(Object.keys(config.ExposedPorts)).toEqual(['82/tcp']);
    expect(config.Hostname).toBe((await inspect(engine, 'defaults', '.Id')).slice(0, 12));
  });

  it('puts the new one into the same networks, with aliases and addresses', async () => {
    for (const [name, subnet] of [
      ['front', '10.213.1.0/24'],
      ['back', '10.213.2.0/24'],
    ] as const) {
      await engine.docker('network', 'create', '--internal', '--subnet', subnet, name);
    }
    try {
      await engine.docker(
        ...['run', '--detach', '--name', 'networked', '--network', 'front', '--ip', '10.213.1.9'],
        ...['--network-alias', 'shop', 'shop/api:1'],
      );
      await engine.docker('network', 'connect', '--alias', 'deep', '--ip', '10.213.2.9', 'back', 'networked');
      const versions = await begin('networked');
      const seen = async () => {
        const networks = await inspect<Record<string, Network>>(
          engine,
          'networked',
          '.NetworkSettings.Networks',
        );
        const id = (await inspect(engine, 'networked', '.Id')).slice(0, 12);
        return Object.fromEntries(
          Object.entries(networks).map(([name, { IPAddress, Aliases }]) => [
            name,
            `${IPAddress} ${Aliases.filter((alias) => alias !== id).join()}`,
          ]),
        );
      };
      const expected = { front: '10.213.1.9 shop', back: '10.213.2.9 deep' };
      expect(await seen()).toEqual(expected);
      await deploy('networked', versions);
      expect(await seen()).toEqual(expected);
      await way('networked').undo(versions, context());
      expect(await seen()).toEqual(expected);

      // Taken out of the network that it was made in.
      await engine.docker('network', 'disconnect', 'front', 'networked');
      await deploy('networked', await begin('networked', '2', 8));
      expect(await seen()).toEqual({ back: expected.back });
    } finally {
      await engine.docker('rm', '--force', ...(await names('networked')));
      await engine.docker('network', 'rm', 'front', 'back');
    }
  });

  it('finishes the switch, or undoes all of it, whichever request was the last', async () => {
    const counted = await cutOff('count', Infinity);
    expect(counted).toBeGreaterThan(15);
    for (let last = 1; last <= counted; last += 1) {
      await finishes(`go-${last}`, last);
      await undoes(`back-${last}`, last);
    }
  }, 600_000);

  /** Deploys until the engine falls silent; gives the number of requests. */
  const cutOff = async (name: string, last: number, versions?: DriverVersions): Promise<number> => {
    if (versions === undefined) await run(name, '--restart', 'always', 'shop/api:1');
    const fixed = versions ?? (await begin(name));
    proxy.cutAt(last);
    const ending = await deploy(name, fixed).catch((error: unknown) => error);
    const { length } = proxy.requests;
    expect(ending === undefined).toBe(last > length);
    proxy.heal();
    return length;
  };

  const finishes = async (name: string, last: number): Promise<void> => {
    await run(name, '--restart', 'always', 'shop/api:1');
    const versions = await begin(name);
    await cutOff(name, last, versions);
    await deploy(name, versions);
    expect(await names(name), `cut at ${last}`).toEqual([name, `${name}-opsloop-old-7`]);
    expect(await way(name).describe(context()), `cut at ${last}`).toMatchObject({
      version: '2',
      isReady: true,
    });
    expect([await policyOf(name), await policyOf(`${name}-opsloop-old-7`)]).toEqual(['always', 'no']);
    await engine.docker('rm', '--force', ...(await names(name)));
  };

  const undoes = async (name: string, last: number): Promise<void> => {
    await run(name, '--restart', 'always', 'shop/api:1');
    const versions = await begin(name);
    const id = await inspect(engine, name, '.Id');
    await cutOff(name, last, versions);
    await way(name).undo(versions, context());
    await way(name).undo(versions, context());
    expect(await names(name), `cut at ${last}`).toEqual([name]);
    expect(await inspect(engine, name, '.Id')).toBe(id);
    expect(await policyOf(name)).toBe('always');
    expect(await way(name).describe(context()), `cut at ${last}`).toMatchObject({
      version: '1',
      isReady: true,
    });
    await engine.docker('rm', '--force', name);
  };

  it('goes on with an undo that was cut off at any request', async () => {
    const undoCut = async (name: string, last: number): Promise<number> => {
      await run(name, '--restart', 'unless-stopped', 'shop/api:1');
      const versions = await begin(name);
      await deploy(name, versions);
      proxy.cutAt(last);
      await way(name)
        .undo(versions, context())
        .catch(() => null);
      const { length } = proxy.requests;
      proxy.heal();
      await way(name).undo(versions, context());
      expect(await names(name), `cut at ${last}`).toEqual([name]);
      expect(await way(name).describe(context())).toMatchObject({ version: '1', isReady: true });
      expect(await policyOf(name)).toBe('unless-stopped');
      await engine.docker('rm', '--force', name);
      return length;
    };
    const counted = await undoCut('undo-count', Infinity);
    for (let last = 1; last <= counted; last += 1) await undoCut(`undo-${last}`, last);
  }, 600_000);

  it('waits for a stop that was under way before it starts the old one again', async () => {
    const slow = `trap 'sleep 2; exit 0' TERM; while :; do sleep 1 & wait; done`;
    await run('slow', 'shop/api:1', 'sh', '-c', slow);
    const versions = await begin('slow');
    const started = await inspect(engine, 'slow', '.State.StartedAt');
    proxy.cutAt(1, (request) => request.includes('/stop'));
    await expect(deploy('slow', versions)).rejects.toThrow('cannot be reached');
    proxy.heal();
    await way('slow').undo(versions, context());
    // Had the start come first, it would have changed nothing.
    expect(await inspect(engine, 'slow', '.State.StartedAt')).not.toBe(started);
    expect(await way('slow').describe(context())).toMatchObject({ version: '1', isReady: true });
    expect(await names('slow')).toEqual(['slow']);
  });

  it('is not ready before the healthcheck says so', async () => {
    await run('late', 'shop/api:1');
    await deploy('late', await begin('late', 'slow'));
    expect(await way('late').describe(context())).toMatchObject({
      version: 'slow',
      isReady: false,
      text: expect.stringContaining('late: image shop/api:slow, running, starting') as string,
    });
    await engine.docker('exec', 'late', 'touch', '/tmp/ready');
    await expect
      .poll(async () => (await way('late').describe(context())).isReady, { timeout: 30_000 })
      .toBe(true);
  });

  it('makes the old one again when somebody removed it, under the same version', async () => {
    await run('lost', '--env', 'SET=yes', '--restart', 'always', 'shop/api:1');
    const versions = await begin('lost');
    await deploy('lost', versions);
    await engine.docker('rm', 'lost-opsloop-old-7');
    await way('lost').undo(versions, context());
    await way('lost').undo(versions, context());
    expect(await names('lost')).toEqual(['lost']);
    expect(await way('lost').describe(context())).toMatchObject({ version: '1', isReady: true });
    const { Config: config } = await inspect<Inspected>(engine, 'lost');
    expect(config.Env.sort()).toEqual(['KEPT=1', 'MODE=old', 'SET=yes']);
    expect(await policyOf('lost')).toBe('always');
    // The marks of ours are not handed on.
    await deploy('lost', await begin('lost', '2', 8));
    expect(Object.keys((await inspect<Inspected>(engine, 'lost')).Config.Labels).sort()).toEqual(
      ['made', 'opsloop.deployment', 'opsloop.replaces'].sort(),
    );
  });

  it('says what is missing when the old one and its image are gone', async () => {
    await makeImage(engine, 'shop/api:gone', ['ENV ONLY=here']);
    await run('hopeless', 'shop/api:gone');
    const versions = await begin('hopeless');
    await deploy('hopeless', versions);
    await engine.docker('rm', 'hopeless-opsloop-old-7');
    await engine.docker('rmi', 'shop/api:gone');
    await expect(way('hopeless').undo(versions, context())).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(
        /^the container hopeless that was live before is gone, and so is its image shop\/api:gone \(sha256:\w+\): hopeless is left as it is \(image shop\/api:2, running\); load/,
      ) as string,
    });
    // The same name is not the same image.
    await makeImage(engine, 'shop/api:gone', ['ENV ONLY=here']);
    await expect(way('hopeless').undo(versions, context())).rejects.toThrow('so is its image');
    expect(await isRunning('hopeless')).toBe(true);
  });

  it('leaves a container of somebody else alone', async () => {
    await run('taken', 'shop/api:1');
    const versions = await begin('taken');
    await engine.docker('rm', '--force', 'taken');
    await run('taken', 'shop/api:broken', 'sh', '-c', obedient);
    const id = await inspect(engine, 'taken', '.Id');
    await expect(way('taken').prepare(versions, context())).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining('somebody made it anew (image shop/api:broken, running)') as string,
    });
    await expect(way('taken').undo(versions, context())).rejects.toThrow('left alone');
    expect(await inspect(engine, 'taken', '.Id')).toBe(id);
    expect(await isRunning('taken')).toBe(true);
  });

  it('undoes although somebody else has the names that it would use', async () => {
    await run('crowded', 'shop/api:1');
    await run('crowded-opsloop-7', 'shop/api:1');
    const versions = await begin('crowded');
    await expect(deploy('crowded', versions)).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining('crowded-opsloop-7') as string,
    });
    await way('crowded').undo(versions, context());
    expect(await names('crowded')).toEqual(['crowded', 'crowded-opsloop-7']);
    expect(await way('crowded').describe(context())).toMatchObject({ version: '1', isReady: true });
  });

  it('brings the old one back when the new one cannot be started', async () => {
    await run('fails', 'shop/api:1');
    const versions = await begin('fails', 'broken');
    await expect(deploy('fails', versions)).rejects.toThrow('/no/such/program');
    expect((await way('fails').describe(context())).isReady).toBe(false);
    await way('fails').undo(versions, context());
    expect(await way('fails').describe(context())).toMatchObject({ version: '1', isReady: true });
    expect(await names('fails')).toEqual(['fails']);
  });

  it('leaves a container that did not run not running after an undo', async () => {
    await run('idle', 'shop/api:1');
    await engine.docker('stop', 'idle');
    const versions = await begin('idle');
    await deploy('idle', versions);
    expect(await isRunning('idle')).toBe(true);
    await way('idle').undo(versions, context());
    expect(await isRunning('idle')).toBe(false);
    expect(await way('idle').describe(context())).toMatchObject({ version: '1', isReady: false });
  });

  it('does nothing in an undo where nothing was done', async () => {
    await run('calm', 'shop/api:1');
    const versions = await begin('calm');
    const started = await inspect(engine, 'calm', '.State.StartedAt');
    await way('calm').undo(versions, context());
    expect(await inspect(engine, 'calm', '.State.StartedAt')).toBe(started);
    expect(await names('calm')).toEqual(['calm']);
  });

  it('says that nobody has the image, and leaves the old one running', async () => {
    await run('unfetched', 'shop/api:1');
    const driver = way('unfetched', '127.0.0.1:9/shop/api');
    const versions = { before: await driver.current(context()), after: '3', number: 7 };
    expect(versions.before.version).toBe('shop/api:1');
    expect((await driver.plan('3', versions.before, context())).steps[0]).toBe(
      'fetch 127.0.0.1:9/shop/api:3',
    );
    const reports = context();
    await expect(driver.prepare(versions, reports)).rejects.toThrow(
      'the image 127.0.0.1:9/shop/api:3 is not on this machine and could not be fetched: ',
    );
    expect(reports.reports).toEqual(['fetching 127.0.0.1:9/shop/api:3']);
    expect(await names('unfetched')).toEqual(['unfetched']);
    expect(await isRunning('unfetched')).toBe(true);
    await driver.undo(versions, context());
    expect(await isRunning('unfetched')).toBe(true);
  });

  it('takes long names', async () => {
    const name = `n${'0'.repeat(120)}`;
    await run(name, 'shop/api:1');
    const versions = await begin(name, '2', 1_234_567);
    await deploy(name, versions);
    expect(await way(name).describe(context())).toMatchObject({ version: '2', isReady: true });
    await way(name).undo(versions, context());
    expect(await names(name)).toEqual([name]);
  });

  it('deploys references of images where no repository is set', async () => {
    await run('free', 'shop/api:1');
    const driver = way('free', null);
    const before = await driver.current(context());
    expect(before.version).toBe('shop/api:1');
    const versions = { before, after: 'shop/api:2', number: 1 };
    await driver.prepare(versions, context());
    await driver.switch(versions, context());
    expect((await driver.describe(context())).version).toBe('shop/api:2');
  });

  it('counts all settings as set when the image of the container is gone', async () => {
    await makeImage(engine, 'shop/api:lone', ['ENV LONE=1']);
    await run('orphan', 'shop/api:lone');
    await engine.docker('stop', 'orphan');
    await engine.docker('rmi', '--force', 'shop/api:lone');
    const versions = await begin('orphan');
    const plan = await way('orphan').plan('2', versions.before, context());
    expect(plan.changes[1]).toContain('the image of the container is gone: all its settings count as set');
    await deploy('orphan', versions);
    const { Config: config } = await inspect<Inspected>(engine, 'orphan');
    expect(config.Env.sort()).toEqual(['LONE=1', 'MODE=new']);
  });

  it('refuses what it would harm, and versions that are attacks', async () => {
    const plan = async (name: string, version = '2', timeoutMs = 60_000) => {
      const driver = way(name);
      return await driver.plan(version, await driver.current(context()), context(timeoutMs));
    };
    await expect(plan('nobody')).rejects.toMatchObject({
      reason: 'notFound',
      message: expect.stringContaining('run it once with docker run') as string,
    });
    await run('kept-opsloop-old-3', 'shop/api:1');
    await expect(plan('kept')).rejects.toThrow('there is kept-opsloop-old-3: docker rename it to kept');
    await run('vanishing', '--rm', 'shop/api:1');
    await expect(plan('vanishing')).rejects.toThrow('run it again without --rm');
    await run('composed', '--label', 'com.docker.compose.project=shop', 'shop/api:1');
    await expect(plan('composed')).rejects.toThrow('via.compose');
    await run('held', 'shop/api:1');
    await expect(plan('held', '2', 5_000)).rejects.toThrow('make deployWithin longer');
    // What counts is what the steps will have, not how long the look may take.
    const { before } = await begin('held');
    const look = { ...context(5_000), stepTimeoutMs: 60_000 };
    expect(await way('held').plan('2', before, look)).toMatchObject({ versionAfter: '2' });
    await engine.docker('pause', 'held');
    await expect(plan('held')).rejects.toThrow('docker unpause held');
    await engine.docker('unpause', 'held');
    for (const version of ['../x', '--flag', '2\n', '', 'a'.repeat(129), '2 --rm', '2/../../etc', '@x']) {
      await expect(plan('held', version)).rejects.toMatchObject({ reason: 'invalidInput', field: 'version' });
    }
  });

  it('never throws when it describes', async () => {
    const driver = dockerWay(
      { kind: 'docker', container: 'x', image: null },
      { DOCKER_HOST: 'unix:///no/such.sock' },
    );
    expect(await driver.describe(context())).toMatchObject({
      version: null,
      isReady: null,
      text: expect.stringContaining('cannot be reached') as string,
    });
    await expect(driver.current(context())).rejects.toMatchObject({ reason: 'unavailable' });
  });
});

interface Network {
  IPAddress: string;
  Aliases: string[];
}

interface Inspected {
  Id: string;
  Config: {
    Env: string[];
    Labels: Record<string, string>;
    ExposedPorts: Record<string, unknown>;
    WorkingDir: string;
    Hostname: string;
    [other: string]: unknown;
  };
  HostConfig: { Binds: string[]; Mounts: unknown[] | null; [other: string]: unknown };
  Mounts: { Name?: string; Source: string; Destination: string; RW: boolean }[];
}
