/** The release of the Temporal CLI that opsloop fetches, and how versions of it are told apart. */

import { execFile } from 'node:child_process';
import { arch, platform } from 'node:os';

export const temporalCliVersion = '1.8.2';

/** Older ones lack flags and server features that the loops use. */
export const oldestTemporalCli = '1.3';

/** A CLI that was built from source calls itself 0.0.0-DEV; then the server inside tells its age. CLI 1.3 brought 1.27. */
const oldestServer = '1.27';

/** SHA-256 of the archives as published with release 1.8.2, so that a changed release is noticed. */
export const officialChecksums: Readonly<Record<string, string>> = {
  'temporal_cli_1.8.2_linux_amd64.tar.gz': 'd8421bda989e6514b4bdb4d63a9012a8a05a806892e881a5aad8510496349a94',
  'temporal_cli_1.8.2_linux_arm64.tar.gz': '83600a8fac6e3da54093e5da6918d399f501532b9f1172235603f9606f4ac6e4',
  'temporal_cli_1.8.2_darwin_amd64.tar.gz':
    '489d7f5420cae02b559774ac23df035141954c33a51dba96f5759a0ddccdf1b6',
  'temporal_cli_1.8.2_darwin_arm64.tar.gz':
    'dacdc3587682c04cf27e67c8878ca2d755230b6ad63c0c6ebddd7348ae90ed94',
};

export const officialDownloadBase = 'https://github.com/temporalio/cli/releases/download';

/** `temporal_cli_1.8.2_linux_amd64.tar.gz`: Go's names of systems and processors. */
export function archiveName(): string {
  const processor = arch() === 'x64' ? 'amd64' : arch();
  return `temporal_cli_${temporalCliVersion}_${platform()}_${processor}.tar.gz`;
}

export interface TemporalCliVersion {
  cli: string;
  server: string | null;
}

/** From `temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)`; null when it is something else. */
export function parseVersion(output: string): TemporalCliVersion | null {
  const cli = /temporal version v?(\d+\.\d+\.\d+\S*)/.exec(output)?.[1];
  if (cli === undefined) return null;
  return { cli, server: /Server v?(\d+\.\d+\.\d+)/.exec(output)?.[1] ?? null };
}

export function isRecentEnough({ cli, server }: TemporalCliVersion): boolean {
  if (!cli.startsWith('0.0.0')) return isAtLeast(cli, oldestTemporalCli);
  return server !== null && isAtLeast(server, oldestServer);
}

function isAtLeast(version: string, oldest: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/** Runs `<path> --version`. Rejects with a short reason when it does not run or is not the Temporal CLI. */
export function askVersion(path: string): Promise<TemporalCliVersion> {
  return new Promise((resolve, reject) => {
    execFile(path, ['--version'], { timeout: 10_000 }, (error, stdout) => {
      const version = error ? null : parseVersion(stdout);
      if (version) resolve(version);
      else
        reject(
          new Error(error ? `does not run (${error.message.split('\n')[0]})` : 'is not the Temporal CLI'),
        );
    });
  });
}
