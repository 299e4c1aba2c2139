/** `--config FILE` and `--json` mean the same before and after the verb: they are taken out before it is looked for. */
import { OpsError } from '../../domain/errors.js';

export interface GlobalOptions {
  /** As given; null: the nearest opsloop.yaml. */
  configFile: string | null;
  isJson: boolean;
}

/** Splits a command line into the global options and the rest. What follows `--` is left alone. */
export function takeGlobalOptions(words: readonly string[]): { options: GlobalOptions; rest: string[] } {
  const options: GlobalOptions = { configFile: null, isJson: false };
  const rest: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') {
      rest.push(...words.slice(at));
      break;
    }
    if (word === '--json') options.isJson = true;
    else if (word.startsWith('--config=')) options.configFile = word.slice('--config='.length);
    else if (word === '--config') {
      at += 1;
      options.configFile = words[at] ?? '';
    } else rest.push(word);
  }
  return { options, rest };
}

/** Throws OpsError `invalidInput` when `--config` came without a file. */
export function checkGlobalOptions({ configFile }: GlobalOptions): void {
  if (configFile === null || (configFile !== '' && !configFile.startsWith('--'))) return;
  throw new OpsError('invalidInput', '--config needs a file; for example --config ./opsloop.yaml', {
    field: 'config',
  });
}
