/** The schema, the reference file, the sample and the code say the same. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configJsonSchema, configJsonSchemaText } from '../../src/config/json-schema.js';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';
import { checkKinds } from '../../src/config/checks-shape.js';
import { defaultConditions } from '../../src/domain/service.js';

const fileOf = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const reference = fileOf('opsloop.reference.yaml');

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  definitions?: Record<string, Schema>;
  anyOf?: Schema[];
  oneOf?: Schema[];
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | false;
  default?: unknown;
  description?: string;
  examples?: unknown[];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const schema = configJsonSchema() as Schema;

/** The mappings that a schema may mean, and the lists. */
const optionsOf = (schema: Schema): Schema[] => {
  const options = schema.anyOf ?? schema.oneOf;
  return options === undefined ? [schema] : options.flatMap(optionsOf);
};

/** The definition that a schema names, by its name and itself. */
const definitionOf = (part: Schema): [string, Schema][] => {
  const name = (part.$ref ?? part.allOf?.[0]?.$ref)?.replace('#/definitions/', '');
  const definition = schema.definitions?.[name ?? ''];
  return name === undefined || definition === undefined ? [] : [[name, definition]];
};

/** Every place of the schema by its path, options side by side; what is defined once is entered where it is used first. */
const placesOf = (part: Schema, path = '', entered = new Set<string>()): Map<string, Schema> => {
  const places = new Map<string, Schema>();
  const enter = (below: Schema, where: string): void => {
    for (const [place, found] of placesOf(below, where, entered)) places.set(place, found);
  };
  for (const option of optionsOf(part)) {
    for (const [key, value] of Object.entries(option.properties ?? {})) {
      places.set(`${path}.${key}`, value);
      enter(value, `${path}.${key}`);
    }
    if (option.items) enter(option.items, `${path}[]`);
    for (const [name, definition] of definitionOf(option)) {
      if (entered.has(name)) continue;
      entered.add(name);
      enter(definition, path);
    }
  }
  return places;
};

/** What each type of channel has beside its type. */
const channelKeysOf = (): string[] => {
  const channels = optionsOf(schema.properties?.channels ?? {})[0]?.additionalProperties;
  return optionsOf(channels || {}).flatMap((channel) => Object.keys(channel.properties ?? {}));
};

/** Every value of the data by the same kind of path. */
const valuesOf = (data: unknown, path = ''): [string, unknown][] => {
  if (Array.isArray(data)) return data.flatMap((item) => valuesOf(item, `${path}[]`));
  if (!isObject(data)) return [];
  return Object.entries(data).flatMap(([key, value]) => [
    [`${path}.${key}`, value] as [string, unknown],
    ...valuesOf(value, `${path}.${key}`),
  ]);
};

describe('opsloop.schema.json', () => {
  it('is what the code makes (node --import tsx scripts/write-schema.ts writes it)', () => {
    expect(fileOf('opsloop.schema.json') === configJsonSchemaText()).toBe(true);
  });

  it('describes every key', () => {
    const silent = [...placesOf(schema)].filter(
      ([path, part]) => !part.description && !path.endsWith('.type'),
    );
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  it('knows every kind of check and refuses unknown keys', () => {
    const service = optionsOf(schema.properties?.services ?? {})[0]?.items;
    const heads = optionsOf(service?.properties?.checks?.items ?? {}).map(({ required }) => required?.[0]);
    expect(heads).toEqual([...checkKinds]);
    expect(schema.additionalProperties).toBe(false);
    expect(service?.additionalProperties).toBe(false);
  });
});

describe('opsloop.reference.yaml', () => {
  const values = valuesOf(parse(reference));

  it('is valid', () => {
    const parsed = parseConfig(reference, { file: '/srv/shop/opsloop.reference.yaml' });
    expect(parsed.ok ? [] : parsed.problems.map(formatProblem)).toEqual([]);
  });

  it('mentions every key of the schema', () => {
    const mentioned = new Set(values.map(([path]) => path));
    expect([...placesOf(schema).keys()].filter((path) => !mentioned.has(path))).toEqual([]);
  });

  it('shows every type of channel with every key', () => {
    const shown = Object.values((parse(reference) as { channels: Record<string, object> }).channels);
    expect(shown.flatMap((channel) => Object.keys(channel))).toEqual(channelKeysOf());
    expect(channelKeysOf()).toHaveLength(14);
  });

  it('shows the default of every key that has one', () => {
    const withDefault = [...placesOf(schema)].filter(
      ([path, part]) => 'default' in part && !path.endsWith('.conditions'),
    );
    expect(withDefault.length).toBeGreaterThan(25);
    for (const [path, part] of withDefault) {
      const shown = values.filter(([where]) => where === path).map(([, value]) => value);
      expect(shown, path).toContainEqual(part.default);
    }
  });

  it('shows the default conditions of every kind of check', () => {
    const { services } = parse(reference) as { services: { checks: Record<string, unknown>[] }[] };
    const checks = services.flatMap((service) => service.checks);
    for (const kind of checkKinds) {
      const shown = checks
        .filter((check) => kind in check && 'conditions' in check)
        .map(({ conditions }) => conditions);
      expect(shown, kind).toEqual([[...defaultConditions[kind]]]);
    }
  });

  it('means the same without its keys that have a default', () => {
    const withoutDefaults = (part: unknown, path = ''): unknown => {
      if (Array.isArray(part)) return part.map((item) => withoutDefaults(item, `${path}[]`));
      if (!isObject(part)) return part;
      const places = placesOf(schema);
      return Object.fromEntries(
        Object.entries(part).flatMap(([key, value]) => {
          const place = places.get(`${path}.${key}`);
          const isDefault =
            place !== undefined &&
            'default' in place &&
            JSON.stringify(place.default) === JSON.stringify(value);
          return isDefault && key !== 'listen' ? [] : [[key, withoutDefaults(value, `${path}.${key}`)]];
        }),
      );
    };
    const shorter = parse(reference) as Record<string, unknown>;
    const file = { file: '/srv/shop/opsloop.yaml' };
    const full = parseConfig(reference, file);
    const short = parseConfig(JSON.stringify(withoutDefaults(shorter)), file);
    expect(short).toEqual(full);
    expect(JSON.stringify(withoutDefaults(shorter)).length).toBeLessThan(
      JSON.stringify(shorter).length - 500,
    );
  });
});

describe('opsloop.yaml', () => {
  const parsed = parseConfig(fileOf('opsloop.yaml'), { file: '/srv/opsloop/opsloop.yaml' });

  it('is valid and watches the parts of opsloop and this host', () => {
    expect(parsed.ok && parsed.config.applied.services.map(({ name }) => name)).toEqual([
      'temporal',
      'postgres',
      'api',
      'this-host',
    ]);
  });

  it('names only the variables that are set by `opsloop up`', () => {
    const names = [...fileOf('opsloop.yaml').matchAll(/\$\{env:(\w+)\}/g)].map((match) => match[1]);
    expect(names).toEqual(['TEMPORAL_ADDRESS', 'DATABASE_URL', 'OPSLOOP_API']);
  });
});
