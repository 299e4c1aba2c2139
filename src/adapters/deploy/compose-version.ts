/** Where a Compose service's version is written: in the `.env` file, or in the image of the Compose file. */
import { join } from 'node:path';
import type { DeploymentWay } from '../../domain/deployment-settings.js';
import { OpsError } from '../../domain/errors.js';
import { composeService, imageInFile, usesVariable, valueOfVariable, withImage } from './compose-file.js';
import { folderOf } from './compose-project.js';
import type { ContainerConfig } from './container-engine.js';
import { variableIn, withVariable } from './env-file.js';
import { referenceOfVersion, versionOfImage } from './image-reference.js';
import { readWhole } from './whole-file.js';

type ComposeWay = Extract<DeploymentWay, { kind: 'compose' }>;

export interface VersionSource {
  /** Of the file that holds the version. */
  path: string;
  /** Null: there is no such file yet. */
  content: Buffer | null;
  /** That the file says; null: nothing. */
  version: string | null;
  /** The image that the Compose file says; null: it holds a variable. */
  image: string | null;
  /** Throws `invalidInput` where this version cannot be written there. */
  check(version: string): void;
  versionShownBy(config: ContainerConfig): string | null;
  /** Null: it depends on more than the file. */
  imageOf(version: string): string | null;
  /** The file with this version. */
  edited(version: string): Buffer;
  /** What people made of it meanwhile, with the version of this source; null: without the file. */
  putBackIn(content: Buffer | null): Buffer | null;
  /** One line for people. */
  change(version: string): string;
}

const servicePattern = /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/;

/** `content`: as it was at some time, instead of as it is now. Throws `invalidInput` for files that a deployment cannot work with. */
export const versionSource = async (
  way: ComposeWay,
  files: readonly string[],
  content?: Buffer | null,
): Promise<VersionSource> => {
  if (!servicePattern.test(way.service)) {
    throw new OpsError(
      'invalidInput',
      `${JSON.stringify(way.service)} is no name of a service; for example api`,
      {
        field: 'service',
      },
    );
  }
  return await (way.variable === null
    ? imageSource(way, content)
    : variableSource({ ...way, variable: way.variable, files }, content));
};

const readCompose = async (
  file: string,
  given?: Buffer | null,
): Promise<{ path: string; content: Buffer }> => {
  const { path, content: now } = await readWhole(file);
  const content = given ?? now;
  if (content !== null) return { path, content };
  throw new OpsError('notFound', `there is no Compose file ${file}`, { field: 'file' });
};

const imageSource = async ({ file, service }: ComposeWay, given?: Buffer | null): Promise<VersionSource> => {
  const { path, content } = await readCompose(file, given);
  const text = content.toString();
  const { repository, text: image } = imageInFile(text, file, service);
  const imageOf = (version: string): string => referenceOfVersion(version, repository).text;
  const edit = (base: string, to: string): Buffer =>
    Buffer.from(withImage(base, { file, service, image: to }));
  return {
    path,
    content,
    image,
    version: versionOfImage(image, repository),
    check: (version) => void imageOf(version),
    versionShownBy: ({ Image }) => versionOfImage(Image, repository),
    imageOf,
    edited: (version) => edit(text, imageOf(version)),
    putBackIn: (changed) => (changed === null ? content : edit(changed.toString(), image)),
    change: (version) => `image of ${service} in ${path}: ${image} -> ${imageOf(version)}`,
  };
};

/** Needs no quotes in an `.env` file, and is neither an option nor a way out of a folder. */
const valuePattern = /^[A-Za-z0-9](?!.*(?:^|\/)\.\.(?:\/|$))[\w.:/@+-]{0,254}$/;

const variableSource = async (
  { file, service, variable, files }: ComposeWay & { variable: string; files: readonly string[] },
  given?: Buffer | null,
): Promise<VersionSource> => {
  const compose = (await readCompose(file)).content.toString();
  const texts = composeService(compose, file, service)?.texts;
  if (texts === undefined) {
    throw new OpsError('notFound', `${file} has no service ${service}`, { field: 'service' });
  }
  const read = await readWhole(join(folderOf(files), '.env'));
  const content = given === undefined ? read.content : given;
  const text = content?.toString() ?? '';
  const version = variableIn(text, variable);
  return {
    path: read.path,
    content,
    image: null,
    version,
    check: (asked) => {
      if (!valuePattern.test(asked)) {
        throw new OpsError(
          'invalidInput',
          `version ${JSON.stringify(asked.slice(0, 80))} cannot be the value of ${variable}: letters, digits and "_.:/@+-", the first one a letter or digit; for example 1.4.2`,
          { field: 'version' },
        );
      }
      if (!usesVariable(compose, variable)) {
        throw new OpsError(
          'invalidInput',
          `${file} does not use the variable ${variable}: write it where the version belongs, for example image: shop/api:\${${variable}}`,
          { field: 'variable' },
        );
      }
    },
    versionShownBy: (config) => {
      for (const { text: written, shownBy } of texts) {
        const shown = shownBy(config);
        const value = shown === null ? null : valueOfVariable(written, shown, variable);
        if (value !== null && value !== '') return value;
      }
      return null;
    },
    imageOf: () => null,
    edited: (asked) => Buffer.from(withVariable(text, variable, asked)),
    putBackIn: (changed) =>
      changed === null ? content : Buffer.from(withVariable(changed.toString(), variable, version)),
    change: (asked) => `${variable} in ${read.path}: ${version ?? 'not set'} -> ${asked}`,
  };
};
