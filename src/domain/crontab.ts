/** Reads a crontab, and writes the `jobs` section that does the same. */
import { parseSchedule } from './cron-expression.js';
import { isTimeZone } from './time-zone.js';

export interface CrontabJob {
  name: string;
  schedule: string;
  timeZone: string | null;
  /** Comments right above the line; null: there are none. */
  purpose: string | null;
  /** Program and arguments: the shell of the crontab with the line as cron gives it. */
  command: string[];
  env: Record<string, string>;
  /** Of a crontab with a column for it; null: that of the crontab. */
  user: string | null;
}

export interface CrontabReading {
  jobs: CrontabJob[];
  /** What is not taken over, and why; and what holds for all, such as MAILTO. */
  notes: string[];
}

/** What cron puts into the environment anyhow. */
const noVariables = new Set(['MAILTO', 'MAILFROM', 'SHELL', 'CRON_TZ', 'TZ', 'RANDOM_DELAY', 'CONTENT_TYPE']);
const macro = /^@[a-z]+$/i;

/** `hasUser`: the column before the command names a user, as in /etc/crontab. Lines are numbered from 1 in the notes. */
export function readCrontab(text: string, { hasUser }: { hasUser: boolean }): CrontabReading {
  const reading: CrontabReading = { jobs: [], notes: [] };
  const env: Record<string, string> = {};
  const taken = new Set<string>();
  let shell = '/bin/sh';
  let timeZone: string | null = null;
  let comments: string[] = [];
  text.split(/\r?\n/).forEach((raw, index) => {
    const line = raw.trim();
    const note = (message: string): number => reading.notes.push(`line ${index + 1}: ${message}`);
    if (line === '') return void (comments = []);
    if (line.startsWith('#')) return void comments.push(line.replace(/^#+\s?/, '').trim());
    const variable = /^([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/.exec(line);
    if (variable !== null) {
      const [, name = '', written = ''] = variable;
      const value = written.replace(/^(["'])(.*)\1$/, '$2');
      comments = [];
      if (name === 'SHELL') shell = value;
      else if (name === 'CRON_TZ' || name === 'TZ') {
        if (isTimeZone(value)) timeZone = value;
        else note(`${name}=${value} is no time zone; UTC counts`);
      } else if (name === 'MAILTO')
        note(
          value === ''
            ? 'MAILTO="" kept mail away; opsloop tells only what changed'
            : `MAILTO=${value}: add a channel {type: email, to: [${value}]} for it`,
        );
      else if (noVariables.has(name)) note(`${name}=${value} is not taken over`);
      else env[name] = value;
      return;
    }
    const parts = splitLine(line, hasUser);
    const purpose = comments.filter((comment) => comment !== '').join(' ') || null;
    comments = [];
    if (parts === null) return void note(`"${line.slice(0, 80)}" has too few fields; it is not taken over`);
    const read = parseSchedule(parts.schedule);
    if (!read.ok) return void note(`"${line.slice(0, 80)}" is not taken over: ${read.problem}`);
    const command = commandOf(parts.command);
    if (command.input !== null)
      note('what stands after the first % is given to the command as its input, by a pipe');
    const name = unusedName(nameOf(parts.command), taken);
    reading.jobs.push({
      name,
      schedule: parts.schedule,
      timeZone,
      purpose,
      command: [shell, '-c', command.text],
      env: { ...env },
      user: parts.user,
    });
  });
  return reading;
}

function splitLine(
  line: string,
  hasUser: boolean,
): { schedule: string; user: string | null; command: string } | null {
  const fields = line.split(/\s+/);
  const times = macro.test(fields[0] ?? '') ? 1 : 5;
  const before = times + (hasUser ? 1 : 0);
  if (fields.length <= before) return null;
  const command = new RegExp(`^(?:\\S+\\s+){${before}}(.*)$`).exec(line)?.[1] ?? '';
  return {
    schedule: fields.slice(0, times).join(' '),
    user: hasUser ? (fields[times] ?? null) : null,
    command,
  };
}

/** The first % that is not escaped begins the input of the command, and each further one is a new line in it. */
function commandOf(written: string): { text: string; input: string | null } {
  const [first = '', ...rest] = written.split(/(?<!\\)%/);
  const plain = (text: string): string => text.replaceAll('\\%', '%');
  const text = plain(first).trimEnd();
  if (rest.length === 0) return { text, input: null };
  const input = rest.map(plain).join('\n');
  return { text: `printf '%s\\n' '${input.replaceAll("'", "'\\''")}' | { ${text}; }`, input };
}

/** What comes before the program that counts. */
const wrappers = new Set([
  'sudo',
  'nice',
  'ionice',
  'flock',
  'timeout',
  'env',
  'cd',
  'test',
  'bash',
  'sh',
  'exec',
  'nohup',
  'command',
  'chronic',
  'python',
  'python3',
  'php',
  'node',
  'perl',
  'ruby',
]);

function nameOf(command: string): string {
  const words = command
    .split(/[\s;&|()"'`{}<>]+/)
    .filter((word) => word !== '' && !/^-|^\[|^[A-Z_]+=|^\d*$|^\/dev\/|^\$|^\+/.test(word));
  const candidates = words
    .map((word) =>
      (word.split('/').findLast((part) => part !== '') ?? '').replace(/\.(sh|py|pl|rb|php|js)$/, ''),
    )
    .map((word) => word.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, ''))
    .filter((word) => /[A-Za-z]/.test(word));
  const [first] = candidates;
  return (candidates.find((word) => !wrappers.has(word)) ?? first ?? 'job').slice(0, 60);
}

function unusedName(wanted: string, taken: Set<string>): string {
  // Names of the members that every object has are none for jobs.
  const base = wanted in {} ? `${wanted}-job` : wanted;
  let name = base;
  for (let number = 2; taken.has(name); number += 1) name = `${base}-${number}`;
  taken.add(name);
  return name;
}

/** The `jobs` section, with the notes as comments above it. JSON is YAML, so that no text needs other quotes. */
export function jobsYaml({ jobs, notes }: CrontabReading): string {
  const text = (value: string): string => JSON.stringify(value);
  const plain = (value: string): string =>
    /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(value) ? value : text(value);
  const lines = notes.map((note) => `# ${note.replaceAll(/\s+/g, ' ')}`);
  if (jobs.length === 0) return [...lines, 'jobs: []', ''].join('\n');
  lines.push('jobs:');
  for (const job of jobs) {
    if (job.user !== null) lines.push(`  # ran as ${job.user}; opsloop runs it as its own user`);
    lines.push(`  - name: ${job.name}`, `    schedule: ${text(job.schedule)}`);
    if (job.timeZone !== null) lines.push(`    timeZone: ${job.timeZone}`);
    if (job.purpose !== null) lines.push(`    purpose: ${text(job.purpose.slice(0, 300))}`);
    lines.push(`    command: [${job.command.map(plain).join(', ')}]`);
    const env = Object.entries(job.env);
    if (env.length > 0)
      lines.push(`    env: {${env.map(([name, value]) => `${name}: ${plain(value)}`).join(', ')}}`);
  }
  return [...lines, ''].join('\n');
}
