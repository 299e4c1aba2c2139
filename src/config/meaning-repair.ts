/** Mistakes of meaning in what one service says about its repair and its pushes. */
import { asList, asMapping } from './raw-data.js';
import type { RawMapping, Report } from './raw-data.js';

/** `index` is the service's place in `services`. */
export const judgeRepair = (service: RawMapping, index: number, report: Report): void => {
  const isGiven = (key: string): boolean => service[key] !== undefined && service[key] !== null;
  if (isGiven('remedy') && !isGiven('supervisor')) {
    const message =
      'repairs nothing without a supervisor: the service needs one; for example supervisor: {pm2: api}';
    report(['services', index, 'remedy'], message);
  }
  let first: number | null = null;
  asList(service.checks).forEach((check, position) => {
    if (asMapping(check).push === undefined) return;
    if (first === null) first = position;
    else {
      const message = `is the second check of kind push (after checks[${first}]), and pings name only the service; make it a service of its own`;
      report(['services', index, 'checks', position, 'push'], message);
    }
  });
};
