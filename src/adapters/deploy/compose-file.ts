/** What a Compose file says of one service, and the one change that a deployment makes in it. */
import { isMap, isScalar, parseDocument, Scalar, type Document } from 'yaml';
import { OpsError } from '../../domain/errors.js';
import type { ContainerConfig } from './container-engine.js';
import { parseImageReference, type ImageReference } from './image-reference.js';

export interface ComposeService {
  /** As written, variables and all; null: it is built only. */
  image: string | null;
  /** Where a container shows what a text of the file became. */
  texts: ComposeText[];
}

interface ComposeText {
  text: string;
  shownBy(config: ContainerConfig): string | null;
}

const read = (text: string, file: string): Document => {
  // Compose's own tags (!reset, !override) mean nothing here.
  const document = parseDocument(text, { merge: true, logLevel: 'silent' });
  const [error] = document.errors;
  if (error === undefined) return document;
  throw new OpsError('invalidInput', `${file} is no YAML: ${error.message.split('\n')[0]}`, {
    field: 'file',
  });
};

/** Null: there is no such service in the file. */
export const composeService = (text: string, file: string, service: string): ComposeService | null => {
  const { services } = (read(text, file).toJS() ?? {}) as { services?: Record<string, unknown> };
  if (services === undefined || !Object.hasOwn(services, service)) return null;
  const { image, environment, labels } = (services[service] ?? {}) as Record<string, unknown>;
  const ofImage =
    typeof image === 'string' ? [{ text: image, shownBy: (c: ContainerConfig) => c.Image }] : [];
  return {
    image: typeof image === 'string' ? image : null,
    texts: [
      ...ofImage,
      ...pairsOf(environment).map(([name, value]) => ({
        text: value,
        shownBy: ({ Env }: ContainerConfig) =>
          Env?.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? null,
      })),
      ...pairsOf(labels).map(([name, value]) => ({
        text: value,
        shownBy: ({ Labels }: ContainerConfig) => Labels?.[name] ?? null,
      })),
    ],
  };
};

/** Written as a map, or as a list of `name=value`. */
const pairsOf = (value: unknown): [string, string][] => {
  if (Array.isArray(value)) {
    return value.flatMap((entry): [string, string][] => {
      const [, name, text] = /^([^=]+)=([^]*)$/.exec(String(entry)) ?? [];
      return name === undefined || text === undefined ? [] : [[name, text]];
    });
  }
  return Object.entries(value ?? {}).flatMap(([name, text]): [string, string][] =>
    typeof text === 'string' ? [[name, text]] : [],
  );
};

const variablePattern = /\$\$|\$(?:\{([A-Za-z_]\w*)(?::?[-?+][^}]*)?\}|([A-Za-z_]\w*))/g;

export const usesVariable = (text: string, variable: string): boolean =>
  [...text.matchAll(variablePattern)].some(([, braced, bare]) => (braced ?? bare) === variable);

/** What the variable was when `shown` was made from `text`; null: it does not show. */
export const valueOfVariable = (text: string, shown: string, variable: string): string | null => {
  if (!usesVariable(text, variable)) return null;
  let pattern = '';
  let end = 0;
  let isNamed = false;
  for (const { 0: found, 1: braced, 2: bare, index } of text.matchAll(variablePattern)) {
    pattern += escaped(text.slice(end, index));
    const isIt = (braced ?? bare) === variable;
    pattern += found === '$$' ? '\\$' : !isIt ? '.*' : isNamed ? '\\k<value>' : '(?<value>.*)';
    isNamed ||= isIt;
    end = index + found.length;
  }
  pattern += escaped(text.slice(end));
  return new RegExp(`^${pattern}$`, 's').exec(shown)?.groups?.['value'] ?? null;
};

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** The text with another image of the service, given as a reference; nothing else changes, not a blank. Throws `invalidInput`. */
export const withImage = (
  text: string,
  { file, service, image }: { file: string; service: string; image: string },
): string => {
  const { range, quote } = writtenImage(text, file, service);
  return `${text.slice(0, range[0])}${quote}${image}${quote}${text.slice(range[1])}`;
};

/** The image of the service, which must stand in the service itself. Throws `invalidInput`. */
export const imageInFile = (text: string, file: string, service: string): ImageReference =>
  writtenImage(text, file, service).reference;

interface WrittenImage {
  /** From, to: characters of the text. */
  range: [number, number];
  reference: ImageReference;
  quote: '' | "'" | '"';
}

const quotes: Partial<Record<Scalar.Type, WrittenImage['quote']>> = {
  PLAIN: '',
  QUOTE_DOUBLE: '"',
  QUOTE_SINGLE: "'",
};

const writtenImage = (text: string, file: string, service: string): WrittenImage => {
  const refused = (why: string): OpsError =>
    new OpsError('invalidInput', `${file}: the image of ${service} ${why}`, { field: 'service' });
  const services = read(text, file).get('services');
  const node = isMap(services) ? services.get(service, true) : undefined;
  if (node === undefined)
    throw new OpsError('notFound', `${file} has no service ${service}`, { field: 'service' });
  const image = isMap(node) ? node.get('image', true) : undefined;
  if (!isScalar(image) || !image.range || typeof image.value !== 'string') {
    throw refused('is not written in the service itself: write it there, for example image: shop/api:1');
  }
  if (image.anchor !== undefined)
    throw refused('is used by others, too (it has an anchor): write it out in each');
  if (image.value.includes('$')) {
    throw refused('holds a variable: name it in via.compose.variable, and a version is its value');
  }
  const reference = parseImageReference(image.value);
  const quote = quotes[image.type ?? 'PLAIN'];
  if (reference === null || quote === undefined) {
    throw refused('is no reference on one line; for example image: shop/api:1');
  }
  return { range: [image.range[0], image.range[1]], reference, quote };
};
