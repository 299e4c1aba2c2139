/** Names that lead to a metadata service: found out after the look-up, whatever the name. */
import type { LookupAddress } from 'node:dns';
import { describe, expect, it, vi } from 'vitest';
import { allowedLookup, RefusedAddress } from '../../src/adapters/channels/outbound.js';
import { lookUpName } from '../../src/adapters/probes/name-lookup.js';

vi.mock(import('../../src/adapters/probes/name-lookup.js'), () => ({ lookUpName: vi.fn() }));

/** What a connection is told when DNS answers so. */
const told = async (answer: LookupAddress[], all: boolean): Promise<unknown[]> => {
  vi.mocked(lookUpName).mockResolvedValue(answer);
  return new Promise((resolve) => {
    allowedLookup('hooks.example.org', { all }, (...args) => resolve(args));
  });
};

describe('looking up where a message goes', () => {
  it('refuses the name when one of its addresses is a metadata service', async () => {
    const addresses = [
      { address: '203.0.113.7', family: 4 },
      { address: '169.254.169.254', family: 4 },
    ];
    const [error] = await told(addresses, true);
    expect(error).toBeInstanceOf(RefusedAddress);
    expect(String(error)).toContain('hooks.example.org (169.254.169.254) is a cloud metadata address');
    const [mapped] = await told([{ address: '::ffff:169.254.169.254', family: 6 }], false);
    expect(mapped).toBeInstanceOf(RefusedAddress);
  });

  it('gives all addresses, or the first, as it is asked', async () => {
    const addresses = [
      { address: '203.0.113.7', family: 4 },
      { address: '2001:db8::7', family: 6 },
    ];
    expect(await told(addresses, true)).toEqual([null, addresses]);
    expect(await told(addresses, false)).toEqual([null, '203.0.113.7', 4]);
  });
});
