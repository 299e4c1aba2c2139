/** How long one workflow task may compute. */

/**
 * A task with some 10,000 signals takes about 5 s of one core, at which the SDK would interrupt it, and that takes the whole
 * process down ("async hook stack has become corrupted"). The SDK's types do not name the option; it is passed through.
 */
export const isolateLimit: object = { isolateExecutionTimeout: '30s' };
