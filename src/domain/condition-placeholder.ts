/** The placeholders that conditions may use: what each one measures, and which kinds of check can tell it. */
import type { CheckKind } from './service.js';

/**
 * What a placeholder holds, which decides what it can be compared with. `size` counts bytes and can be
 * given as a share of its whole; `open` is whatever the target says.
 */
export type Measure = 'count' | 'duration' | 'size' | 'share' | 'truth' | 'text' | 'open';

export type PlaceholderName =
  | '[STATUS]'
  | '[RESPONSE_TIME]'
  | '[BODY]'
  | '[IP]'
  | '[CONNECTED]'
  | '[CERTIFICATE_EXPIRATION]'
  | '[DNS_RCODE]'
  | '[EXPIRATION]'
  | '[STATE]'
  | '[MEMORY]'
  | '[CPU]'
  | '[RAM]'
  | '[RESTARTS]'
  | '[DISK_FREE]'
  | '[EXIT_CODE]'
  | '[ACTIVE]';

export interface PlaceholderKind {
  measure: Measure;
  /** A condition as people write it, for messages. */
  example: string;
}

export const placeholderKinds: Record<PlaceholderName, PlaceholderKind> = {
  '[STATUS]': { measure: 'count', example: '[STATUS] < 400' },
  '[RESPONSE_TIME]': { measure: 'duration', example: '[RESPONSE_TIME] < 500ms' },
  '[BODY]': { measure: 'open', example: '[BODY].status == UP' },
  '[IP]': { measure: 'text', example: '[IP] == pat(10.*)' },
  '[CONNECTED]': { measure: 'truth', example: '[CONNECTED] == true' },
  '[CERTIFICATE_EXPIRATION]': { measure: 'duration', example: '[CERTIFICATE_EXPIRATION] > 336h' },
  '[DNS_RCODE]': { measure: 'text', example: '[DNS_RCODE] == NOERROR' },
  '[EXPIRATION]': { measure: 'duration', example: '[EXPIRATION] > 336h' },
  '[STATE]': { measure: 'text', example: '[STATE] == running' },
  '[MEMORY]': { measure: 'size', example: '[MEMORY] < 512MB' },
  '[CPU]': { measure: 'share', example: '[CPU] < 95%' },
  '[RAM]': { measure: 'share', example: '[RAM] < 92%' },
  '[RESTARTS]': { measure: 'count', example: '[RESTARTS] < 10' },
  '[DISK_FREE]': { measure: 'size', example: '[DISK_FREE] > 10%' },
  '[EXIT_CODE]': { measure: 'count', example: '[EXIT_CODE] == 0' },
  '[ACTIVE]': { measure: 'count', example: '[ACTIVE] >= 9' },
};

export const placeholderNames = Object.keys(placeholderKinds) as PlaceholderName[];

/** Placeholders that each kind of check can tell; any other one in its conditions is a mistake. */
export const allowedPlaceholders: Record<CheckKind, readonly PlaceholderName[]> = {
  http: ['[STATUS]', '[RESPONSE_TIME]', '[BODY]', '[IP]', '[CONNECTED]', '[CERTIFICATE_EXPIRATION]'],
  tcp: ['[CONNECTED]', '[RESPONSE_TIME]', '[IP]'],
  redis: ['[CONNECTED]', '[RESPONSE_TIME]', '[IP]'],
  postgres: ['[CONNECTED]', '[RESPONSE_TIME]', '[BODY]', '[IP]'],
  dns: ['[DNS_RCODE]', '[BODY]', '[CONNECTED]', '[RESPONSE_TIME]'],
  certificate: ['[CERTIFICATE_EXPIRATION]', '[CONNECTED]', '[RESPONSE_TIME]', '[IP]'],
  expiry: ['[EXPIRATION]', '[CONNECTED]', '[RESPONSE_TIME]'],
  process: ['[STATE]', '[MEMORY]', '[CPU]', '[RESTARTS]', '[CONNECTED]', '[RESPONSE_TIME]'],
  disk: ['[DISK_FREE]', '[CONNECTED]', '[RESPONSE_TIME]'],
  host: ['[CPU]', '[RAM]', '[CONNECTED]', '[RESPONSE_TIME]'],
  command: ['[EXIT_CODE]', '[BODY]', '[CONNECTED]', '[RESPONSE_TIME]'],
  push: ['[CONNECTED]', '[BODY]'],
  cron: ['[ACTIVE]', '[BODY]', '[CONNECTED]'],
};

/** The placeholder of that name, in any case; null when there is none. */
export function placeholderNamed(text: string): PlaceholderName | null {
  const upper = text.toUpperCase();
  return placeholderNames.find((name) => name === upper) ?? null;
}
