/** Addresses of cloud metadata services, which hand out credentials to whoever asks from the host. */

const ipv4Addresses = [
  '169.254.169.254', // AWS, Google, Azure, DigitalOcean, OpenStack, Oracle
  '169.254.170.2', // AWS: credentials of ECS tasks
  '169.254.170.23', // AWS: credentials of EKS pods
  '100.100.100.200', // Alibaba
  '192.0.0.192', // Oracle, old
  '168.63.129.16', // Azure: the host's agent
];
const ipv6Addresses = ['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254'];
const names = new Set(['metadata.google.internal', 'metadata.goog', 'metadata', 'instance-data']);

/** The two 16-bit groups of a dotted IPv4 address; null when the text is none. */
function groupsOfIpv4(text: string): number[] | null {
  const parts = text.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  const [a = 256, b = 256, c = 256, d = 256] = parts;
  if (parts.length !== 4 || parts.some((part) => part > 255)) return null;
  return [(a << 8) | b, (c << 8) | d];
}

/** Groups of one side of `::`; the last part may be dotted. */
function groupsOfSide(text: string): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  for (const part of text.split(':')) {
    const found = part.includes('.')
      ? groupsOfIpv4(part)
      : /^[0-9a-f]{1,4}$/i.test(part)
        ? [Number.parseInt(part, 16)]
        : null;
    if (found === null) return null;
    groups.push(...found);
  }
  return groups;
}

/** The eight 16-bit groups of an IPv6 address without a zone; null when the text is none. */
function groupsOfIpv6(text: string): number[] | null {
  const [left = '', right, ...more] = text.split('::');
  const before = groupsOfSide(left);
  const after = groupsOfSide(right ?? '');
  if (before === null || after === null || more.length > 0) return null;
  const missing = 8 - before.length - after.length;
  if (right === undefined ? missing !== 0 : missing < 0) return null;
  return [...before, ...Array.from({ length: missing }, () => 0), ...after];
}

const keyOf = (groups: readonly number[]): string => groups.map((group) => group.toString(16)).join(':');

const ipv4Keys = new Set(ipv4Addresses.map((address) => keyOf(groupsOfIpv4(address) ?? [])));
const ipv6Keys = new Set(ipv6Addresses.map((address) => keyOf(groupsOfIpv6(address) ?? [])));
/** What stands before an IPv4 address in IPv6: compatible, mapped, translated (NAT64). */
const ipv4Prefixes = new Set(['0:0:0:0:0:0', '0:0:0:0:0:ffff', '64:ff9b:0:0:0:0']);

/** `ip` is an IPv4 or IPv6 address, perhaps with a zone (`fe80::1%eth0`); anything else is none. */
export function isMetadataAddress(ip: string): boolean {
  const ipv4 = groupsOfIpv4(ip);
  if (ipv4 !== null) return ipv4Keys.has(keyOf(ipv4));
  const groups = groupsOfIpv6(ip.replace(/%.*$/, ''));
  if (groups === null) return false;
  if (ipv6Keys.has(keyOf(groups))) return true;
  // 6to4 carries the IPv4 address in its second and third group.
  if (groups[0] === 0x2002) return ipv4Keys.has(keyOf(groups.slice(1, 3)));
  return ipv4Prefixes.has(keyOf(groups.slice(0, 6))) && ipv4Keys.has(keyOf(groups.slice(6)));
}

/** True for the names by which clouds offer the same service; upper and lower case are the same. */
export function isMetadataName(host: string): boolean {
  return names.has(host.toLowerCase().replace(/\.$/, ''));
}
