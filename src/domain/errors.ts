/** The one error of opsloop: a reason from a closed set, and whether trying again can help. */

export const opsErrorReasons = [
  'invalidInput',
  'notFound',
  'conflict',
  'auth',
  'rateLimited',
  'unavailable',
  'timeout',
] as const;

export type OpsErrorReason = (typeof opsErrorReasons)[number];

const retryableByDefault: Record<OpsErrorReason, boolean> = {
  invalidInput: false,
  notFound: false,
  conflict: false,
  auth: false,
  rateLimited: true,
  unavailable: true,
  timeout: true,
};

export interface OpsErrorOptions {
  retryable?: boolean;
  /** The name of the offending field, for errors of input. */
  field?: string;
  cause?: unknown;
}

/** An expected failure. `message` is for people and says what to do next. */
export class OpsError extends Error {
  override readonly name = 'OpsError';
  readonly reason: OpsErrorReason;
  readonly retryable: boolean;
  readonly field: string | null;

  constructor(reason: OpsErrorReason, message: string, options: OpsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.retryable = options.retryable ?? retryableByDefault[reason];
    this.field = options.field ?? null;
  }
}

/** Exit codes of the CLI: 1 the thing asked about failed, 2 wrong use, 3 something cannot be reached. */
export const exitCodeOfReason: Record<OpsErrorReason, 1 | 2 | 3> = {
  invalidInput: 2,
  notFound: 1,
  conflict: 1,
  auth: 2,
  rateLimited: 3,
  unavailable: 3,
  timeout: 3,
};

/** HTTP status of the API for each reason. */
export const httpStatusOfReason: Record<OpsErrorReason, 400 | 401 | 404 | 409 | 429 | 503 | 504> = {
  invalidInput: 400,
  notFound: 404,
  conflict: 409,
  auth: 401,
  rateLimited: 429,
  unavailable: 503,
  timeout: 504,
};
