/** Addresses, host names and URLs as parts of the configuration's shape. */
import { isHost, isServerAddress, parseAddress } from './address.js';
import { secretiveText, text } from './leaves.js';

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
