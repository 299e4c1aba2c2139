// Stands between checks and an application, and remembers when which version answered with what.
import { createServer, get } from 'node:http';
import process from 'node:process';

const [applicationUrl] = process.argv.slice(2);
let answers = [];

const server = createServer((_request, response) => {
  const finish = (status, version) => {
    answers.push({ at: Date.now(), status, version: version.trim() });
    response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(version);
  };
  get(applicationUrl, { agent: false }, (answer) => {
    let body = '';
    answer
      .setEncoding('utf8')
      .on('data', (chunk) => (body += chunk))
      .on('end', () => finish(answer.statusCode, body))
      .on('error', () => finish(502, ''));
  }).on('error', () => finish(502, ''));
});

process.on('disconnect', () => process.exit(0));
process.on('message', () => {
  process.send({ answers });
  answers = [];
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
