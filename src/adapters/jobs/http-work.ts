/** Makes the call of a job once: its answer's status says how it went, and its body is the output. */
import { Agent, interceptors, request, type Dispatcher } from 'undici';
import { oneLine } from '../../domain/bounded-text.js';
import { keptOutput, type ExecutionKey, type WorkOutcome } from '../../domain/cron-execution.js';
import { formatDuration } from '../../domain/duration.js';
import type { HttpAction } from '../../domain/job.js';
import { allowedLookup, outboundFailure, RefusedAddress, requireAllowedHost } from '../channels/outbound.js';
import { outputEnd } from '../output-end.js';
import { decodeUrlPart, formatAddress } from '../probes/address.js';
import { userAgent } from '../probes/user-agent.js';

export interface HttpWork extends ExecutionKey {
  environment: string;
  /** Secrets are in their places. */
  action: HttpAction;
  /** When it is given up, ms after its start; null: only when the connection ends. */
  limitMs: number | null;
  /** Aborted when it has to end before its limit. */
  signal: AbortSignal;
}

const redirectLimit = 5;
const connectLimitMs = 30_000;
/** setTimeout takes no more, ms: 24 days. */
const longestTimerMs = 2_147_483_647;

/** Never throws for what the other side does. */
export async function callHttpWork(work: HttpWork): Promise<WorkOutcome> {
  const startedAt = Date.now();
  const { limitMs } = work;
  const deadline =
    limitMs === null || limitMs > longestTimerMs ? null : AbortSignal.timeout(Math.ceil(limitMs));
  const signal = deadline === null ? work.signal : AbortSignal.any([deadline, work.signal]);
  const output = outputEnd(keptOutput.endBytes);
  const outcome = (kind: WorkOutcome['kind'], reason: string): WorkOutcome => ({
    kind,
    reason,
    startedAt,
    finishedAt: Date.now(),
    exitCode: null,
    signal: null,
    outputHead: null,
    outputEnd: output.text().replaceAll('\u0000', '\ufffd'),
    outputFile: null,
    cpuMs: null,
    peakBytes: null,
  });
  if (!URL.canParse(work.action.url))
    return outcome('failed', 'its url is no http or https URL; write it as http://127.0.0.1:8080/task');
  const url = new URL(work.action.url);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const agent = new Agent({
    pipelining: 0,
    connect: {
      lookup: allowedLookup,
      timeout: connectLimitMs,
      rejectUnauthorized: !work.action.insecure,
    },
  });
  try {
    requireAllowedHost(host);
    const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: redirectLimit }));
    const answer = await request(url, { ...requestOf(work, url), dispatcher, signal });
    for await (const chunk of answer.body as AsyncIterable<Buffer>) output.add(chunk);
    return judge(answer, outcome, output.text());
  } catch (error) {
    if (work.signal.aborted) return outcome('cancelled', 'cancelled');
    if (deadline?.aborted === true)
      return outcome(
        'overrun',
        `gave no whole answer within ${formatDuration(Math.round(limitMs ?? 0))}, twice what is expected, and was given up`,
      );
    if (error instanceof RefusedAddress) return outcome('failed', error.message);
    return outcome('failed', `${formatAddress(host, port)}: ${outboundFailure(error, host, port)}`);
  } finally {
    await agent.destroy();
  }
}

type RequestOptions = NonNullable<Parameters<typeof request>[1]>;

function requestOf(work: HttpWork, url: URL): RequestOptions {
  const { environment, job, scheduledAt, attempt, action } = work;
  const slot = new Date(scheduledAt).toISOString();
  const user = `${decodeUrlPart(url.username)}:${decodeUrlPart(url.password)}`;
  return {
    method: action.method as Dispatcher.HttpMethod,
    body: action.body,
    headers: {
      'user-agent': userAgent(),
      ...(user === ':' ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` }),
      'opsloop-job': job,
      'opsloop-scheduled-at': slot,
      'opsloop-attempt': String(attempt),
      // Whoever gets the same call twice can tell.
      'idempotency-key': `${environment}/${job}/${slot}/${attempt}`,
      ...Object.fromEntries(
        Object.entries(action.headers).map(([name, value]) => [name.toLowerCase(), value]),
      ),
    },
    // The limit is that of the job.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
}

const longestWords = 300;

function judge(
  { statusCode }: Dispatcher.ResponseData<unknown>,
  outcome: (kind: WorkOutcome['kind'], reason: string) => WorkOutcome,
  body: string,
): WorkOutcome {
  if (statusCode === 202) return outcome('done', 'accepted (202): what follows is not looked at');
  if (statusCode >= 200 && statusCode < 300) return outcome('done', '');
  const words = oneLine(body.slice(0, 4 * longestWords), longestWords);
  return outcome('failed', `answered ${statusCode}${words === '' ? '' : `: ${words}`}`);
}
