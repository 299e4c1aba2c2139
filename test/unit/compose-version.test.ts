// The version in texts that people own: one place changes, and nothing else.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  composeService,
  imageInFile,
  usesVariable,
  valueOfVariable,
  withImage,
} from '../../src/adapters/deploy/compose-file.js';
import { variableIn, withVariable } from '../../src/adapters/deploy/env-file.js';

describe('a variable of an .env file', () => {
  it.each([
    ['', 'TAG=2\n'],
    ['A=1', 'A=1\nTAG=2\n'],
    ['A=1\r\n', 'A=1\r\nTAG=2\r\n'],
    ['TAG=1', 'TAG=2'],
    ['TAG=1\nTAG=9\nB=1\n', 'TAG=1\nTAG=2\nB=1\n'],
    ['export TAG = "1"  # pinned\n', 'export TAG = 2  # pinned\n'],
    ["TAG='1 # no comment'\r\nB=1\r\n", 'TAG=2\r\nB=1\r\n'],
    ['# TAG=1\nMYTAG=1\nTAGS=1\n', '# TAG=1\nMYTAG=1\nTAGS=1\nTAG=2\n'],
    ['TAG=\n', 'TAG=2\n'],
  ])('in %j is set', (before, after) => {
    expect(withVariable(before, 'TAG', '2')).toBe(after);
    expect(variableIn(after, 'TAG')).toBe('2');
  });

  it('is read as Compose reads it', () => {
    expect(variableIn('TAG="1.2" # x\n', 'TAG')).toBe('1.2');
    expect(variableIn("TAG='a b'\r\n", 'TAG')).toBe('a b');
    expect(variableIn('TAG=1#2 # x', 'TAG')).toBe('1#2');
    expect(variableIn('A=1', 'TAG')).toBeNull();
    expect(variableIn('TAG=', 'TAG')).toBe('');
  });

  it('can be set and taken out again in any file without it', () => {
    const lines = fc.array(fc.constantFrom('A=1', '# TAG=1', '', 'B="x y"', ' X = 1 # y'), { minLength: 1 });
    fc.assert(
      fc.property(lines, (all) => {
        const text = `${all.join('\n')}\n`;
        expect(withVariable(withVariable(text, 'TAG', '2'), 'TAG', null)).toBe(text);
      }),
    );
  });
});

describe('the image in a Compose file', () => {
  const at = { file: '/srv/compose.yml', service: 'api', image: 'shop/api:2' };

  it.each([
    [
      'services:\n  api:\n    image: shop/api:1 # pinned\n',
      'services:\n  api:\n    image: shop/api:2 # pinned\n',
    ],
    ["services:\n  api:\n    image:   'shop/api'\r\n", "services:\n  api:\n    image:   'shop/api:2'\r\n"],
    ['{"services": {"api": {"image": "shop/api:1"}}}', '{"services": {"api": {"image": "shop/api:2"}}}'],
    [
      'services:\n  db: {image: shop/api:1}\n  api: {ports: ["80:80"], image: shop/api:1}\n',
      'services:\n  db: {image: shop/api:1}\n  api: {ports: ["80:80"], image: shop/api:2}\n',
    ],
  ])('in %j is changed', (before, after) => {
    expect(withImage(before, at)).toBe(after);
    expect(imageInFile(after, at.file, at.service).text).toBe('shop/api:2');
  });

  it.each([
    ['services:\n  db: {}\n', 'has no service api'],
    ['services: [api]\n', 'has no service api'],
    ['services:\n  api: {build: .}\n', 'is not written in the service itself'],
    ['x: &base {image: "a:1"}\nservices:\n  api: {<<: *base}\n', 'is not written in the service itself'],
    ['x: &i a:1\nservices:\n  api: {image: *i}\n', 'is not written in the service itself'],
    ['services:\n  api: {image: &i "a:1"}\n', 'has an anchor'],
    ['services:\n  api: {image: "a:${TAG}"}\n', 'via.compose.variable'],
    ['services:\n  api:\n    image: |\n      a:1\n', 'is no reference on one line'],
    ['services:\n  api: {image: "A B"}\n', 'is no reference on one line'],
    ['services: {\n', 'is no YAML'],
  ])('in %j cannot be', (text, why) => {
    expect(() => withImage(text, at)).toThrow(why);
  });

  it('shows what a variable was', () => {
    const shown = (text: string, actual: string) => valueOfVariable(text, actual, 'TAG');
    expect(shown('shop/api:${TAG:-1}', 'shop/api:7')).toBe('7');
    expect(shown('shop/api:$TAG', 'shop/api:7.1')).toBe('7.1');
    expect(shown('${REPO}/api:${TAG?set it}', 'r.example.com:5000/x/api:7')).toBe('7');
    expect(shown('${TAG}-${TAG}', '7-7')).toBe('7');
    expect(shown('${TAG}-${TAG}', '7-8')).toBeNull();
    expect(shown('$$TAG', '$TAG')).toBeNull();
    expect(shown('shop/web:${TAG}', 'shop/api:7')).toBeNull();
    expect(usesVariable('a: $${TAG}', 'TAG')).toBe(false);
    expect(usesVariable('a: $TAGS', 'TAG')).toBe(false);
  });

  it('is told with all texts that a container shows', () => {
    const text =
      'x: &b {environment: {V: "${TAG}"}}\nservices:\n  api: {<<: *b, image: a:1, labels: ["v=${TAG}"]}\n';
    const service = composeService(text, at.file, 'api');
    const config = { Image: 'a:1', Env: ['V=3'], Labels: { v: '4' } };
    expect(service?.texts.map(({ text: written, shownBy }) => [written, shownBy(config)])).toEqual([
      ['a:1', 'a:1'],
      ['${TAG}', '3'],
      ['${TAG}', '4'],
    ]);
    expect(composeService(text, at.file, 'toString')).toBeNull();
  });
});
