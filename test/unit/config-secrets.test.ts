/** References to secrets, and keeping what they hold out of texts. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findBrokenReference, findReferences } from '../../src/config/references.js';
import { createSecretScrubber, resolveDeep, resolveReferences } from '../../src/config/secrets.js';
import type { SecretSources } from '../../src/config/secrets.js';
import { OpsError } from '../../src/domain/errors.js';

const sourcesOf = (env: Record<string, string>, files: Record<string, string> = {}): SecretSources => ({
  env,
  directory: '/srv/shop',
  readFile: async (path) => {
    const content = files[path];
    if (content === undefined) throw Object.assign(new Error(`no such file, hunter2`), { code: 'ENOENT' });
    return content;
  },
});

const failureOf = async (promise: Promise<unknown>): Promise<OpsError> => {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof OpsError)) throw new Error('expected an OpsError');
  return error;
};

describe('findReferences', () => {
  it('finds variables and files in their order', () => {
    expect(findReferences('a ${env:ONE}b${file:./two words}${HOME} ${env:1BAD}')).toEqual([
      { text: '${env:ONE}', kind: 'env', name: 'ONE' },
      { text: '${file:./two words}', kind: 'file', name: './two words' },
    ]);
  });

  it('leaves the variables of shells alone and finds misspelt references', () => {
    for (const text of ['$HOME', '${HOME}', '${HOME:-/root}', '${A:=b}', '${A:+b}', '{env:A}']) {
      expect(findBrokenReference(text), text).toBeNull();
    }
    for (const text of ['${env:}', '${env:A B}', '${evn:NAME}', '${file:}', '${env:NAME', '${ENV:NAME}']) {
      expect(findBrokenReference(text), text).not.toBeNull();
    }
  });
});

describe('resolveReferences', () => {
  it('puts values in their places, once', async () => {
    const sources = sourcesOf({ USER: 'u', PASSWORD: '${env:USER}$&' });
    expect(await resolveReferences('http://${env:USER}:${env:PASSWORD}@h', sources)).toBe(
      'http://u:${env:USER}$&@h',
    );
  });

  it('reads files from the folder of the configuration and drops the last line end', async () => {
    const sources = sourcesOf({}, { '/srv/shop/secrets/a': 'one\n', '/run/b': 'two\r\n', '/run/c': 'x\n\n' });
    expect(await resolveReferences('${file:secrets/a} ${file:/run/b}|${file:/run/c}', sources)).toBe(
      'one two|x\n',
    );
  });

  it('names the variable that is not set', async () => {
    const error = await failureOf(resolveReferences('a ${env:NOPE}', sourcesOf({ OTHER: 'hunter2' })));
    expect(error.message).toBe(
      "${env:NOPE} is not set; set the environment variable NOPE where opsloop's worker runs",
    );
    expect(error).toMatchObject({ reason: 'invalidInput', field: '${env:NOPE}' });
  });

  it('says that a value is empty', async () => {
    expect((await failureOf(resolveReferences('${env:E}', sourcesOf({ E: '' })))).message).toContain(
      '${env:E} is empty',
    );
  });

  it('never tells what a file or its error holds', async () => {
    const error = await failureOf(resolveReferences('${file:/run/x}', sourcesOf({})));
    expect(error.message).toContain('${file:/run/x} cannot be read (ENOENT)');
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain(
      'hunter2',
    );
  });

  it('does not take properties of plain objects for variables', async () => {
    expect((await failureOf(resolveReferences('${env:constructor}', sourcesOf({})))).message).toContain(
      'is not set',
    );
  });
});

describe('resolveDeep', () => {
  it('resolves every text of a check and leaves the check as it was', async () => {
    const check = Object.freeze({
      kind: 'http',
      url: '${env:URL}/health',
      headers: Object.freeze({ Authorization: 'Bearer ${env:TOKEN}' }),
      conditions: Object.freeze(['[STATUS] < 400']),
      insecure: false,
      body: null,
    });
    expect(await resolveDeep(check, sourcesOf({ URL: 'http://h', TOKEN: 'abcdef' }))).toEqual({
      ...check,
      url: 'http://h/health',
      headers: { Authorization: 'Bearer abcdef' },
    });
    expect(check.url).toBe('${env:URL}/health');
  });
});

describe('the scrubber', () => {
  it('replaces values, their URL form, their JSON form, and passwords of URLs', async () => {
    const scrubber = createSecretScrubber();
    const env = { URL: 'postgres://ops:p%40ss%20word@db:5432/shop', TOKEN: 'a"b c/d' };
    await resolveDeep(['${env:URL}', 'x ${env:TOKEN}'], { ...sourcesOf(env), scrubber });
    const shown = scrubber.scrub(
      `${env.URL} | ${env.TOKEN} | ${encodeURIComponent(env.TOKEN)} | ${JSON.stringify(env)} | p%40ss%20word | p@ss word`,
    );
    expect(shown).not.toMatch(/p%40ss|p@ss|a"b|a%22b|a\\"b/);
    expect(shown).toContain('***');
  });

  it('knows the password that the file itself or two references together make', async () => {
    const scrubber = createSecretScrubber();
    const sources = { ...sourcesOf({ HOST: 'db', A: 'abc', B: 'def' }), scrubber };
    await resolveReferences('redis://:in-the-file@${env:HOST}', sources);
    await resolveReferences('redis://:written@db', sources);
    await resolveReferences('redis://:${env:A}${env:B}@db', sources);
    expect(scrubber.scrub('in-the-file written abcdef db')).toBe('*** *** *** db');
  });

  it('leaves short values standing', () => {
    const scrubber = createSecretScrubber();
    scrubber.add('abc');
    expect(scrubber.scrub('abc abcd')).toBe('abc abcd');
  });

  it('hides the whole of a long secret that contains a short one', () => {
    const scrubber = createSecretScrubber();
    scrubber.add('pass');
    scrubber.add('password');
    expect(scrubber.scrub('password pass')).toBe('*** ***');
  });

  it('leaves no secret of four characters and more in any text', () => {
    const secret = fc.string({ minLength: 4, maxLength: 30 }).filter((text) => !text.includes('*'));
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1, maxLength: 5 }), fc.string(), (secrets, filler) => {
        const scrubber = createSecretScrubber();
        for (const one of secrets) scrubber.add(one);
        const shown = scrubber.scrub(secrets.map((one) => `${filler}${one}`).join('|'));
        for (const one of secrets) expect(shown.includes(one) && !filler.includes(one)).toBe(false);
      }),
    );
  });
});

describe('an address given by reference', () => {
  it('stays readable, since a reason that hides where nothing answered helps nobody', () => {
    const scrubber = createSecretScrubber();
    for (const address of [
      '127.0.0.1:7233',
      'localhost:5432',
      '[::1]:6379',
      'http://api:8888',
      'db.example.org:5432',
    ]) {
      scrubber.add(address);
      expect(scrubber.scrub(`connection refused ${address}`)).toBe(`connection refused ${address}`);
    }
  });

  it('is hidden when it may hold a key, or only looks like an address', () => {
    const scrubber = createSecretScrubber();
    for (const secret of ['https://hooks.example.org/T0/B0/key', 'letmein:12345', 'http://u:pass@api:80']) {
      scrubber.add(secret);
      expect(scrubber.scrub(`sent to ${secret}`)).not.toContain(secret);
    }
  });
});
