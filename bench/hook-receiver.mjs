// A receiver of webhooks in a process of its own: it notes who told what and when, and answers some of them slowly.
import { createServer } from 'node:http';
import process from 'node:process';

/** Every `slowEach`th message is answered after `slowMs`; 0: all at once. */
const [slowEach, slowMs] = process.argv.slice(2).map(Number);
const calls = [];

const note = (request, text) => {
  const { alerts } = JSON.parse(text);
  const call = {
    id: request.headers['webhook-id'] ?? null,
    path: request.url,
    at: Date.now(),
    endedAt: null,
    alerts: alerts.map(({ status, startsAt, endsAt, fingerprint, labels, annotations }) => ({
      status,
      startsAt: Date.parse(startsAt),
      endsAt: Date.parse(endsAt),
      fingerprint,
      target: labels.target ?? labels.instance,
      key: annotations.key ?? null,
      event: annotations.event ?? null,
    })),
  };
  calls.push(call);
  return call;
};

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const call = note(request, Buffer.concat(chunks).toString());
    response.on('close', () => {
      call.endedAt = Date.now();
    });
    const isSlow = slowEach > 0 && calls.length % slowEach === 0;
    setTimeout(() => response.end('ok'), isSlow ? slowMs : 0);
  });
});

process.on('disconnect', () => process.exit(0));
process.on('message', () => process.send(calls));
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
