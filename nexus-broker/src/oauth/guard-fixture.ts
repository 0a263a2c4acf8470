import { createGuardedFetch, type GuardedFetch, type GuardedFetchSettings } from './guarded-fetch.js';
import { OutgoingError } from './outgoing-error.js';

/** Makes guards and disposes of them together. */
interface GuardFactory {
  create(settings?: Partial<GuardedFetchSettings>): GuardedFetch;
  dispose(): Promise<void>;
}

export function createGuardFactory(): GuardFactory {
  const guards: GuardedFetch[] = [];
  return {
    create: (settings = {}) => {
      const guard = createGuardedFetch({ environment: 'development', egressAllow: [], ...settings });
      guards.push(guard);
      return guard;
    },
    dispose: async () => {
      for (const guard of guards.splice(0)) await guard[Symbol.asyncDispose]();
    },
  };
}

export async function failureOf(work: Promise<unknown>): Promise<OutgoingError> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof OutgoingError))
    throw new Error('the request did not fail as an outgoing one', { cause: error });
  return error;
}
