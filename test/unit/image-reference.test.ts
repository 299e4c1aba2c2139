// Names of images: what is one, what version it is, and where it is fetched from.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isImageTag,
  parseImageReference,
  referenceOfVersion,
  registryOf,
  versionOfImage,
} from '../../src/adapters/deploy/image-reference.js';
import { OpsError } from '../../src/domain/errors.js';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('a reference of an image', () => {
  it.each([
    ['redis', 'redis', null, null],
    ['redis:7', 'redis', '7', null],
    ['shop/api:1.4.2', 'shop/api', '1.4.2', null],
    ['registry.example.com:5000/shop/api:V1_x-y.z', 'registry.example.com:5000/shop/api', 'V1_x-y.z', null],
    ['localhost/api', 'localhost/api', null, null],
    ['[::1]:5000/api:1', '[::1]:5000/api', '1', null],
    [`shop/api@${digest}`, 'shop/api', null, digest],
    [`shop/api:1@${digest}`, 'shop/api', '1', digest],
    ['a__b/c-d.e--f', 'a__b/c-d.e--f', null, null],
  ])('%s is one', (text, repository, tag, itsDigest) => {
    expect(parseImageReference(text)).toEqual({ text, repository, tag, digest: itsDigest });
  });

  it.each([
    ...['', '../x', '--flag', '-x', 'shop/api\n', '\nshop/api', 'Shop/api', 'shop//api', '/api', 'api/'],
    ...[
      'api:',
      'api:-1',
      'api:.1',
      'a b',
      'api@sha256:12',
      'api:1:2',
      'http://x/api',
      'a/../b',
      'a;b',
      '$(x)',
    ],
    ...['0123456789abcdef'.repeat(4), `a:${'1'.repeat(129)}`, 'a'.repeat(256), `${'a/'.repeat(5_000)}b`],
  ])('%j is none', (text) => {
    expect(parseImageReference(text)).toBeNull();
  });

  it('is a version as it is written, or by its tag', () => {
    expect(referenceOfVersion('shop/api:1', null).text).toBe('shop/api:1');
    expect(referenceOfVersion('1.4', 'shop/api').text).toBe('shop/api:1.4');
    expect(() => referenceOfVersion('1', 'Shop/Api')).toThrow('image "Shop/Api" is no repository');
    expect(() => referenceOfVersion('1', 'shop/api:2')).toThrow('without a tag');
    expect(() => referenceOfVersion('../x', null)).toThrow('write it as registry.example.com/shop/api:1.4.2');
  });

  it('never lets anything through that an engine or a command line could take for something else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), fc.boolean(), (version, isTag) => {
        try {
          const { text } = referenceOfVersion(version, isTag ? 'shop/api' : null);
          expect(text).toMatch(/^[\w[][\w./:@[\]-]*$/);
          expect(text.split('/')).not.toContain('..');
        } catch (error) {
          expect(error).toBeInstanceOf(OpsError);
        }
      }),
    );
  });

  it('gives the version back that it was made of', () => {
    const tags = fc.stringMatching(/^\w[\w.-]{0,127}$/);
    fc.assert(
      fc.property(tags, (tag) => {
        expect(isImageTag(tag)).toBe(true);
        expect(
          versionOfImage(
            referenceOfVersion(tag, 'r.example.com:1/shop/api').text,
            'r.example.com:1/shop/api',
          ),
        ).toBe(tag);
      }),
    );
  });

  it('is a version of its repository only, however that is spelled', () => {
    expect(versionOfImage('docker.io/library/redis:7', 'redis')).toBe('7');
    expect(versionOfImage('redis', 'docker.io/library/redis')).toBe('latest');
    expect(versionOfImage('other/redis:7', 'redis')).toBe('other/redis:7');
    expect(versionOfImage(`redis:7@${digest}`, 'redis')).toBe(`redis:7@${digest}`);
    expect(versionOfImage(digest, 'redis')).toBe(digest);
    expect(versionOfImage('redis:7', null)).toBe('redis:7');
  });

  it('says its registry', () => {
    const registry = (text: string) => registryOf(parseImageReference(text) ?? expect.fail(text));
    expect(registry('redis')).toBe('docker.io');
    expect(registry('shop/api')).toBe('docker.io');
    expect(registry('docker.io/shop/api')).toBe('docker.io');
    expect(registry('localhost/api')).toBe('localhost');
    expect(registry('r.example.com:5000/api:1')).toBe('r.example.com:5000');
  });
});
