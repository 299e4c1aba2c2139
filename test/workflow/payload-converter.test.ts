// What a loop reads when a payload is broken: a text that its handlers refuse, never an error that stops it.
import { DefaultPayloadConverter, type Payload } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { payloadConverter } from '../../src/workflows/payload-converter.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const payload = (encoding: string | null, data: Uint8Array | null): Payload => ({
  ...(encoding === null ? {} : { metadata: { encoding: bytes(encoding) } }),
  ...(data === null ? {} : { data }),
});

describe('payloadConverter', () => {
  it.each([[{ by: 'alice' }], ['text'], [7], [null], [[1, 'two']], [undefined], [true]])(
    'reads and writes %j as the SDK does',
    (value) => {
      const written = payloadConverter.toPayload(value);
      expect(written).toEqual(new DefaultPayloadConverter().toPayload(value));
      expect(payloadConverter.fromPayload(written)).toEqual(value);
    },
  );

  it.each([
    ['JSON that is cut off', payload('json/plain', bytes('{"by": "al'))],
    ['JSON that is not UTF-8', payload('json/plain', new Uint8Array([0x22, 0xff, 0xfe]))],
    ['JSON without data', payload('json/plain', null)],
    ['an unknown encoding', payload('binary/encrypted', bytes('secret'))],
    ['a Protobuf message of nobody', payload('binary/protobuf', bytes('x'))],
    ['no encoding', payload(null, bytes('{}'))],
    ['an encoding of no bytes', payload('', bytes('{}'))],
    ['nothing at all', {}],
  ])('gives a text in place of %s', (_, broken) => {
    expect(payloadConverter.fromPayload(broken)).toMatch(/^unreadable payload: /);
  });
});
