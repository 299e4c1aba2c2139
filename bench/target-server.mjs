// Targets of the checks, in a process of their own: one port answers 200 to every request, the other never answers.
// Not `node:http`: the less a target costs, the less it takes from what is measured on the same machine.
import net from 'node:net';
import process from 'node:process';

const answer =
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
/** A tick opens a thousand connections at once. */
const backlog = 4096;

const healthy = net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', () => socket.end(answer));
});
const hanging = net.createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.resume();
});

const listen = (server) =>
  new Promise((resolve) => {
    server.listen({ host: '127.0.0.1', port: 0, backlog }, () => resolve(server.address().port));
  });

process.on('disconnect', () => process.exit(0));
process.send({ healthyPort: await listen(healthy), hangingPort: await listen(hanging) });
