/** Asks the endpoint an operator configured about user tokens that no registered issuer signed. */
import { type Clock, toUnixSeconds } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { isJsonObject } from '../domain/field-reader.js';
import { isClaimText, readClearance, readTenant, readTexts } from '../domain/user-claims-values.js';
import { UserTokenError } from '../domain/user-token-error.js';
import type { VerifiedUser } from '../domain/verified-user.js';
import type { GuardedFetch } from './guarded-fetch.js';
import { OutgoingError } from './outgoing-error.js';
import { classifyAnswer, type RecordedAnswer } from './provider-error.js';
import { recordAnswer } from './shape-answer.js';

export interface VerificationEndpointDeps {
  readonly guardedFetch: GuardedFetch;
  readonly clock: Clock;
}

type EndpointUser = Omit<VerifiedUser, 'workspaceId'>;

const timeoutMs = 5_000;
const defaultLifetimeSeconds = 15 * 60;
/** The end of the year 9999, after which instants are no longer texts of one width. */
const maxExpiresAt = 253_402_300_799;

/** Anything else the endpoint says is not about the token. */
const refusals = new Set([400, 401, 403, 404, 410, 422]);

/** @throws UserTokenError `refused_by_endpoint`, `expired`; NexusError `user_verification_unavailable` */
export async function askVerificationEndpoint(
  deps: VerificationEndpointDeps,
  { url, token }: { readonly url: string; readonly token: string },
): Promise<EndpointUser> {
  const answer = await post(deps, url, token);
  const nowMs = deps.clock.now();
  if (refusals.has(answer.status)) throw new UserTokenError('refused_by_endpoint');
  const user = answer.status === 200 ? readUser(answer.json, { url, nowMs }) : null;
  if (user === null) {
    const cause = new Error(`the verification endpoint answers ${answer.status}, or not as it should`);
    throw createUnavailable(cause, classifyAnswer(answer, nowMs).retryAfterSeconds);
  }
  if (user.expiresAt <= nowMs / 1000) throw new UserTokenError('expired');
  return user;
}

async function post({ guardedFetch }: VerificationEndpointDeps, url: string, token: string): Promise<RecordedAnswer> {
  try {
    const response = await guardedFetch.fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ token }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return await recordAnswer(response);
  } catch (cause) {
    if (cause instanceof OutgoingError) throw createUnavailable(cause, null);
    throw cause;
  }
}

function createUnavailable(cause: Error, retryAfter: number | null): NexusError {
  return new NexusError('user_verification_unavailable', 'The verification endpoint gives no usable answer.', {
    cause,
    ...(retryAfter === null ? {} : { retryAfter }),
  });
}

/** Null for an answer that leaves anything open. */
function readUser(json: unknown, { url, nowMs }: { url: string; nowMs: number }): EndpointUser | null {
  if (!isJsonObject(json)) return null;
  const subject = json['user_id'];
  const tenantId = json['tenant_id'] === undefined ? undefined : readTenant(json['tenant_id']);
  const clearanceLevel = readClearance(json['clearance_level']);
  const permissions = readTexts(json['permissions']);
  const expiresAt = readExpiry(json['expires_at'] ?? null, nowMs);
  if (!isClaimText(subject) || tenantId === undefined || clearanceLevel === undefined) return null;
  if (permissions === undefined || expiresAt === undefined) return null;
  return { issuer: url, issuerId: null, subject, tenantId, clearanceLevel, permissions, expiresAt, replayKey: null };
}

/** RFC 3339 or Unix seconds. */
function readExpiry(value: unknown, nowMs: number): number | undefined {
  if (value === null) return toUnixSeconds(nowMs) + defaultLifetimeSeconds;
  const seconds = typeof value === 'string' ? readInstant(value) : value;
  const isUsable = typeof seconds === 'number' && Number.isSafeInteger(seconds) && seconds <= maxExpiresAt;
  return isUsable ? seconds : undefined;
}

function readInstant(text: string): number {
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i.test(text);
  return isInstant ? toUnixSeconds(Date.parse(text.toUpperCase())) : Number.NaN;
}
