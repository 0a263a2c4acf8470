/**
 * The keys issuers publish, kept for ten minutes, so that a key an issuer withdrew is soon refused here too. A signature by
 * an unknown key may mean that the issuer has a new one: it is looked for, but forgeries cannot make us ask more often
 * than twice a minute.
 */
import { NexusError } from '@nexus/core/errors';
import { type CryptoKey, errors, type LocalJWKSet } from 'jose';
import type { UserIssuer } from '../domain/user-issuer.js';
import { fetchKeySet, type IssuerDocumentDeps, IssuerDocumentError } from './issuer-keys-document.js';

export interface KeyHint {
  readonly alg: string;
  readonly kid: string | null;
}

export interface IssuerKeys {
  /**
   * The keys that fit algorithm and key id; none when the issuer publishes no such key.
   *
   * @throws NexusError `user_verification_unavailable`
   */
  find(issuer: UserIssuer, hint: KeyHint): Promise<readonly CryptoKey[]>;
}

interface LoadedKeys {
  readonly set: LocalJWKSet;
  /** When they were asked for. */
  readonly loadedMs: number;
}

interface Slot {
  loaded: LoadedKeys | null;
  pending: Promise<LoadedKeys> | null;
  failure: { readonly untilMs: number; readonly cause: unknown } | null;
}

const freshMs = 10 * 60_000;
const cooldownMs = 30_000;
/** How long a failure stands, so that a burst of tokens does not become a burst of requests to an issuer in trouble. */
const failureMs = 5_000;
const maxIssuers = 200;

export function createIssuerKeys(deps: IssuerDocumentDeps): IssuerKeys {
  const slots = new Map<string, Slot>();
  return {
    async find(issuer, hint) {
      const slot = takeSlot(slots, issuer.issuerId);
      const isFresh = slot.loaded !== null && deps.clock.now() < slot.loaded.loadedMs + freshMs;
      const known = slot.loaded !== null && isFresh ? slot.loaded : await load(deps, slot, issuer);
      const found = await selectKeys(known.set, hint);
      if (found.length > 0 || deps.clock.now() < known.loadedMs + cooldownMs) return found;
      return selectKeys((await load(deps, slot, issuer)).set, hint);
    },
  };
}

/** The issuers asked for last keep their keys. */
function takeSlot(slots: Map<string, Slot>, issuerId: string): Slot {
  const slot = slots.get(issuerId) ?? { loaded: null, pending: null, failure: null };
  slots.delete(issuerId);
  slots.set(issuerId, slot);
  const oldest = slots.keys().next().value;
  if (slots.size > maxIssuers && oldest !== undefined) slots.delete(oldest);
  return slot;
}

async function load(deps: IssuerDocumentDeps, slot: Slot, issuer: UserIssuer): Promise<LoadedKeys> {
  const nowMs = deps.clock.now();
  if (slot.failure !== null && nowMs < slot.failure.untilMs) throw createUnavailable(slot.failure.cause);
  slot.pending ??= fetchKeySet(deps, issuer)
    .then((set) => {
      slot.loaded = { set, loadedMs: nowMs };
      return slot.loaded;
    })
    .catch((cause: unknown) => {
      slot.failure = { untilMs: nowMs + failureMs, cause };
      throw createUnavailable(cause);
    })
    .finally(() => {
      slot.pending = null;
    });
  return slot.pending;
}

function createUnavailable(cause: unknown): NexusError {
  const retryAfter = cause instanceof IssuerDocumentError ? cause.retryAfterSeconds : null;
  return new NexusError('user_verification_unavailable', 'The keys of the issuer cannot be fetched.', {
    cause,
    ...(retryAfter === null ? {} : { retryAfter }),
  });
}

async function selectKeys(set: LocalJWKSet, { alg, kid }: KeyHint): Promise<readonly CryptoKey[]> {
  try {
    return [await set({ alg, ...(kid === null ? {} : { kid }) })];
  } catch (error) {
    // A key that cannot be imported is one that nothing can be verified with.
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return [];
    const keys: CryptoKey[] = [];
    for await (const key of error) keys.push(key);
    return keys;
  }
}
