import type { DestinationStream } from 'pino';
import { destination, pino, stdTimeFunctions } from 'pino';
import { describeError, redactText } from './redact.js';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Every field a log line may have. A list of what may appear cannot be passed by with a Buffer, a getter or a nested
 * object (A14), which a list of what may not could.
 */
export const logFields = [
  'requestId',
  'method',
  'route',
  'status',
  'ms',
  'code',
  'event',
  'operation',
  'service',
  'version',
  'environment',
  'host',
  'port',
  'engine',
  'instance',
  'migrations',
  'connectionRef',
  'flowRef',
  'providerId',
  'providerName',
  'principal',
  'keyId',
  'keyPurpose',
  'keyState',
  'fingerprint',
  'callerIp',
  'job',
  'attempt',
  'count',
  'limit',
  'reason',
  'outcome',
  'upstreamStatus',
  'upstreamError',
  'origin',
  'signal',
  'setting',
  'settings',
  'sequence',
  'delayMs',
  'bytes',
  'entryId',
  'note',
] as const;
const allowedFields: ReadonlySet<string> = new Set(logFields);
export type LogField = (typeof logFields)[number];

export type LogValue = string | number | boolean | null | readonly (string | number)[];

export type LogEntry = { readonly [Field in LogField]?: LogValue | undefined } & {
  /** Logged as name and code; from level `error` on also with message, stack and causes. */
  readonly error?: unknown;
};

type WriteLog = (message: string, entry?: LogEntry) => void;

/** Writes one JSON line per call and never throws. Messages are constants of the source, not text from outside. */
export interface Logger {
  readonly trace: WriteLog;
  readonly debug: WriteLog;
  readonly info: WriteLog;
  readonly warn: WriteLog;
  readonly error: WriteLog;
  readonly fatal: WriteLog;
  isLevelEnabled(level: LogLevel): boolean;
  /** Writes out what is buffered; for the last line before an exit. */
  flush(): void;
}

interface LoggerOptions {
  readonly level: LogLevel;
  /** Stands on every line. */
  readonly service: string;
  /** Where lines go; standard output unless given. */
  readonly stream?: DestinationStream & { flushSync?(): void };
}

export function createLogger(options: LoggerOptions): Logger {
  const stream = options.stream ?? destination({ dest: 1, sync: false });
  const log = pino(
    {
      level: options.level,
      base: { service: options.service },
      timestamp: stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  const createWriter = (level: Exclude<LogLevel, 'silent'>): WriteLog => {
    const isFull = level === 'error' || level === 'fatal';
    return (message, entry) => {
      if (log.isLevelEnabled(level)) log[level](selectFields(entry, isFull), redactText(message));
    };
  };
  return {
    trace: createWriter('trace'),
    debug: createWriter('debug'),
    info: createWriter('info'),
    warn: createWriter('warn'),
    error: createWriter('error'),
    fatal: createWriter('fatal'),
    isLevelEnabled: (level) => log.isLevelEnabled(level),
    flush: () => stream.flushSync?.(),
  };
}

function selectFields(entry: LogEntry | undefined, isFull: boolean): Record<string, unknown> {
  const line: Record<string, unknown> = {};
  if (entry === undefined) return line;
  for (const [field, value] of Object.entries(entry)) {
    if (value === undefined || !allowedFields.has(field)) continue;
    line[field] = field === 'note' && isCheckpointNote(value) ? value : cleanValue(value);
  }
  if (entry.error !== undefined) line['error'] = describeError(entry.error, isFull);
  return line;
}

/** Public text that must reach the log to the letter: redaction takes its hashes and signature for secrets. */
const checkpointNote =
  /^nexus\/[0-9a-f]{16}\n[1-9]\d{0,15}\n[\w+/]{43}=\n[\w+/]{43}=\n[\d:.TZ-]{20,30}\n\n\u2014 nexus-\d{1,10} [\w+/]{91}=\n$/;

function isCheckpointNote(value: unknown): boolean {
  return typeof value === 'string' && checkpointNote.test(value);
}

/** The types promise plain values; a wrong cast somewhere must still not print an object. */
function cleanValue(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (Array.isArray(value)) return value.slice(0, 100).map(cleanValue);
  return '[dropped]';
}
