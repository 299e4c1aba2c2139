// The shop, v1: tea and coffee.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const version = 'v1';
let failedOrders = 0;
const prices = () => JSON.parse(readFileSync(join(import.meta.dirname, 'prices.json'), 'utf8'));

const pages = {
  '/': () => ({ version, prices: prices() }),
  '/health': () => ({ ok: Object.keys(prices()).length > 0, version }),
  '/metrics.json': () => ({ failedOrders }),
};

const server = createServer((request, response) => {
  const answer = (status, body) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  const page = pages[request.url];
  if (page === undefined) return answer(404, { error: 'no such page' });
  try {
    answer(200, page());
  } catch (error) {
    if (request.url === '/') failedOrders += 1;
    answer(500, { error: error.message });
  }
});
server.listen(Number(process.env.PORT ?? 8090), '127.0.0.1');
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
