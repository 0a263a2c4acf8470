/**
 * For whom a request speaks. The Gateway decides only whether a key is demanded; whether it is good, and what it may
 * do, the Broker judges on every call.
 */
import type { CallerContext } from '@nexus/broker-api/client';
import { NexusError } from '@nexus/core/errors';
import type { Deps } from './deps.js';

/** The part of a request context that says who asks. */
export interface RequestSource {
  readonly req: { header(name: 'x-api-key' | 'authorization' | 'user-agent'): string | undefined };
  readonly get: (key: 'requestId' | 'callerIp') => string;
}

function readKey(source: RequestSource): string | null {
  const key = source.req.header('x-api-key')?.trim() ?? '';
  if (key === '') return null;
  // What no key can hold would not survive the header it is passed on in.
  if (!/^[\x21-\x7E]{1,512}$/.test(key)) throw new NexusError('invalid_api_key', 'The API key is not valid.');
  return key;
}

/** What every call to the Broker says of its caller; the key is whatever the route takes for one. */
export function describeCaller(source: RequestSource, callerKey: string | null): CallerContext {
  const callerIp = source.get('callerIp');
  return {
    requestId: source.get('requestId'),
    callerKey,
    callerIp: callerIp === '' ? null : callerIp,
    userAgent: source.req.header('user-agent') ?? null,
  };
}

/**
 * The caller of a route that demands a key.
 *
 * @throws NexusError missing_api_key, invalid_api_key
 */
export function requireCaller(source: RequestSource): CallerContext {
  const key = readKey(source);
  if (key === null) throw new NexusError('missing_api_key', 'This route needs an API key in the X-API-Key header.');
  return describeCaller(source, key);
}

/** Refuses a request without a key before its parameters and body are judged. */
export async function demandKey(source: RequestSource, next: () => Promise<void>): Promise<void> {
  requireCaller(source);
  await next();
}

/** The caller of a route that is open by default: a key may be sent, and is demanded where the setting says so. */
export function identifyCaller(source: RequestSource, isKeyDemanded: boolean): CallerContext {
  return isKeyDemanded ? requireCaller(source) : describeCaller(source, readKey(source));
}

/** The caller of a connection route, by the setting REQUIRE_CALLER_AUTH. */
export function identifyConnectionCaller(source: RequestSource, deps: Deps): CallerContext {
  return identifyCaller(source, deps.config.requireCallerAuth);
}

/** A person's browser, which holds no key; whatever header it sends counts for nothing. */
export function identifyBrowser(source: RequestSource): CallerContext {
  return describeCaller(source, null);
}
