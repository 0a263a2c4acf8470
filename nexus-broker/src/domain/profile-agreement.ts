/** What the blocks of a profile must not say together: a secret would stand where something public is read or sent. */
import { isReservedParameter } from './profile-client.js';
import type { ProfileContext } from './profile-context.js';
import type { Quirks } from './profile-quirks.js';
import type { ProviderProfile } from './provider.js';

type Client = Pick<ProviderProfile, 'tokenEndpointAuthMethod' | 'issuer'>;

export function checkAgreement(context: ProfileContext, quirks: Quirks, client: Client): void {
  const { fields } = context;
  checkParameterNames(context, quirks);
  checkAnswerPaths(context, quirks);
  if (client.tokenEndpointAuthMethod === 'private_key_jwt') checkPrivateKey(context, quirks);
  if (quirks.isIssExpected && client.issuer === null) fields.refuse('iss_expected', 'needs an issuer to expect');
  if (quirks.revoke.via === 'http' && quirks.revoke.request === null) {
    fields.refuse('revoke.request', 'is required for via http');
  }
}

/** Contract section 6: no parameter of the authorization request takes the place of another that Nexus sets. */
function checkParameterNames({ fields, reserved }: ProfileContext, { paramNames, scopeParam }: Quirks): void {
  const named: [string, string, string][] = ['client_id', 'response_type', 'redirect_uri', 'scope'].map((own) => [
    `param_names.${own}`,
    own,
    (Object.hasOwn(paramNames, own) ? paramNames[own] : undefined) ?? own,
  ]);
  // The name that scopes have is scope_param's where it says another than the usual one.
  if (scopeParam !== 'scope') named.splice(-1, 1, ['scope_param', 'scope', scopeParam]);
  for (const [field, own, name] of named) {
    if (name !== own && isReservedParameter(name)) reserved.push(field);
    else if (name !== '' && named.some(([other, , taken]) => other !== field && taken === name)) {
      fields.refuse(field, 'gives two parameters one name');
    }
  }
}

/** The key signs and is never sent; these would send it. */
function checkPrivateKey({ fields }: ProfileContext, { revoke: { request }, upgrade }: Quirks): void {
  const message = 'would send the private key of private_key_jwt';
  if (request?.auth.startsWith('client_')) fields.refuse('revoke.request.auth', message);
  for (const block of ['params', 'headers'] as const) {
    const values = Object.values(request?.[block] ?? {});
    if (values.some((value) => value.includes('{client_secret}'))) fields.refuse(`revoke.request.${block}`, message);
  }
  if (upgrade?.client === true) fields.refuse('upgrade.client', message);
}

type TokenName = 'access_token' | 'refresh_token' | 'id_token';

/** No token is read as something else: scopes, expiry and error codes are public, and so is what is kept of an account. */
function checkAnswerPaths({ fields }: ProfileContext, { tokenAnswer, account }: Quirks): void {
  const { paths, errorPath } = tokenAnswer;
  const tokens: readonly [TokenName, string][] = [
    ['access_token', paths.accessToken],
    ['refresh_token', paths.refreshToken],
    ['id_token', paths.idToken],
  ];
  const check = (field: string, path: string | null, own: TokenName | null) => {
    const token = path === null ? null : findToken(tokens, path);
    if (token !== null && token !== own) fields.refuse(field, `may not read ${token}`);
  };
  for (const [name, path] of tokens) check(`token_answer.paths.${name}`, path, name);
  check('token_answer.paths.expires', paths.expires, null);
  check('token_answer.paths.scope', paths.scope, null);
  check('token_answer.paths.token_type', paths.tokenType, null);
  check('token_answer.error_path', errorPath, null);
  const located = { subject: account.subject, label: account.label };
  const values = Object.entries(account.values).map(([name, value]) => [`values.${name}`, value] as const);
  for (const [name, value] of [...Object.entries(located), ...values]) {
    if (value === null) continue;
    const field = `account.${name}.path`;
    check(field, value.path, null);
    if (value.from !== 'userinfo' && /(?:^|\.)(?:code|state|client_secret)$/i.test(value.path)) {
      fields.refuse(field, 'may not read what only this exchange may know');
    }
  }
}

/** Which token stands at a path: by the name it ends with, however it is spelled, or because its own path says so. */
function findToken(tokens: readonly [TokenName, string][], path: string): TokenName | null {
  const last = path.slice(path.lastIndexOf('.') + 1);
  const plain = (name: string) => name.replaceAll(/[^a-z]/gi, '').toLowerCase();
  const named = tokens.find(([token]) => plain(token) === plain(last)) ?? tokens.find(([, own]) => own === path);
  return named?.[0] ?? null;
}
