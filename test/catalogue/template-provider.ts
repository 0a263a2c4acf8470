/**
 * An OAuth provider that behaves as a template says, and as strictly: it takes the requests that the words of the template
 * format promise, and writes down what is wrong with any other. Nothing here is the Broker's code.
 */
import type { SentAnswer, Site } from '@nexus/testkit/local-internet';
import { readAuthorization } from './authorization-page.js';
import type { Client } from './client-authentication.js';
import { type Endpoint, findEndpoint, listEndpoints } from './endpoints.js';
import { Faults } from './expect-request.js';
import { introspect, publishMetadata, revokeByRecipe, revokeByStandard, tellAccount } from './other-endpoints.js';
import { type Answered, type Call, type Context, type Grant, json, type QueuedAnswer } from './provider-context.js';
import { readPlaces, type TemplateUnderTest } from './templates.js';
import { exchangeCode, refreshGrant, signer, upgradeToken } from './token-endpoint.js';

export interface TemplateProvider {
  readonly site: Site;
  readonly faults: Faults;
  readonly grants: readonly Grant[];
  /** A person consents to these scopes, by default the template's; returns the query with which the browser comes back. */
  authorize(url: string, scopes?: readonly string[]): readonly (readonly [string, string])[];
  /** What the next such call is answered instead. */
  enqueue(call: Answered, answer: QueuedAnswer): void;
}

export interface ProviderWorld {
  readonly client: Client;
  readonly nowMs: () => number;
}

export function createTemplateProvider(under: TemplateUnderTest, world: ProviderWorld): TemplateProvider {
  const { profile } = under;
  const faults = new Faults();
  const grants: Grant[] = [];
  const places = { ...readPlaces(under), client_id: world.client.id };
  let count = 0;
  const context: Context = {
    under,
    profile,
    places,
    client: world.client,
    nowMs: world.nowMs,
    faults,
    grants,
    queued: new Map(),
    rename: (name) => Object.entries(profile.param_names ?? {}).find(([old]) => old === name)?.[1] ?? name,
    unique: (kind) => {
      count += 1;
      return `fixture-${under.name}-${kind}-${count}`;
    },
  };
  const endpoints = listEndpoints(profile, places);
  const handlers: Record<Endpoint['kind'], (context: Context, call: Call) => Promise<SentAnswer> | SentAnswer> = {
    exchange: exchangeCode,
    refresh: refreshGrant,
    upgrade: upgradeToken,
    revocation: revokeByStandard,
    recipe: revokeByRecipe,
    introspection: introspect,
    account: tellAccount,
    metadata: () => json(200, publishMetadata(context)),
    keys: () => json(200, { keys: [signer.publicJwk] }),
  };
  return {
    faults,
    grants,
    site: async (request) => {
      const endpoint = findEndpoint(endpoints, request);
      if (endpoint !== null) return handlers[endpoint.kind](context, { request, endpoint });
      faults.add(`nobody expects ${request.method} ${request.url.href} ${request.body}`);
      return json(404, {});
    },
    authorize: (url, scopes = profile.scopes ?? []) => {
      const { grant, parameters } = readAuthorization({ ...context, tests: under.tests, scopes }, url);
      grants.push(grant);
      return parameters;
    },
    enqueue: (call, answer) => {
      context.queued.set(call, answer);
    },
  };
}
