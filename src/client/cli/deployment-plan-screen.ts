/** How the plan of a deployment is shown. */
import type { DeploymentPlanDocument } from '../../domain/documents.js';
import { shellWord } from './shell-word.js';
import type { ScreenOptions } from './status-screen.js';
import { plainText } from './text-width.js';

const indent = '  ';

/** The lines of `deploy plan`. */
export function planLines(plan: DeploymentPlanDocument, { style }: Pick<ScreenOptions, 'style'>): string[] {
  const { target, versionBefore, versionAfter, versionRequested, via, services, reason } = plan;
  const after = plainText(versionAfter ?? versionRequested);
  const part = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0
      ? []
      : ['', style('bold', title), ...lines.map((line) => `${indent}${plainText(line)}`)];
  return [
    `${style('bold', plainText(target))} by ${plainText(via)}: ${versionBefore === null ? '' : `${plainText(versionBefore)} -> `}${after}`,
    ...(services.length === 0 ? [] : [`${indent}services: ${plainText(services.join(', '))}`]),
    ...part('Steps', plan.steps),
    ...part('Changes', plan.changes),
    ...(plan.checks.length === 0 ? [] : ['', style('bold', 'Checks, as they are now')]),
    ...plan.checks.map(
      ({ name, isGood, note }) =>
        `${indent}${style(isGood ? 'green' : 'red', isGood ? 'good' : 'bad ')} ${plainText(name)}${note === '' ? '' : `: ${plainText(note)}`}`,
    ),
    '',
    plan.isPossible
      ? `nothing was changed; to do it: opsloop deploy start ${shellWord(target)} ${shellWord(versionRequested)}`
      : style('red', `it would be refused: ${plainText(reason ?? 'no reason was given')}`),
  ];
}
