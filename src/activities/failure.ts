/** An expected failure as Temporal carries it: its reason is the type, and whether trying again can help goes along. */
import { ApplicationFailure } from '@temporalio/common';
import type { OpsError } from '../domain/errors.js';

/** To be thrown out of an activity, so that workflows and people see the reason and not a wrapped error. */
export const asFailure = (error: OpsError): ApplicationFailure =>
  ApplicationFailure.create({
    message: error.message,
    type: error.reason,
    nonRetryable: !error.retryable,
    cause: error,
  });
