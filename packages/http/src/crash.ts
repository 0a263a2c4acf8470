import type { EventEmitter } from 'node:events';
import type { Logger } from './logger.js';

interface CrashInput {
  readonly logger: Logger;
  /** The process, or an emitter standing in for it. */
  readonly source: Pick<EventEmitter, 'on'>;
  /** Ends the process; must not return control to the program. */
  readonly exit: (code: number) => void;
}

/** EX_SOFTWARE of sysexits.h. */
const softwareError = 70;

/**
 * Logs what nothing caught, redacted, and exits with 70: after an unhandled rejection the state of the process is
 * unknown, and a supervisor restarts a clean one (O12).
 */
export function exitOnCrash({ logger, source, exit }: CrashInput): void {
  const onCrash = (event: string) => (error: unknown) => {
    logger.fatal('the process cannot go on', { event, error });
    logger.flush();
    exit(softwareError);
  };
  source.on('uncaughtException', onCrash('uncaughtException'));
  source.on('unhandledRejection', onCrash('unhandledRejection'));
}
