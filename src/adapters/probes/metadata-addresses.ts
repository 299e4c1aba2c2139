/** Addresses of cloud metadata services, which hand out credentials to whoever asks from the host. */
import { BlockList, isIPv4 } from 'node:net';
import { ProbeFailure } from './probe-failure.js';

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

const ipv4Set = new Set(ipv4Addresses);
/** Also knows the IPv4-mapped form (`::ffff:…`) of every IPv4 address in it. */
const blockList = new BlockList();
for (const address of ipv4Addresses) {
  blockList.addAddress(address);
  // Other ways to write an IPv4 address in IPv6: compatible, translated (NAT64), and 6to4.
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  blockList.addAddress(`::${hex}`, 'ipv6');
  blockList.addAddress(`64:ff9b::${hex}`, 'ipv6');
  blockList.addSubnet(`2002:${hex}::`, 48, 'ipv6');
}
for (const address of ipv6Addresses) blockList.addAddress(address, 'ipv6');

/** `ip` is an IPv4 or IPv6 address, perhaps with a zone (`fe80::1%eth0`). */
export function isMetadataAddress(ip: string): boolean {
  if (isIPv4(ip)) return ipv4Set.has(ip);
  return blockList.check(ip.replace(/%.*$/, ''), 'ipv6');
}

export function isMetadataName(host: string): boolean {
  return names.has(host.toLowerCase().replace(/\.$/, ''));
}

/** What is said instead of connecting. */
export function refuseMetadata(host: string, ip: string | null): ProbeFailure {
  const target = ip === null || ip === host ? host : `${host} (${ip})`;
  return new ProbeFailure(
    `${target} is a cloud metadata address, which hands out credentials; opsloop does not connect to it`,
  );
}
