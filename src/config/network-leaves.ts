/** Addresses, host names and URLs as parts of the configuration's shape. */
import { isMetadataAddress, isMetadataName } from '../domain/metadata-addresses.js';
import { isHost, isServerAddress, parseAddress } from './address.js';
import { judged, secretiveText, text } from './leaves.js';
import { hasReference } from './references.js';

export const hostAndPort = (example: string) =>
  secretiveText({
    expected: 'an address "host:port"',
    example,
    isValid: (value) => parseAddress(value) !== null,
  });

export const hostNameText = text({ expected: 'a host name', example: 'example.org', isValid: isHost });

export const serverAddress = text({
  expected: 'the address of a name server (ip or ip:port)',
  example: '127.0.0.1:53',
  isValid: isServerAddress,
});

export const url = (expected: string, schemes: readonly string[], example: string) =>
  secretiveText({
    expected,
    example,
    isValid: (value) => {
      if (/\s/.test(value) || !URL.canParse(value)) return false;
      const { protocol, hostname } = new URL(value);
      // PostgreSQL's URLs may leave the host out and name a socket's folder.
      return schemes.includes(protocol) && (hostname !== '' || protocol.startsWith('postgres'));
    },
  });

export const httpUrl = url('an http or https URL', ['http:', 'https:'], 'http://127.0.0.1:8080/health');
export const redisUrl = url('a redis URL', ['redis:', 'rediss:'], 'redis://127.0.0.1:6379');
export const postgresUrl = url(
  'a PostgreSQL URL',
  ['postgres:', 'postgresql:'],
  'postgres://user@127.0.0.1:5432/name',
);

/** A page for people, taken as it is written. */
export const pageUrl = text({
  expected: 'an http or https URL',
  example: 'https://wiki.example.org/runbooks/api',
  isValid: (value) => /^https?:\/\/\S+$/i.test(value) && URL.canParse(value),
});

/** The host that a connection would go to: other schemes than http leave `0xa9fea9fe` as it is written. */
const hostOf = (value: string): string => {
  const written = new URL(value).hostname;
  const asHttp = `http://${written}/`;
  return (URL.canParse(asHttp) ? new URL(asHttp).hostname : written).replace(/^\[|\]$/g, '');
};

const metadataProblem = (value: string): string | null => {
  // What a reference stands for is known, and judged, only when it is used.
  if (hasReference(value) || !URL.canParse(value)) return null;
  const host = hostOf(value);
  return isMetadataAddress(host) || isMetadataName(host)
    ? 'is a cloud metadata address, which hands out credentials; opsloop sends nothing there'
    : null;
};

/** A URL that opsloop sends to; never one of a cloud's metadata service. */
const destinationUrl = (expected: string, schemes: readonly string[], example: string) =>
  url(expected, schemes, example).check(judged(metadataProblem));

export const webhookUrl = (example: string) =>
  destinationUrl('an http or https URL', ['http:', 'https:'], example);

export const mailServerUrl = destinationUrl(
  'an smtp or smtps URL',
  ['smtp:', 'smtps:'],
  'smtp://127.0.0.1:25',
);
