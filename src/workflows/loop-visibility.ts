/** What the Temporal Web UI shows of a loop: current details and the search attribute of its status. */
import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

const statusKey = defineSearchAttributeKey('OpsStatus', SearchAttributeType.KEYWORD);
const severityKey = defineSearchAttributeKey('OpsSeverity', SearchAttributeType.KEYWORD);

/** Sets the readable text, and the attributes only when they changed: each change costs an event of history. */
export function showLoop(shown: { status: string; details: string; severity?: string }): void {
  setCurrentDetails(shown.details);
  const attributes = workflowInfo().typedSearchAttributes;
  if (attributes.get(statusKey) !== shown.status)
    upsertSearchAttributes([{ key: statusKey, value: shown.status }]);
  if (shown.severity !== undefined && attributes.get(severityKey) !== shown.severity) {
    upsertSearchAttributes([{ key: severityKey, value: shown.severity }]);
  }
}
