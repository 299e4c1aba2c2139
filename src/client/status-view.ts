/** Everything that the screen of `status` and `watch` shows, read at one moment. */
import type {
  DeploymentDocument,
  IncidentDocument,
  ServiceDocument,
  StatusDocument,
} from '../domain/documents.js';
import type { JobDocument } from '../domain/cron-document.js';
import { listJobs } from './cron-jobs.js';
import { listOpenDeployments } from './deployments.js';
import { listIncidents } from './incidents.js';
import { listServices } from './services.js';
import type { Stack } from './stack.js';
import { readStatus } from './status.js';

export interface StatusReading {
  status: StatusDocument;
  services: ServiceDocument[];
  incidents: IncidentDocument[];
  /** Those that go on. */
  deployments: DeploymentDocument[];
  jobs: JobDocument[];
}

const mostRows = 1000;

export async function readStatusView(stack: Stack): Promise<StatusReading> {
  const jobs = await listJobs(stack);
  const [status, services, incidents, deployments] = await Promise.all([
    readStatus(stack, jobs),
    listServices(stack, mostRows),
    listIncidents(stack, { isAll: false, limit: mostRows }),
    listOpenDeployments(stack),
  ]);
  return { status, services, incidents, deployments, jobs };
}

/** Where the Temporal Web UI shows the workflows; null when its address is not known. */
export async function webUiOf(stack: Stack): Promise<string | null> {
  const { webUi, namespace } = await stack.temporal();
  return webUi === null ? null : `${webUi.replace(/\/$/, '')}/namespaces/${namespace}/workflows`;
}
