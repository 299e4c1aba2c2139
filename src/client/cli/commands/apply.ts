/** `opsloop apply`: prints the plan and what became of it. */
import type { ApplyPlan, PlanAction } from '../../../domain/apply-plan.js';
import type { PlannedJob } from '../../../domain/job-schedule.js';
import { hasChanges } from '../../../domain/apply-plan.js';
import type { ApplyResult } from '../../apply.js';
import { defaultPerson, requireContextConfig, type CliContext, type GlobalFlags } from '../context.js';
import type { Style, StyleFormat } from '../style.js';
import { plainText } from '../text-width.js';

type ApplyFlags = GlobalFlags & { dryRun?: boolean; by?: string };

const marks: Record<PlanAction, [string, StyleFormat]> = {
  create: ['+', 'green'],
  update: ['~', 'yellow'],
  stop: ['-', 'red'],
  unchanged: ['=', 'dim'],
};

const mostNames = 20;

function namesText(names: string[]): string {
  const shown = names.slice(0, mostNames).map(plainText).join(', ');
  return names.length > mostNames ? `${shown} and ${names.length - mostNames} more` : shown;
}

function serviceLines({ services }: ApplyPlan, style: Style): string[] {
  const parts: [string, StyleFormat, string[]][] = [
    ['+ services', 'green', services.added],
    ['~ services', 'yellow', services.changed],
    ['- services', 'red', services.removed],
  ];
  return parts
    .filter(([, , names]) => names.length > 0)
    .map(([title, format, names]) => `  ${style(format, title)}  ${namesText(names)}`);
}

function planLines({ plan, migrations }: ApplyResult, style: Style): string[] {
  return [
    `${style('bold', plainText(plan.environment))}  revision ${plan.revision}${plan.isNewRevision ? ' (new)' : ''}`,
    ...migrations.map((name) => `  ${style('green', '+ migration')} ${name}`),
    ...serviceLines(plan, style),
    ...plan.loops.map(({ action, id }) => {
      const [mark, format] = marks[action];
      return `  ${style(format, `${mark} ${action.padEnd(9)}`)} ${plainText(id)}`;
    }),
    ...jobLines(plan, style),
  ];
}

/** Jobs that stay as they are are only counted: there may be a thousand. */
function jobLines({ jobs }: ApplyPlan, style: Style): string[] {
  const unchanged = jobs.filter(({ action }) => action === 'unchanged').length;
  const changed = jobs.filter(({ action }) => action !== 'unchanged');
  const line = (plan: PlannedJob): string[] => {
    const [mark, format] = marks[plan.action];
    const drift = plan.action === 'update' && plan.isDrift ? ' (was changed in Temporal; set back)' : '';
    const changes =
      plan.action === 'update' ? plan.changes.map((change) => `      ${plainText(change)}`) : [];
    return [
      `  ${style(format, `${mark} ${plan.action.padEnd(9)}`)} job ${plainText(plan.job)}${drift}`,
      ...changes,
    ];
  };
  const shown = changed.slice(0, mostNames).flatMap(line);
  const more = changed.length - mostNames;
  return [
    ...shown,
    ...(more > 0 ? [`    and ${more} more jobs`] : []),
    ...(unchanged > 0
      ? [`  ${style('dim', `= unchanged`)} ${unchanged} job${unchanged === 1 ? '' : 's'}`]
      : []),
  ];
}

const documentOf = ({ plan, migrations, waiting }: ApplyResult, isDryRun: boolean) => ({
  environment: plan.environment,
  revision: plan.revision,
  isNewRevision: plan.isNewRevision,
  dryRun: isDryRun,
  changed: hasChanges(plan) || migrations.length > 0,
  services: plan.services,
  loops: plan.loops.map(({ id, loop, action }) => ({ id, loop, action })),
  jobs: plan.jobs,
  migrations,
  waiting,
});

export async function applyCommand(this: CliContext, flags: ApplyFlags): Promise<void> {
  const { output, env } = this;
  const isDryRun = flags.dryRun ?? false;
  const config = await requireContextConfig(this);
  const by = flags.by ?? (await defaultPerson(env));
  const { applyToStack } = await import('../../apply-to-stack.js');
  const result = await applyToStack({ config, env, by, isDryRun });
  output.document(documentOf(result, isDryRun));
  output.lines(planLines(result, output.style));
  const isChanged = hasChanges(result.plan) || result.migrations.length > 0;
  output.lines([isChanged ? (isDryRun ? 'dry run: nothing was changed' : 'applied') : 'nothing to do']);
  if (result.waiting.length > 0) {
    output.note(
      `not taken yet by ${namesText(result.waiting)}: no worker runs, or it is busy. It will be when one does.`,
    );
  }
}
