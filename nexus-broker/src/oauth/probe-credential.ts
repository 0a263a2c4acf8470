/**
 * Tries a static credential at its provider. What cannot be called, does not answer or answers strangely is one and
 * the same outcome, told at one and the same moment, so that a probe is no port scanner.
 */
import type { GuardedFetch } from './guarded-fetch.js';

export interface ProbeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
}

/** refused: the provider does not accept the credential · unavailable: nothing can be said about it */
export type ProbeOutcome = 'accepted' | 'refused' | 'unavailable';

interface ProbeDeps {
  readonly guardedFetch: GuardedFetch;
  /** When an `unavailable` outcome is told, whatever the reason was. */
  readonly probeTimeoutMs: number;
}

/**
 * Some providers answer 400 to a key they do not know. A 404 is a wrong probe path, which is not the person's fault,
 * so it is `unavailable` like every other answer.
 */
const refusals = new Set([400, 401, 403]);

export async function probeCredential(deps: ProbeDeps, request: ProbeRequest): Promise<ProbeOutcome> {
  const deadline = AbortSignal.timeout(deps.probeTimeoutMs);
  const reached = new Promise<void>((resolve) => {
    deadline.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    const body = request.body === null || request.body.length === 0 ? null : request.body;
    const response = await deps.guardedFetch.fetch(request.url, { ...request, body, signal: deadline });
    if (response.ok) return 'accepted';
    if (refusals.has(response.status)) return 'refused';
  } catch {
    // Refused by the guard, closed, filtered, slow or unreadable: deliberately not told apart.
  }
  await reached;
  return 'unavailable';
}
