/** An executable that takes the place of one that this machine cannot run, such as systemctl without systemd. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.js';

export interface StandInProgram {
  /** A PATH in which the stand-in comes first. */
  path: string;
  /** The arguments of each call so far, joined by blanks. */
  calls(): Promise<string[]>;
}

/** `script` is the body of a POSIX shell script; it finds its own folder in `$here`. Gone when the test ends. */
export const standInProgram = async (name: string, script: string): Promise<StandInProgram> => {
  const folder = await temporaryFolder();
  const log = join(folder, 'calls.log');
  const lines = ['#!/bin/sh', `here='${folder}'`, `echo "$*" >> '${log}'`, script, ''];
  await writeFile(log, '');
  await writeFile(join(folder, name), lines.join('\n'), { mode: 0o755 });
  return {
    path: `${folder}:${process.env['PATH'] ?? ''}`,
    calls: async () => (await readFile(log, 'utf8')).split('\n').filter((line) => line !== ''),
  };
};
