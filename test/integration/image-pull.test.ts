/** Fetching images through an engine that only pretends to be one: what it is asked, and what becomes of its answers. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { containerEngine } from '../../src/adapters/deploy/container-engine.js';
import { ensureImage } from '../../src/adapters/deploy/image-pull.js';
import { parseImageReference } from '../../src/adapters/deploy/image-reference.js';
import { dockerEngine } from '../../src/adapters/supervisors/docker-engine.js';
import { containerContext } from '../support/container-context.js';
import { temporaryFolder } from '../support/temporary-folder.js';

interface Pull {
  image?: string;
  /** Content of config.json. */
  configuration?: unknown;
  timeoutMs?: number;
  answer(response: ServerResponse): void;
}

/** The image is there as soon as somebody has asked to fetch it. */
const pull = async ({ image = 'r.example.com:5000/shop/api:2', configuration, timeoutMs, answer }: Pull) => {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === 'GET') {
      response.writeHead(asked.length === 0 ? 404 : 200).end('{"Id": "sha256:1", "Config": null}');
      return;
    }
    asked.push(request);
    answer(response);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const folder = join(await temporaryFolder(), 'docker');
  await mkdir(folder);
  if (configuration !== undefined) {
    const text = typeof configuration === 'string' ? configuration : JSON.stringify(configuration);
    await writeFile(join(folder, 'config.json'), text);
  }
  const environment = {
    DOCKER_HOST: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    DOCKER_CONFIG: folder,
  };
  const context = containerContext(timeoutMs);
  const engine = containerEngine(dockerEngine(environment), context);
  const reference = parseImageReference(image) ?? expect.fail(image);
  const ending = await ensureImage(reference, { engine, context, environment }).catch(
    (error: unknown) => error,
  );
  const header = asked[0]?.headers['x-registry-auth'];
  return {
    ending,
    url: asked[0]?.url,
    reports: context.reports,
    credentials:
      typeof header === 'string'
        ? (JSON.parse(Buffer.from(header, 'base64url').toString()) as unknown)
        : null,
  };
};
const done = (response: ServerResponse): void => void response.writeHead(200).end('{"status":"Done"}\n');
const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

describe('an image that is not on this machine', () => {
  it('is fetched by its tag, and progress is told in one line', async () => {
    const messages = [
      { status: 'Pulling from shop/api', id: '2' },
      { status: 'Pulling fs layer', id: 'a' },
      { status: 'Pulling fs layer', id: 'b' },
      { status: 'Downloading', id: 'a', progressDetail: { current: 5, total: 10 } },
      { status: 'Downloading', id: 'a', progressDetail: { current: 5, total: 10 } },
      { status: 'Pull complete', id: 'a' },
      { status: 'Already exists', id: 'b' },
      { status: 'Digest: sha256:1' },
    ];
    const text = messages.map((message) => `${JSON.stringify(message)}\r\n`).join('');
    const { ending, url, reports, credentials } = await pull({
      answer: (response) => {
        response.writeHead(200);
        // Cut in the middle of a message.
        response.write(text.slice(0, 70));
        setImmediate(() => response.end(`${text.slice(70)}no message\n`));
      },
    });
    expect(ending).toEqual({ Id: 'sha256:1', Config: null });
    expect(url).toBe('/images/create?fromImage=r.example.com%3A5000%2Fshop%2Fapi&tag=2');
    expect(credentials).toBeNull();
    const name = 'fetching r.example.com:5000/shop/api:2';
    expect(reports).toEqual([
      name,
      `${name}: 0 of 1 layers, 0 %`,
      `${name}: 0 of 2 layers, 0 %`,
      `${name}: 0 of 2 layers, 25 %`,
      `${name}: 1 of 2 layers, 50 %`,
      `${name}: 2 of 2 layers, 100 %`,
    ]);
  });

  it('is fetched as latest without a tag, never with all tags', async () => {
    expect((await pull({ image: 'redis', answer: done })).url).toBe(
      '/images/create?fromImage=redis&tag=latest',
    );
    const digest = `sha256:${'ab'.repeat(32)}`;
    expect((await pull({ image: `redis:7@${digest}`, answer: done })).url).toBe(
      `/images/create?fromImage=redis&tag=${encodeURIComponent(digest)}`,
    );
  });

  it('is fetched with the credentials of its registry, and no others', async () => {
    const configuration = {
      auths: {
        'https://index.docker.io/v1/': auth('hub:secret'),
        'r.example.com': auth('wrong:wrong'),
        'https://r.example.com:5000': auth('me:pass:word'),
        'token.example.com': { identitytoken: 'long' },
      },
    };
    const credentialsFor = async (image: string) =>
      (await pull({ image, configuration, answer: done })).credentials;
    expect(await credentialsFor('r.example.com:5000/api:1')).toEqual({
      username: 'me',
      password: 'pass:word',
      serveraddress: 'https://r.example.com:5000',
    });
    expect(await credentialsFor('redis')).toMatchObject({ username: 'hub', password: 'secret' });
    expect(await credentialsFor('token.example.com/api:1')).toMatchObject({ identitytoken: 'long' });
    expect(await credentialsFor('other.example.com/api:1')).toBeNull();
  });

  it('is not found where its registry does not have it, also when it says so late', async () => {
    const early = await pull({
      configuration: { credsStore: 'secretservice' },
      answer: (response) =>
        void response.writeHead(404).end('{"message": "pull access denied for shop/api"}'),
    });
    expect(early.ending).toMatchObject({
      reason: 'notFound',
      message: expect.stringMatching(
        /could not be fetched: pull access denied for shop\/api \(credential helpers named in .*config\.json are not used, only its auths\)/,
      ) as string,
    });
    const late = await pull({
      answer: (response) => void response.writeHead(200).end('{"status":"x"}\n{"error":"manifest unknown"}'),
    });
    expect(late.ending).toMatchObject({ reason: 'notFound' });
  });

  it('may come later where the registry cannot be reached, or breaks off', async () => {
    const down = await pull({
      configuration: 'no JSON',
      answer: (response) => void response.writeHead(500).end('{"message": "dial tcp: no route to host"}'),
    });
    expect(down.ending).toMatchObject({
      reason: 'unavailable',
      retryable: true,
      message: expect.stringContaining('config.json cannot be read, so no credentials were used') as string,
    });
    const broken = await pull({
      answer: (response) => {
        response.writeHead(200).write('{"status":"x"}\n');
        setImmediate(() => response.destroy());
      },
    });
    expect(broken.ending).toMatchObject({ reason: 'unavailable' });
    const silent = await pull({
      timeoutMs: 300,
      answer: (response) => void response.writeHead(200).write('{"status":"x"}\n'),
    });
    expect(silent.ending).toMatchObject({ reason: 'timeout' });
  });
});
