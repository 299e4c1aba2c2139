/** What a probe throws when it knows the words for what went wrong. */

/** A failure whose text is ready for people. `isUnknown`: the probe could not be made at all. */
export class ProbeFailure extends Error {
  override readonly name = 'ProbeFailure';
  readonly isUnknown: boolean;

  constructor(message: string, options: { isUnknown?: boolean } = {}) {
    super(message);
    this.isUnknown = options.isUnknown ?? false;
  }
}
