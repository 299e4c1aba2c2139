// What was set on a container, told from what its image brought: against a model of what the engine does.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContainerConfig, ImageConfig } from '../../src/adapters/deploy/container-engine.js';
import { differentDefaults, setOnContainer } from '../../src/adapters/deploy/image-defaults.js';

/** As the engine makes a container's settings of what is asked for and of the image. */
const made = (asked: Partial<ContainerConfig>, image: ImageConfig): ContainerConfig => {
  const hasEntrypoint = (asked.Entrypoint ?? []).length > 0;
  const hasCommand = (asked.Cmd ?? []).length > 0;
  const names = new Set((asked.Env ?? []).map(nameOf));
  return {
    Image: 'x',
    User: asked.User || image.User || '',
    WorkingDir: asked.WorkingDir || image.WorkingDir || '',
    StopSignal: asked.StopSignal || image.StopSignal || '',
    Cmd: hasEntrypoint || hasCommand ? (asked.Cmd ?? null) : (image.Cmd ?? null),
    Entrypoint: asked.Entrypoint ?? image.Entrypoint ?? null,
    Env: [...(asked.Env ?? []), ...(image.Env ?? []).filter((entry) => !names.has(nameOf(entry)))],
    Labels: { ...image.Labels, ...asked.Labels },
    ExposedPorts: { ...image.ExposedPorts, ...asked.ExposedPorts },
    Volumes: { ...image.Volumes, ...asked.Volumes },
    Healthcheck:
      asked.Healthcheck || image.Healthcheck ? { ...image.Healthcheck, ...asked.Healthcheck } : null,
  };
};
const nameOf = (entry: string): string => entry.split('=')[0] ?? '';

/** Values of an image and of people never meet: a value that is set to the image's own cannot be told from it. */
const settings = (origin: string): fc.Arbitrary<ImageConfig> => {
  const value = fc.constantFrom('a', 'b').map((text) => `${origin}-${text}`);
  const words = fc.option(fc.array(value, { minLength: 1, maxLength: 2 }));
  const keyed = fc.dictionary(fc.constantFrom('K', 'L', 'M'), value);
  const keys = fc.dictionary(
    fc.constantFrom('1', '2').map((key) => `${origin}/${key}`),
    fc.constant({}),
  );
  return fc.record({
    User: fc.option(value, { nil: '' }),
    WorkingDir: fc.option(value, { nil: '' }),
    StopSignal: fc.option(value, { nil: '' }),
    Cmd: words,
    Entrypoint: words,
    Env: keyed.map((entries) => Object.entries(entries).map(([name, text]) => `${name}=${text}`)),
    Labels: keyed,
    ExposedPorts: keys,
    Volumes: keys,
    Healthcheck: fc.option<Record<string, unknown>>(
      fc.record({ Test: words.map((test) => test ?? [origin]), Interval: value }),
    ),
  });
};
const sorted = (config: ContainerConfig) => ({ ...config, Env: [...(config.Env ?? [])].sort() });

describe('settings of a container', () => {
  it('survive, and defaults of the old image are replaced by those of the new one', () => {
    fc.assert(
      fc.property(settings('set'), settings('old'), settings('new'), (asked, old, next) => {
        const before = made(asked, old);
        const after = made(setOnContainer(before, old) as Partial<ContainerConfig>, next);
        expect(sorted(after)).toEqual(sorted(made(asked, next)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('stay as they are with the same image', () => {
    fc.assert(
      fc.property(settings('set'), settings('old'), (asked, old) => {
        const before = made(asked, old);
        expect(sorted(made(setOnContainer(before, old) as Partial<ContainerConfig>, old))).toEqual(
          sorted(before),
        );
      }),
    );
  });

  it('all count as set where the image is not known', () => {
    fc.assert(
      fc.property(settings('set'), settings('old'), settings('new'), (asked, old, next) => {
        const before = made(asked, old);
        const after = made(setOnContainer(before, null) as Partial<ContainerConfig>, next);
        expect(after).toMatchObject({ Labels: before.Labels, ...(before.User ? { User: before.User } : {}) });
        expect(after.Env).toEqual(expect.arrayContaining(before.Env ?? []));
        if (before.Entrypoint === null) expect(after.Entrypoint).toEqual([]);
      }),
    );
  });

  it('take an entrypoint that was set to the same as the image has it, where the command shows that', () => {
    const old = { Entrypoint: ['run'], Cmd: ['old'] };
    expect(setOnContainer({ Image: 'x', Entrypoint: ['run'], Cmd: null }, old)).toMatchObject({
      Entrypoint: ['run'],
    });
    expect(setOnContainer({ Image: 'x', Entrypoint: ['run'], Cmd: ['old'] }, old)).not.toHaveProperty(
      'Entrypoint',
    );
    expect(setOnContainer({ Image: 'x', Entrypoint: ['own'], Cmd: ['old'] }, old)).toMatchObject({
      Entrypoint: ['own'],
      Cmd: ['old'],
    });
  });

  it('tell which defaults differ between two images', () => {
    expect(differentDefaults({ Env: ['A=1'], Cmd: ['a'] }, { Env: ['A=2'], Cmd: ['a'], User: 'b' })).toEqual([
      'environment',
      'user',
    ]);
    expect(differentDefaults(null, {})).toEqual([]);
  });
});
