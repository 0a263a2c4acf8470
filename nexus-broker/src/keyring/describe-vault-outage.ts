import { NexusError } from '@nexus/core/errors';
import { VaultError } from '@nexus/vault/key-provider';

/** A value, a key ring or a source of randomness that may serve again by itself; nothing was lost or given up. */
const temporary: ReadonlySet<string> = new Set(['unknown_key', 'provider_failed', 'random_failed']);

/** What a caller is told when the vault cannot serve for now; every other error stays what it is. */
export function describeVaultOutage(error: unknown): unknown {
  if (!(error instanceof VaultError) || !temporary.has(error.code)) return error;
  return new NexusError('broker_unavailable', 'A key that is needed cannot be had right now; try again shortly.', {
    cause: error,
  });
}
