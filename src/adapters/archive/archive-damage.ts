/** Damage of an archive on its way from where it is found to the outcome that names it. */

/** `entry` is the name of what is damaged; null: the file as a whole. */
export class ArchiveDamage extends Error {
  override readonly name = 'ArchiveDamage';
  readonly entry: string | null;

  constructor(entry: string | null, detail: string) {
    super(detail);
    this.entry = entry;
  }
}
