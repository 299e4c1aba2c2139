/** A thread that does one job of packing after the other. Started by `packers`. */
import { parentPort } from 'node:worker_threads';
import { doPackJob, type PackJob } from './pack-job.js';

parentPort?.on('message', (job: PackJob) => {
  const answer = doPackJob(job);
  parentPort?.postMessage(answer, answer.kind === 'packed' ? [answer.data.buffer] : []);
});
