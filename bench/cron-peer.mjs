// The peer: pg-boss with jobs of every minute; says `ready`, and a line for each job that it runs.
import PgBoss from 'pg-boss';

const [url = '', count = '0'] = process.argv.slice(2);
const boss = new PgBoss({
  connectionString: url,
  cronMonitorIntervalSeconds: 1,
  cronWorkerIntervalSeconds: 1,
});
boss.on('error', () => undefined);
await boss.start();
for (let number = 1; number <= Number(count); number += 1) {
  const queue = `job-${number}`;
  await boss.createQueue(queue);
  await boss.schedule(queue, '* * * * *');
  await boss.work(queue, { pollingIntervalSeconds: 2, batchSize: 100 }, async (jobs) => {
    for (const _ of jobs) process.stdout.write(`ran ${queue}\n`);
  });
}
process.stdout.write('ready\n');
