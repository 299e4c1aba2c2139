/** The process of one benchmark: measures, sends the figures to the process that started it, and ends. */
import { benchmarks } from './benchmark.js';
import { killProcessesOf, workFolder } from './work-folder.js';

/** Nobody would end what was started here when the parent is gone. */
process.on('disconnect', () => void killProcessesOf(workFolder()).finally(() => process.exit(1)));
// Ctrl-C goes to the whole group; the parent ends everything.
process.on('SIGINT', () => undefined);

const benchmark = benchmarks.find(({ name }) => name === process.argv[2]);
if (benchmark === undefined) throw new Error(`unknown benchmark ${process.argv[2]}`);
try {
  const { measure } = await benchmark.load();
  const measurement = await measure();
  process.send?.(measurement, () => process.exit(0));
} catch (error) {
  console.error(error);
  process.exit(1);
}
