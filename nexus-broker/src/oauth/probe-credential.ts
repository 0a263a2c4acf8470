/**
 * Tries a static credential at its provider. What cannot be called, does not answer or answers strangely is one and
 * the same outcome, told at one and the same moment, so that a probe is no port scanner.
 */
import type { Probe } from '../domain/profile-quirks.js';
import { matchesAnswer } from './answer-path.js';
import type { GuardedFetch } from './guarded-fetch.js';
import type { RecordedAnswer } from './provider-error.js';
import { recordAnswer } from './shape-answer.js';

export interface ProbeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
  /** What the provider's answers mean, where their status does not tell it. */
  readonly verdict?: Pick<Probe, 'acceptedWhen' | 'refusedWhen'> | null;
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
    const { method, headers, url, verdict } = request;
    const response = await deps.guardedFetch.fetch(url, { method, headers, body, signal: deadline });
    const outcome = judge(await recordAnswer(response), verdict ?? null);
    if (outcome !== 'unavailable') return outcome;
  } catch {
    // Refused by the guard, closed, filtered, slow or unreadable: deliberately not told apart.
  }
  await reached;
  return 'unavailable';
}

function judge({ status, json }: RecordedAnswer, verdict: ProbeRequest['verdict']): ProbeOutcome {
  const { acceptedWhen = null, refusedWhen = null } = verdict ?? {};
  const refused = refusedWhen === null || refusedWhen.status.length === 0 ? refusals : new Set(refusedWhen.status);
  const path = refusedWhen?.path ?? null;
  if (refused.has(status)) return 'refused';
  if (path !== null && matchesAnswer(json, { path, equals: refusedWhen?.equals ?? null })) return 'refused';
  if (status < 200 || status >= 300) return 'unavailable';
  if (acceptedWhen === null || matchesAnswer(json, acceptedWhen)) return 'accepted';
  // Where the profile knows what a refusal looks like, this is something else.
  return path === null ? 'refused' : 'unavailable';
}
