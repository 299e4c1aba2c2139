/** A DNS server on loopback, over UDP and TCP, whose answers the test gives. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { startTcpServer } from './tcp-server.js';

export interface DnsQuestion {
  name: string;
  type: string;
}

export interface DnsReply {
  /** 0 NOERROR, 1 FORMERR, 2 SERVFAIL, 3 NXDOMAIN, 4 NOTIMP, 5 REFUSED. */
  rcode?: number;
  /** Answer records: their data, of the asked type. */
  records?: Buffer[];
  /** Over UDP says only that the answer is too long for it. */
  isTruncated?: boolean;
  /** Sent as it is, instead of an answer. */
  raw?: Buffer;
}

export interface DnsServer {
  /** `ip:port`. */
  address: string;
  close(): Promise<void>;
}

const typeNames: Record<number, string> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  257: 'CAA',
};

/** `answer` returns null to stay silent. */
export const startDnsServer = async (
  answer: (question: DnsQuestion) => DnsReply | null,
): Promise<DnsServer> => {
  const tcp = await startTcpServer((socket) => {
    socket.once('data', (data: Buffer) => {
      const reply = replyTo(data.subarray(2), answer, false);
      if (reply) socket.write(Buffer.concat([uint16(reply.length), reply]));
    });
  });
  const udp = createSocket('udp4');
  udp.on('message', (query, from) => {
    const reply = replyTo(query, answer, true);
    if (reply) udp.send(reply, from.port, from.address);
  });
  udp.bind(tcp.port, '127.0.0.1');
  await once(udp, 'listening');
  return {
    address: tcp.address,
    close: async () => {
      const closed = once(udp, 'close');
      udp.close();
      await Promise.all([closed, tcp.close()]);
    },
  };
};

const replyTo = (
  query: Buffer,
  answer: (question: DnsQuestion) => DnsReply | null,
  isUdp: boolean,
): Buffer | null => {
  const labels: string[] = [];
  let at = 12;
  for (let size = query[at] ?? 0; size > 0; size = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + size));
    at += size + 1;
  }
  const typeNumber = query.readUInt16BE(at + 1);
  const reply = answer({ name: labels.join('.'), type: typeNames[typeNumber] ?? String(typeNumber) });
  if (reply === null) return null;
  if (reply.raw) return reply.raw;
  const isTruncated = isUdp && (reply.isTruncated ?? false);
  const records = isTruncated ? [] : (reply.records ?? []);
  const flags = 0x8180 | (isTruncated ? 0x0200 : 0) | (reply.rcode ?? 0);
  const head = [query.subarray(0, 2), uint16(flags), uint16(1), uint16(records.length), uint16(0), uint16(0)];
  const question = query.subarray(12, at + 5);
  // Each record's name points to the question; it lives for 60 seconds.
  const answers = records.flatMap((data) => [
    uint16(0xc00c),
    uint16(typeNumber),
    uint16(1),
    Buffer.from([0, 0, 0, 60]),
    uint16(data.length),
    data,
  ]);
  return Buffer.concat([...head, question, ...answers]);
};

/** Data of records, as they go over the wire. */
export const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

export const ipv4Data = (address: string): Buffer => Buffer.from(address.split('.').map(Number));

export const nameData = (name: string): Buffer =>
  Buffer.concat([...name.split('.').map(textData), Buffer.from([0])]);

/** A text with its length in front. */
export const textData = (text: string): Buffer =>
  Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
