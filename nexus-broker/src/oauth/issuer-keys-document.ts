/** Fetches what an issuer publishes: its metadata, where its keys must be discovered, and its key set. */
import type { Clock } from '@nexus/core/clock';
import { createLocalJWKSet, type LocalJWKSet } from 'jose';
import { isJsonObject, type JsonObject } from '../domain/field-reader.js';
import type { UserIssuer } from '../domain/user-issuer.js';
import type { GuardedFetch } from './guarded-fetch.js';
import { classifyAnswer } from './provider-error.js';
import { recordAnswer } from './shape-answer.js';

export interface IssuerDocumentDeps {
  readonly guardedFetch: GuardedFetch;
  readonly clock: Clock;
}

/** A document that could not be had, or cannot be used. */
export class IssuerDocumentError extends Error {
  override readonly name = 'IssuerDocumentError';
  readonly status: number | null;
  readonly retryAfterSeconds: number | null;

  constructor(message: string, { status = null, retryAfterSeconds = null }: Partial<AnswerFacts> = {}) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

interface AnswerFacts {
  readonly status: number | null;
  readonly retryAfterSeconds: number | null;
}

/** Three of them, one after the other, stay below what the Gateway waits for an answer. */
const timeoutMs = 5_000;

/** @throws IssuerDocumentError, OutgoingError */
export async function fetchKeySet(deps: IssuerDocumentDeps, issuer: UserIssuer): Promise<LocalJWKSet> {
  const { keys } = await fetchDocument(deps, issuer.jwksUri ?? (await discoverKeySet(deps, issuer.issuer)));
  if (!Array.isArray(keys)) throw new IssuerDocumentError('the key set has no keys');
  return createLocalJWKSet({ keys: keys.filter(isJsonObject) });
}

/** OpenID Connect Discovery 1.0, section 4; where there is nothing, RFC 8414. */
async function discoverKeySet(deps: IssuerDocumentDeps, issuer: string): Promise<string> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const found = await fetchDocument(deps, `${origin}${path}/.well-known/openid-configuration`).catch(
    (error: unknown) => {
      if (!(error instanceof IssuerDocumentError) || error.status !== 404) throw error;
      return fetchDocument(deps, `${origin}/.well-known/oauth-authorization-server${path}`);
    },
  );
  // Section 4.3, and RFC 8414 section 3.3: identical, not merely equal as URLs.
  if (found['issuer'] !== issuer) throw new IssuerDocumentError('the metadata is of another issuer');
  const keySet = found['jwks_uri'];
  if (typeof keySet !== 'string') throw new IssuerDocumentError('the metadata names no key set');
  return keySet;
}

async function fetchDocument(deps: IssuerDocumentDeps, url: string): Promise<JsonObject> {
  const response = await deps.guardedFetch.fetch(url, {
    headers: { accept: 'application/json, application/jwk-set+json' },
    signal: AbortSignal.timeout(timeoutMs),
  });
  const answer = await recordAnswer(response);
  if (answer.status !== 200) {
    const { retryAfterSeconds } = classifyAnswer(answer, deps.clock.now());
    throw new IssuerDocumentError(`the issuer answers ${answer.status}`, { status: answer.status, retryAfterSeconds });
  }
  if (!isJsonObject(answer.json))
    throw new IssuerDocumentError('the issuer answers with something else than an object');
  return answer.json;
}
