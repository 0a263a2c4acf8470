/** What the parts of a template's provider share. */
import type { SeenRequest, SentAnswer } from '@nexus/testkit/local-internet';
import type { Client, Rename } from './client-authentication.js';
import type { Endpoint } from './endpoints.js';
import type { Faults } from './expect-request.js';
import type { Fixture, Profile, TemplateUnderTest, Values } from './templates.js';
import { contentTypeOf, type IssuedTokens } from './token-answers.js';

/** What one person's consent led to. */
export interface Grant {
  readonly code: string;
  readonly redirectUri: string;
  readonly challenge: string | null;
  readonly nonce: string | null;
  readonly scope: string | null;
  /** The short-lived token that an upgrade takes. */
  short: string | null;
  tokens: IssuedTokens | null;
  issuedMs: number;
  refreshes: number;
  /** The kinds of tokens that were taken back, in order. */
  readonly revoked: string[];
}

/** A call whose answer can be another than usual. */
export type Answered = 'exchange' | 'upgrade' | 'refresh';

/** What is answered instead of the template's fixture; an error issues nothing. */
export interface QueuedAnswer {
  readonly fixture: Fixture;
  readonly isError: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Context {
  readonly under: TemplateUnderTest;
  readonly profile: Profile;
  readonly places: Values;
  readonly client: Client;
  readonly nowMs: () => number;
  readonly faults: Faults;
  readonly grants: Grant[];
  readonly queued: Map<Answered, QueuedAnswer>;
  readonly rename: Rename;
  readonly unique: (kind: string) => string;
}

export interface Call {
  readonly request: SeenRequest;
  readonly endpoint: Endpoint;
}

export function findToken({ grants }: Context, value: string): { readonly grant: Grant | null; readonly kind: string } {
  for (const grant of grants) {
    if (value !== '' && grant.tokens?.accessToken === value) return { grant, kind: 'access_token' };
    if (value !== '' && grant.tokens?.refreshToken === value) return { grant, kind: 'refresh_token' };
  }
  return { grant: null, kind: 'unknown' };
}

export function take({ queued }: Context, call: Answered): QueuedAnswer | undefined {
  const next = queued.get(call);
  queued.delete(call);
  return next;
}

export function checkBearer({ faults, grants }: Context, where: string, request: SeenRequest, scheme: string): void {
  const given = request.headers['authorization'] ?? '';
  const isKnown = grants.some(({ tokens }) => tokens !== null && given === `${scheme} ${tokens.accessToken}`);
  if (!isKnown)
    faults.add(`${where}: Authorization is ${JSON.stringify(given)}, not ${scheme} and the latest access token`);
}

export function fail({ faults }: Context, where: string, fixture: string): SentAnswer {
  faults.add(`${where}: the template has no fixture \`${fixture}\``);
  return json(500, {});
}

export function send(
  { profile }: Context,
  { status, body }: Fixture,
  headers: Readonly<Record<string, string>> = {},
): SentAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers: { ...headers, 'content-type': contentTypeOf(profile, body) }, body: text };
}

export function json(status: number, body: unknown): SentAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
