/**
 * Checks how long a server's certificate holds.
 *
 * Who signed it is no matter here: internal authorities and self-signed certificates expire, too, and are
 * watched for exactly that (an `http` check judges trust). A certificate for another name or one that does not
 * hold yet is of no use to clients: its expiry is left out, so that no condition can hold, and `error` says why.
 */
import type { Observation } from '../../domain/observation.js';
import type { CertificateCheck } from '../../domain/service.js';
import { formatAddress, parseAddress } from './address.js';
import { runAttempt } from './attempt.js';
import { dial, ipOf, secure } from './dial.js';
import { certificateFacts } from './peer-certificate.js';
import { ProbeFailure } from './probe-failure.js';
import type { ProbeOptions } from './probe-options.js';

export function probeCertificate(check: CertificateCheck, options: ProbeOptions): Promise<Observation> {
  return runAttempt(options, async (attempt) => {
    const address = parseAddress(check.address, 443);
    const place = formatAddress(address.host, address.port);
    const name = check.serverName ?? address.host;
    const socket = await dial(attempt, address);
    const ip = ipOf(socket);
    if (ip !== undefined) attempt.seen.ip = ip;
    const secured = await secure(attempt, socket, { name, place });
    const facts = certificateFacts(secured, name, name);
    if (facts === null) throw new ProbeFailure(`${place} sent no certificate`);
    const observation: Observation = {
      ...attempt.seen,
      connected: true,
      responseTimeMs: attempt.elapsedMs(),
    };
    const isUseless = facts.nameProblem !== null || facts.isTooEarly;
    if (!isUseless) observation.certificateExpiresInMs = facts.expiresInMs;
    const error = facts.nameProblem ?? (facts.isTooEarly || facts.expiresInMs < 0 ? facts.problem : null);
    if (error !== null) observation.error = error;
    return observation;
  });
}
