/** Which addresses are refused because they hand out credentials. */
import { describe, expect, it } from 'vitest';
import { isMetadataAddress, isMetadataName } from '../../src/domain/metadata-addresses.js';

describe('a metadata address', () => {
  it.each([
    '169.254.169.254',
    '100.100.100.200',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '0:0:0:0:0:FFFF:A9FE:A9FE',
    '::a9fe:a9fe',
    '::169.254.169.254',
    '0:0:0:0:0:0:a9fe:a9fe',
    '64:ff9b::169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    'fd00:ec2::254',
    'FD00:0EC2:0:0:0:0:0:0254',
    'fd00:ec2::254%eth0',
  ])('is %s', (ip) => expect(isMetadataAddress(ip)).toBe(true));

  it.each([
    '127.0.0.1',
    '169.254.20.10',
    '169.254.169.253',
    '::1',
    'fd00:ec2::253',
    '::ffff:127.0.0.1',
    'fe80::1%eth0',
    '',
    'example.org',
    '169.254.169.254.1',
    '::a9fe::a9fe',
    '1:a9fe:a9fe',
    '2001:db8::a9fe:a9fe',
  ])('is not %s', (ip) => expect(isMetadataAddress(ip)).toBe(false));

  it('goes by some names, too', () => {
    expect(isMetadataName('METADATA.google.internal.')).toBe(true);
    expect(isMetadataName('example.org')).toBe(false);
  });
});
