/** Names of images, by the grammar of the distribution project: what is not one never reaches an engine or a file. */
import { OpsError } from '../../domain/errors.js';

export interface ImageReference {
  /** As it was written, without tag and digest: `registry.example.com:5000/shop/api`. */
  repository: string;
  tag: string | null;
  /** `sha256:…`. */
  digest: string | null;
  /** As it was written. */
  text: string;
}

const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const label = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domain = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const repositoryPattern = `(?:${domain}/)?${component}(?:/${component})*`;
const tagPattern = '[\\w][\\w.-]{0,127}';
const digestPattern = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,128}';
const wholeReference = new RegExp(
  `^(?<repository>${repositoryPattern})(?::(?<tag>${tagPattern}))?(?:@(?<digest>${digestPattern}))?$`,
);
const wholeTag = new RegExp(`^${tagPattern}$`);

const longestRepository = 255;
/** Of a whole reference; longer texts are not even looked at. */
const longestText = 600;

/** Null: it is no reference of an image. */
export const parseImageReference = (text: string): ImageReference | null => {
  if (text.length > longestText) return null;
  const { repository, tag, digest } = wholeReference.exec(text)?.groups ?? {};
  if (repository === undefined || repository.length > longestRepository) return null;
  // Not every engine takes a lone name in capitals for a registry; most people mean the repository.
  if (/^[^/.:]*[A-Z][^/.:]*\//.test(repository)) return null;
  // An id would be taken for a repository.
  if (/^[0-9a-f]{64}$/.test(repository)) return null;
  return { repository, tag: tag ?? null, digest: digest ?? null, text };
};

export const isImageTag = (text: string): boolean => wholeTag.test(text);

/** The reference that `version` stands for. `repository` null: a version is a reference. Throws `invalidInput`. */
export const referenceOfVersion = (version: string, repository: string | null): ImageReference => {
  const shown = JSON.stringify(version.length > 80 ? `${version.slice(0, 80)}…` : version);
  if (repository === null) {
    const reference = parseImageReference(version);
    if (reference !== null) return reference;
    throw new OpsError(
      'invalidInput',
      `version ${shown} is no reference of an image: write it as registry.example.com/shop/api:1.4.2; repositories are in lower case`,
      { field: 'version' },
    );
  }
  if (!isImageTag(version)) {
    throw new OpsError(
      'invalidInput',
      `version ${shown} is no tag of ${repository}: at most 128 letters, digits, "_", "." and "-", the first one no "." or "-"; for example 1.4.2`,
      { field: 'version' },
    );
  }
  const reference = parseImageReference(`${repository}:${version}`);
  if (reference !== null && reference.tag === version) return reference;
  throw new OpsError(
    'invalidInput',
    `image ${JSON.stringify(repository)} is no repository of images: write it as registry.example.com/shop/api, without a tag`,
    { field: 'image' },
  );
};

/** What a container of this image is called as a version. */
export const versionOfImage = (image: string, repository: string | null): string => {
  if (repository === null) return image;
  const reference = parseImageReference(image);
  if (reference === null || reference.digest !== null) return image;
  return familiar(reference.repository) === familiar(repository) ? (reference.tag ?? 'latest') : image;
};

/** Where it is fetched from, as the docker command's configuration calls it. */
export const registryOf = ({ repository }: ImageReference): string => {
  const [first = '', ...rest] = repository.split('/');
  const isRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isRegistry && first !== 'index.docker.io' ? first : 'docker.io';
};

/** The short form: `docker.io/library/redis` and `redis` are the same repository. */
const familiar = (repository: string): string =>
  repository.replace(/^(index\.)?docker\.io\//, '').replace(/^library\/(?=[^/]+$)/, '');
