/** Histories that earlier versions wrote replay on today's workflows: loops that run somewhere survive an upgrade. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleWorkflows, payloadConverterPath } from '../support/workflow-environment.js';

const folder = import.meta.dirname;
const recorded = readdirSync(folder).filter((name) => name.endsWith('.json'));

interface RecordedHistory {
  events: {
    eventType: string;
    workflowExecutionStartedEventAttributes?: { workflowType: { name: string }; workflowId?: string };
    activityTaskScheduledEventAttributes?: { activityType: { name: string } };
  }[];
}

const read = (name: string): RecordedHistory =>
  JSON.parse(readFileSync(join(folder, name), 'utf8')) as RecordedHistory;

describe('a recorded history', () => {
  let code = '';
  beforeAll(async () => {
    code = await bundleWorkflows();
  });
  const replay = (history: RecordedHistory): Promise<void> =>
    Worker.runReplayHistory(
      { workflowBundle: { code }, dataConverter: { payloadConverterPath } },
      history,
      history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId,
    );

  it('exists of every loop', () => {
    const types = recorded.map(
      (name) => read(name).events[0]?.workflowExecutionStartedEventAttributes?.workflowType.name,
    );
    expect(new Set(types)).toEqual(
      new Set([
        'heartbeat',
        'incident',
        'alertRouter',
        'external',
        'remedy',
        'runWatch',
        'run',
        'deployment',
        'cronExecution',
        'cronWatch',
      ]),
    );
  });

  it.each(recorded)('%s replays on the workflows of today', async (name) => {
    await replay(read(name));
  });

  it('is refused when it tells of something that the workflow would not do', async () => {
    const history = read(recorded.find((name) => name.startsWith('heartbeat-v')) ?? '');
    const scheduled = history.events.find(
      (event) => event.activityTaskScheduledEventAttributes !== undefined,
    );
    if (scheduled?.activityTaskScheduledEventAttributes === undefined)
      throw new Error('no activity was recorded');
    scheduled.activityTaskScheduledEventAttributes.activityType.name = 'somethingElse';
    await expect(replay(history)).rejects.toThrow(/[Nn]ondeterminism/);
  });
});
