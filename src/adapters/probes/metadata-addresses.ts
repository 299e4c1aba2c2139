/** Refuses to connect to cloud metadata services, which hand out credentials to whoever asks from the host. */
import { ProbeFailure } from './probe-failure.js';

export { isMetadataAddress, isMetadataName } from '../../domain/metadata-addresses.js';

/** What is said instead of connecting. */
export function refuseMetadata(host: string, ip: string | null): ProbeFailure {
  const target = ip === null || ip === host ? host : `${host} (${ip})`;
  return new ProbeFailure(
    `${target} is a cloud metadata address, which hands out credentials; opsloop does not connect to it`,
  );
}
