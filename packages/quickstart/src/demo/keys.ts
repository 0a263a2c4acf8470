import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isJsonObject, type JsonObject, parseJson } from '../json-object.js';
import { keepText } from '../private-file.js';

/** What must outlive a restart so that issued tokens and sessions stay valid. */
export interface DemoKeys {
  readonly jwks: { readonly keys: readonly JsonObject[] };
  readonly cookieKeys: readonly string[];
}

export function createDemoSecret(): string {
  return randomBytes(32).toString('base64url');
}

function createKeys(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signingKey = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };
  return JSON.stringify({ jwks: { keys: [signingKey] }, cookie_keys: [createDemoSecret()] });
}

/** Returns the keys kept in the directory, made at the first call. */
export function keepDemoKeys(directory: string): DemoKeys {
  const kept = parseJson(keepText(join(directory, 'keys.json'), createKeys));
  const jwks = isJsonObject(kept) ? kept['jwks'] : null;
  const cookieKeys = isJsonObject(kept) ? kept['cookie_keys'] : null;
  if (!isJsonObject(jwks) || !Array.isArray(jwks['keys']) || !Array.isArray(cookieKeys)) {
    throw new Error(`keys.json in ${directory} cannot be read; remove it to start the demo provider afresh`);
  }
  return { jwks: { keys: jwks['keys'].filter(isJsonObject) }, cookieKeys: cookieKeys.map(String) };
}
