/** All workflow types; each is one loop's name. */
export { alertRouter } from './alert-router.js';
export { cronExecution } from './cron-execution.js';
export { cronWatch } from './cron-watch.js';
export { external } from './external.js';
export { heartbeat } from './heartbeat.js';
export { incident } from './incident.js';
export { remedy } from './remedy.js';
export { run } from './run.js';
export { runWatch } from './run-watch.js';
export { deployment } from './deployment.js';
