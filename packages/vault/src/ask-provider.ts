/** Questions to a key provider: bounded in time, and answered with a VaultError that quotes nothing foreign. */
import { type KeyProvider, VaultError } from './key-provider.js';

export const defaultProviderTimeoutMs = 5000;

export interface ProviderAccess {
  readonly provider: KeyProvider;
  /** How long one question may take. */
  readonly timeoutMs: number;
}

/** A foreign error is not quoted: nothing is known about what its message or cause may hold. */
function toProviderFailure(subject: string, error: unknown): VaultError {
  if (error instanceof VaultError) {
    return new VaultError(error.code, `${subject}: ${error.message.replace(/\.$/, '')}.`);
  }
  const kind = error instanceof Error && /^[A-Za-z]{1,40}$/.test(error.name) ? error.name : 'an error';
  return new VaultError('provider_failed', `${subject}: it failed with ${kind}.`);
}

/** `question` begins the message of a failure. @throws VaultError of the provider, or `provider_failed`. */
export async function askProvider<T>(access: ProviderAccess, question: string, ask: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    const late = new VaultError('provider_failed', `no answer within ${access.timeoutMs} ms`);
    timer = setTimeout(() => reject(late), access.timeoutMs);
  });
  try {
    return await Promise.race([ask(), timeout]);
  } catch (error) {
    throw toProviderFailure(`${question}, key provider "${access.provider.id}"`, error);
  } finally {
    clearTimeout(timer);
  }
}
