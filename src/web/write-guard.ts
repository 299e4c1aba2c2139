/** Who may change something: programs with the token, when one is set, and no page of another site. */
import type { MiddlewareHandler } from 'hono';
import { OpsError } from '../domain/errors.js';
import { isTokenValid } from './access.js';

/** With a token set, also this machine has to send it. Browsers name the page that posts: only our own may. */
export const guardWrites =
  (token: string | null): MiddlewareHandler =>
  async (context, next) => {
    const origin = context.req.header('origin');
    const isForeign = origin !== undefined && hostOf(origin) !== context.req.header('host');
    // Of what a page merely fetches with GET there is no Origin.
    if (isForeign || context.req.header('sec-fetch-site') === 'cross-site')
      throw new OpsError('auth', 'changes are taken from programs, not from pages of other sites', {
        field: 'origin',
      });
    if (token !== null && !isTokenValid(context.req.header('authorization'), token)) {
      context.header('WWW-Authenticate', 'Bearer');
      throw new OpsError('auth', 'send the token of api.token: Authorization: Bearer …', {
        field: 'authorization',
      });
    }
    return next();
  };

/** `127.0.0.1:7700` of an Origin header; null when it is none, or hidden. */
function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
