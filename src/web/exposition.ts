/** Puts Prometheus texts of several processes together: each metric once, with one HELP and one TYPE line. */

interface Family {
  help: string | null;
  type: string | null;
  samples: string[];
}

/** Endings that belong to the metric of a histogram or summary. */
const partSuffix = /_(?:bucket|sum|count|total|created)$/;

function familyOf(families: Map<string, Family>, name: string): Family {
  const found = families.get(name);
  if (found !== undefined) return found;
  const family: Family = { help: null, type: null, samples: [] };
  families.set(name, family);
  return family;
}

function sampleFamily(families: Map<string, Family>, line: string): Family {
  const name = /^[A-Za-z_:][\w:]*/.exec(line)?.[0] ?? '';
  const base = name.replace(partSuffix, '');
  return families.get(name) ?? families.get(base) ?? familyOf(families, name);
}

/** Reads one text; samples before any HELP or TYPE make a metric of their own. */
function readFamilies(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const line of text.split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+)/.exec(line);
    if (comment !== null) {
      const family = familyOf(families, comment[2] ?? '');
      if (comment[1] === 'HELP') family.help = line;
      else family.type = line;
    } else if (line !== '' && !line.startsWith('#')) sampleFamily(families, line).samples.push(line);
  }
  return families;
}

/** The series of a sample line, without its value. */
const seriesOf = (line: string): string => line.replace(/\s+\S+(?:\s+-?\d+)?$/, '');

/** One text out of several. A series that occurs twice is kept as it came first. */
export function mergeExpositions(texts: readonly string[]): string {
  const merged = new Map<string, Family>();
  for (const text of texts) {
    for (const [name, { help, type, samples }] of readFamilies(text)) {
      const family = familyOf(merged, name);
      family.help ??= help;
      family.type ??= type;
      const known = new Set(family.samples.map(seriesOf));
      family.samples.push(...samples.filter((line) => !known.has(seriesOf(line))));
    }
  }
  const lines = [...merged.values()]
    .filter(({ samples }) => samples.length > 0)
    .flatMap(({ help, type, samples }) => [
      ...(help === null ? [] : [help]),
      ...(type === null ? [] : [type]),
      ...samples,
    ]);
  return `${lines.join('\n')}\n`;
}
