/** A file with mistakes still says where its stack runs. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { salvageConfig } from '../../src/config/salvage.js';

const location = { file: '/srv/shop/opsloop.yaml' };

describe('salvageConfig', () => {
  it('keeps environment and state directory of a file that is wrong elsewhere', () => {
    const text = 'environment: "shop" # ours\nstateDir: var/ops  # not here\nservices:\n  - nam: api\n';
    expect(salvageConfig(text, location)).toMatchObject({
      environment: 'shop',
      stateDir: '/srv/shop/var/ops',
    });
  });

  it('keeps them even when the file is no YAML at all', () => {
    expect(salvageConfig("environment: shop\nservices: [[[\n'", location)).toMatchObject({
      environment: 'shop',
    });
  });

  it('takes the defaults of what the file does not say, and holds nothing else', () => {
    const config = salvageConfig('services: 5\n', location);
    expect(config).toMatchObject({ environment: 'shop', stateDir: '/srv/shop/.opsloop', database: null });
    expect(config?.applied.services).toEqual([]);
  });

  it('does not guess a name that is wrong itself', () => {
    expect(salvageConfig('environment: "a b/c"\n', location)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void salvageConfig(text, location)));
  });
});
