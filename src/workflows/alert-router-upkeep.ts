/** What the alert router does beside its alerts: it reads its routing, and writes down what is not sent. */
import { isCancellation, log } from '@temporalio/workflow';
import { routingActivities, routerRecordActivities } from './activity-proxies.js';
import { applyRouting } from './alert-router-inbox.js';
import type { RouterMemory } from './alert-router-memory.js';

export interface Keeper {
  /** Does what is due; never rejects but when the workflow is cancelled. */
  act(now: number): Promise<void>;
  /** When it has something to do, epoch ms; null when it has not. */
  nextAt(): number | null;
}

/** What could not be read or written is tried again after this. */
const againMs = 5_000;
/** Notes in one call. */
const mostNotes = 50;
const mostNoteText = 500_000;

/** Reads the routing when another revision is in force; meanwhile the old one is. */
export function keepRouting(memory: RouterMemory): Keeper {
  let failed = { revision: -1, notBefore: 0 };
  const isDue = (): boolean =>
    memory.routing === null ||
    (memory.settings.revision !== 0 && memory.routing.revision !== memory.settings.revision);
  // Another revision than the one that failed is read at once.
  const notBefore = (): number => (failed.revision === memory.settings.revision ? failed.notBefore : 0);
  return {
    nextAt: () => (isDue() ? notBefore() : null),
    act: async (now) => {
      if (!isDue() || now < notBefore()) return;
      const { environment, revision } = memory.settings;
      try {
        const withSilences = !memory.hasSilences;
        applyRouting(memory, await routingActivities.loadRouting({ environment, revision, withSilences }));
      } catch (error) {
        if (isCancellation(error)) throw error;
        log.warn('the routing of alerts cannot be read; tried again soon', { error: String(error) });
        failed = { revision, notBefore: Date.now() + againMs };
      }
    },
  };
}

/** Writes the notes; what cannot be written is kept and tried again. */
export function keepRecords(memory: RouterMemory): Keeper {
  let notBefore = 0;
  const isDue = (): boolean => memory.notes.length > 0 || memory.silenceRecords.length > 0;
  return {
    nextAt: () => (isDue() ? notBefore : null),
    act: async (now) => {
      if (now < notBefore) return;
      try {
        while (memory.silenceRecords.length > 0) {
          const silences = memory.silenceRecords.slice(0, mostNotes);
          await routerRecordActivities.recordSilences({ silences });
          memory.silenceRecords = memory.silenceRecords.filter((each) => !silences.includes(each));
        }
        while (memory.notes.length > 0) await writeNotes(memory);
      } catch (error) {
        if (isCancellation(error)) throw error;
        log.warn('what is not sent could not be recorded; tried again soon', { error: String(error) });
        notBefore = Date.now() + againMs;
      }
    },
  };
}

async function writeNotes(memory: RouterMemory): Promise<void> {
  let size = 0;
  const notes = memory.notes.slice(0, mostNotes).filter((note, index) => {
    size += JSON.stringify(note).length;
    return index === 0 || size <= mostNoteText;
  });
  await routerRecordActivities.recordDeliveries({ notes });
  memory.notes = memory.notes.filter((note) => !notes.includes(note));
}
