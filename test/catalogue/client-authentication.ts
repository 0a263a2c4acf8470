/** How a client proves who it is at a token endpoint (RFC 6749 section 2.3.1, RFC 7523), seen from the other side. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { SeenRequest } from '@nexus/testkit/local-internet';
import type { Faults, Wanted } from './expect-request.js';
import { fillUrl, type Profile, type Values } from './templates.js';

export interface Client {
  readonly id: string;
  /** What is registered at the Broker: a shared secret, or a private key in PEM. */
  readonly secret: string;
}

export type Rename = (name: string) => string;

interface Proof {
  readonly where: string;
  readonly request: SeenRequest;
  readonly parameters: Readonly<Record<string, string>>;
  /** Where the assertion is shown. */
  readonly audience: string;
}

/** Checks the proof of a request and returns the parameters that belong to it. */
export function checkClient(
  faults: Faults,
  client: Client,
  { profile, rename, places }: { readonly profile: Profile; readonly rename: Rename; readonly places: Values },
  proof: Proof,
): Wanted {
  const { where, request } = proof;
  const method = profile.token_endpoint_auth_method ?? 'client_secret_basic';
  if (method !== 'client_secret_basic' && request.headers['authorization'] !== undefined) {
    faults.add(`${where}: an Authorization header is not expected`);
  }
  switch (method) {
    case 'client_secret_basic':
      checkBasic(faults, client, proof);
      return {};
    case 'client_secret_post':
      return omitNameless({ [rename('client_id')]: client.id, [rename('client_secret')]: client.secret });
    case 'none':
      return omitNameless({ [rename('client_id')]: client.id });
    case 'private_key_jwt':
      // RFC 7523 section 3 takes either; an issuer, where there is one, tells servers apart better.
      checkAssertion(faults, client, { ...proof, audience: fillUrl(profile.issuer ?? proof.audience, places) });
      return {
        client_id: client.id,
        client_assertion: null,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      };
  }
}

/** A parameter whose new name is empty is left out. */
export function omitNameless(parameters: Wanted): Wanted {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => name !== ''));
}

export function checkBasic(faults: Faults, client: Client, { where, request }: Pick<Proof, 'where' | 'request'>): void {
  const given = /^Basic ([A-Za-z0-9+/=]+)$/.exec(request.headers['authorization'] ?? '')?.[1];
  const pair = Buffer.from(given ?? '', 'base64')
    .toString('utf8')
    .split(':');
  const [id, secret] = pair.map((text) => decodeURIComponent(text.replaceAll('+', ' ')));
  if (pair.length !== 2 || id !== client.id || secret !== client.secret) {
    faults.add(`${where}: the client is not proven with Basic authentication`);
  }
}

function checkAssertion(faults: Faults, client: Client, { where, parameters, audience }: Proof): void {
  const [header = '', payload = '', signature = ''] = (parameters['client_assertion'] ?? '').split('.');
  const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString() || '{}');
  const { alg } = decode(header);
  const claims = decode(payload);
  const key: KeyObject = createPublicKey(client.secret);
  const isSigned = verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  const isOurs = claims.iss === client.id && claims.sub === client.id && [claims.aud].flat().includes(audience);
  if (!isSigned || !isOurs || alg !== 'ES256') faults.add(`${where}: the assertion of the client does not hold`);
}
