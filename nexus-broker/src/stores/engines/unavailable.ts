import { NexusError } from '@nexus/core/errors';

const systemCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN']);
/** Connection exceptions (class 08), too many connections, a server that stops, starts or crashed, and a deadlock it broke. */
const serverCodes = /^(08\w{3}|53300|57P0[1-5]|40P01)$/;
const fileCodes = /^SQLITE_(FULL|IOERR|BUSY|CANTOPEN|READONLY)/;
/** The driver tells these by message alone. */
const driverMessages = /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered)/;

/**
 * Tells a database that cannot be used right now, which callers may wait for, from a statement that is wrong: the first
 * becomes 503 `broker_unavailable`, the second stays what it is.
 */
export function translateOutage(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const isOutage =
    systemCodes.has(code) || serverCodes.test(code) || fileCodes.test(code) || driverMessages.test(error.message);
  if (!isOutage) return error;
  return new NexusError('broker_unavailable', 'The database cannot be used right now; try again shortly.', {
    cause: error,
  });
}
