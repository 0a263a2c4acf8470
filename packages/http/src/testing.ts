import type { Logger, LogLevel } from './logger.js';
import { createLogger } from './logger.js';

export interface CapturedLog {
  readonly logger: Logger;
  /** The raw lines, for searching them for what must not be there. */
  readonly lines: readonly string[];
  entries(): Record<string, unknown>[];
}

/** For tests: a real logger that keeps its lines. */
export function captureLog(level: LogLevel = 'trace'): CapturedLog {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  return {
    logger: createLogger({ level, service: 'test', stream }),
    lines,
    entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
