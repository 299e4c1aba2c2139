/** Mistakes of meaning in times that recur: time zones that do not exist. */
import type { DataPath } from './problem.js';
import { asList, asMapping, createSuggester } from './raw-data.js';
import type { RawMapping, Report } from './raw-data.js';
import { isTimeZone, isTimeZoneText } from './window-times.js';

/** `data` is the whole file. */
export const judgeWindows = (data: RawMapping, report: Report): void => {
  const suggest = createSuggester(Intl.supportedValuesOf('timeZone'));
  const judge = (windows: unknown, path: DataPath): void => {
    asList(windows).forEach((window, index) => {
      const { timeZone } = asMapping(window);
      if (typeof timeZone !== 'string' || !isTimeZoneText(timeZone) || isTimeZone(timeZone)) return;
      const near = suggest(timeZone);
      const help = near === null ? 'for example Europe/Oslo' : `did you mean "${near}"?`;
      report([...path, index, 'timeZone'], `is not a time zone; ${help}`);
    });
  };
  judge(asMapping(data.alerts).mute, ['alerts', 'mute']);
  judge(data.maintenanceWindows, ['maintenanceWindows']);
};
