import { NexusError } from '@nexus/core/errors';

const systemCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN']);
/**
 * Connection exceptions (class 08), a lack of resources (53), a server that stops, starts or crashed, a deadlock it broke,
 * a lock not had, a statement it ended for taking too long, an error of its disk.
 */
const serverCodes = /^(08\w{3}|53\w{3}|57014|57P0[1-5]|40P01|55P03|58030)$/;
const fileCodes = /^SQLITE_(FULL|IOERR|BUSY|CANTOPEN|READONLY)/;
const fullCodes = /^(SQLITE_FULL|53100)$/;
const unwritableCodes = /^(SQLITE_(IOERR|CANTOPEN|READONLY)\w*|58030|25006)$/;
/** The driver tells these by message alone. */
const driverMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered|Query read timeout)/;

/**
 * Tells a database that cannot be used right now, which callers may wait for, from a statement that is wrong: the first
 * becomes 503 `broker_unavailable`, the second stays what it is.
 */
export function translateOutage(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = readCode(error);
  const isOutage =
    systemCodes.has(code) || serverCodes.test(code) || fileCodes.test(code) || driverMessages.test(error.message);
  if (!isOutage) return error;
  return new NexusError('broker_unavailable', 'The database cannot be used right now; try again shortly.', {
    cause: error,
  });
}

/** Why writing fails, for an operator; null when the database is not at fault or somebody else only was quicker. */
export function describeWriteFailure(error: unknown): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = readCode(cause);
    if (fullCodes.test(code)) return 'the disk of the database is full';
    if (unwritableCodes.test(code)) return 'the database cannot be written';
  }
  return null;
}

function readCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
