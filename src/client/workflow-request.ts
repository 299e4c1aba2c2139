/** Asks a workflow for something: by update, which answers; by signal, which cannot be lost, when no worker answers. */
import { OpsError, opsErrorReasons, type OpsErrorReason } from '../domain/errors.js';
import { asTemporalError, callTimeoutMs, isUnanswered, type Temporal } from './temporal.js';

export interface WorkflowRequest {
  /** Workflow id. */
  id: string;
  /** Name of the update, and of the signal that does the same. */
  name: string;
  input: object;
  /** How long the answer may take once the workflow has taken the request, ms. */
  resultTimeoutMs: number;
  /** False: there is no signal of that name; nobody answering is an error then. */
  hasSignal?: boolean;
  /** Of a refusal whose reason the workflow does not name; left out: `invalidInput`. */
  refusedFor?: OpsErrorReason;
}

/** The problem that the workflow named when it refused, with its reason; null when the failure is of another kind. */
function refusalOf(
  error: unknown,
  otherwise: OpsErrorReason,
): { reason: OpsErrorReason; message: string } | null {
  if (!(error instanceof Error) || error.name !== 'WorkflowUpdateFailedError') return null;
  const cause = error.cause instanceof Error ? error.cause : error;
  const type = 'type' in cause ? cause.type : null;
  const reason = opsErrorReasons.find((known) => known === type) ?? otherwise;
  return { reason, message: cause.message };
}

/**
 * The workflow's answer; null when no worker took the update within 5 s: then the signal of the same name waits in Temporal.
 * Throws OpsError with the workflow's reason when it refuses, and `notFound` when it does not run.
 */
export async function requestWorkflow<Answer>(
  temporal: Temporal,
  { id, name, input, resultTimeoutMs, hasSignal = true, refusedFor = 'invalidInput' }: WorkflowRequest,
): Promise<Answer | null> {
  const { WorkflowUpdateStage } = await import('@temporalio/client');
  const handle = temporal.client.workflow.getHandle(id);
  try {
    const update = await temporal.within(callTimeoutMs, () =>
      handle.startUpdate<Answer, [object]>(name, {
        args: [input],
        waitForStage: WorkflowUpdateStage.ACCEPTED,
      }),
    );
    return await temporal.within(resultTimeoutMs, () => update.result());
  } catch (error) {
    if (isUnanswered(error) && hasSignal) {
      await temporal
        .within(callTimeoutMs, () => handle.signal(name, input))
        .catch((failure: unknown) => {
          throw asTemporalError(failure, temporal);
        });
      return null;
    }
    const refusal = refusalOf(error, refusedFor);
    if (refusal !== null)
      throw new OpsError(refusal.reason, `${id} refused ${name}: ${refusal.message}`, { cause: error });
    if (error instanceof Error && error.name === 'WorkflowNotFoundError')
      throw new OpsError('notFound', `${id} does not run`, { cause: error });
    throw asTemporalError(error, temporal);
  }
}
