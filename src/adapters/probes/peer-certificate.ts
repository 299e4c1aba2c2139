/** What a server's certificate says: how long it holds, and why it would not be trusted. */
import { checkServerIdentity, type TLSSocket } from 'node:tls';

export interface CertificateFacts {
  /** Time until it ends, in ms; negative when it has ended. */
  expiresInMs: number;
  /** Why a client would refuse it, for people; null when it would be accepted. */
  problem: string | null;
  /** The part of `problem` that is about the name alone: made for other hosts. */
  nameProblem: string | null;
  /** It holds only from a later moment on. */
  isTooEarly: boolean;
}

const dayMs = 86_400_000;

/** `place` names the server in texts; `name` is what the certificate must be made for. */
export function certificateFacts(socket: TLSSocket, name: string, place: string): CertificateFacts | null {
  const certificate = socket.getPeerCertificate();
  if (certificate?.valid_to === undefined) return null;
  const nowAt = Date.now();
  const expiresInMs = Date.parse(certificate.valid_to) - nowAt;
  const startsInMs = Date.parse(certificate.valid_from) - nowAt;
  const nameProblem =
    checkServerIdentity(name, certificate) === undefined
      ? null
      : `certificate of ${place} is made for ${madeFor(certificate.subjectaltname)}, not for ${name}`;
  const isTooEarly = startsInMs > 0;
  const facts = { expiresInMs, nameProblem, isTooEarly };
  if (expiresInMs < 0) {
    return { ...facts, problem: `certificate of ${place} has expired ${ago(-expiresInMs)} ago` };
  }
  if (isTooEarly) {
    return { ...facts, problem: `certificate of ${place} holds only in ${ago(startsInMs)} from now` };
  }
  if (nameProblem !== null) return { ...facts, problem: nameProblem };
  if (socket.authorized) return { ...facts, problem: null };
  return { ...facts, problem: chainText(codeOfAuthorization(socket), place) };
}

/** A string or an `Error`, depending on the path that Node took. */
function codeOfAuthorization(socket: TLSSocket): string {
  const error: unknown = socket.authorizationError;
  if (error instanceof Error) return (error as { code?: string }).code ?? error.message;
  return typeof error === 'string' ? error : 'unknown reason';
}

function chainText(code: string, place: string): string {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return `${place} has a self-signed certificate`;
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return (
        `certificate of ${place} is signed by an authority that this host does not know, ` +
        `or the server does not send its chain (${code}); NODE_EXTRA_CA_CERTS can name the authority`
      );
    default:
      return `certificate of ${place} is not valid (${code})`;
  }
}

function madeFor(subjectAltName: string | undefined): string {
  const names = (subjectAltName ?? '').split(', ').map((entry) => entry.replace(/^(DNS|IP Address):/, ''));
  const shown = names.filter((entry) => entry !== '').slice(0, 5);
  return shown.length === 0 ? 'no name' : shown.join(', ');
}

/** `3 days`, `5 hours`, `2 minutes`. */
function ago(durationMs: number): string {
  const [amount, unit] =
    durationMs >= dayMs
      ? [durationMs / dayMs, 'day']
      : durationMs >= 3_600_000
        ? [durationMs / 3_600_000, 'hour']
        : [durationMs / 60_000, 'minute'];
  const whole = Math.floor(amount);
  return `${whole} ${unit}${whole === 1 ? '' : 's'}`;
}
