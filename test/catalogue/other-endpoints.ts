/** What a template's provider answers besides its token endpoint. */
import type { SentAnswer } from '@nexus/testkit/local-internet';
import { checkBasic, checkClient } from './client-authentication.js';
import { type Call, type Context, checkBearer, fail, findToken, json } from './provider-context.js';
import { fillText, fillTexts } from './templates.js';
import { readIntrospected } from './token-answers.js';

/** RFC 7009: the token, a hint, and the client's proof. */
export function revokeByStandard(context: Context, { request, endpoint }: Call): SentAnswer {
  const { faults, client } = context;
  const where = 'the revocation';
  const parameters = faults.readParameters(where, request, 'form', endpoint.query);
  const { grant, kind } = findToken(context, parameters['token'] ?? '');
  if (grant === null) faults.add(`${where}: ${parameters['token']} is not a token of ours`);
  faults.compare(where, parameters, {
    token: null,
    ...('token_type_hint' in parameters ? { token_type_hint: kind } : {}),
    ...checkClient(faults, client, context, { where, request, parameters, audience: endpoint.url.href }),
  });
  grant?.revoked.push(kind);
  return { status: 200 };
}

export function revokeByRecipe(context: Context, { request, endpoint }: Call): SentAnswer {
  const { profile, faults, client, rename, places } = context;
  const where = 'the revocation recipe';
  const recipe = profile.revoke?.request;
  if (recipe === undefined) return fail(context, where, 'request');
  const { token: kind = 'access_token', auth = 'none', body_format: format = 'none' } = recipe;
  const isQuery = format === 'none' || request.method === 'GET';
  const parameters = faults.readParameters(where, request, isQuery ? 'query' : format, endpoint.query);
  const shown = [
    endpoint.readToken(request.url),
    auth === 'bearer' ? (request.headers['authorization'] ?? '').replace(/^\S+ /, '') : null,
    ...Object.entries(recipe.params ?? {}).flatMap(([name, text]) =>
      text.includes('{token}') ? [parameters[name] ?? ''] : [],
    ),
  ].filter((value) => value !== null);
  const { grant, kind: given } = findToken(context, shown[0] ?? '');
  if (grant === null || given !== kind || new Set(shown).size > 1) {
    faults.add(`${where}: it shows ${JSON.stringify(shown)}, not the ${kind}`);
  }
  const all = { ...places, token: shown[0] ?? '', client_secret: client.secret };
  faults.compare(where, parameters, {
    ...fillTexts(recipe.params, all),
    ...(auth === 'client_body' ? { [rename('client_id')]: client.id, [rename('client_secret')]: client.secret } : {}),
  });
  faults.compareHeaders(where, request, fillTexts(recipe.headers, all));
  if (auth === 'client_basic') checkBasic(faults, client, { where, request });
  if (auth === 'bearer') checkBearer(context, where, request, 'Bearer');
  else if (
    auth !== 'client_basic' &&
    recipe.headers?.['authorization'] === undefined &&
    request.headers['authorization'] !== undefined
  ) {
    faults.add(`${where}: an Authorization header is not expected`);
  }
  grant?.revoked.push(given);
  return request.method === 'DELETE' ? { status: 204 } : json(200, {});
}

export function introspect(context: Context, { request, endpoint }: Call): SentAnswer {
  const { faults, client, under } = context;
  const where = 'the introspection';
  const parameters = faults.readParameters(where, request, 'form', endpoint.query);
  const { grant, kind } = findToken(context, parameters['token'] ?? '');
  if (grant === null || kind !== 'access_token') faults.add(`${where}: it shows no access token of ours`);
  faults.compare(where, parameters, {
    token: null,
    ...('token_type_hint' in parameters ? { token_type_hint: kind } : {}),
    ...checkClient(faults, client, context, { where, request, parameters, audience: endpoint.url.href }),
  });
  const lifetime = readIntrospected(under.tests);
  if (under.tests.introspection === undefined || lifetime === null) return fail(context, where, 'introspection');
  const now = Math.floor(context.nowMs() / 1_000);
  return json(200, { ...(under.tests.introspection as object), iat: now, nbf: now, exp: now + lifetime });
}

export function tellAccount(context: Context, { request }: Call): SentAnswer {
  const { profile, faults, under, places } = context;
  const where = 'the account request';
  checkBearer(context, where, request, profile.token_answer?.token_type ?? 'Bearer');
  const asked = profile.account?.request;
  faults.compareHeaders(where, request, fillTexts(asked?.headers, places));
  if (request.body !== (asked?.body ?? '')) faults.add(`${where}: the body is ${request.body}`);
  return under.tests.userinfo === undefined ? fail(context, where, 'userinfo') : json(200, under.tests.userinfo);
}

/** RFC 8414 section 2. */
export function publishMetadata({ profile, places }: Context): object {
  const fill = (url: string | undefined) => (url === undefined ? undefined : fillText(url, places));
  return {
    issuer: fill(profile.issuer),
    authorization_endpoint: fill(profile.auth_url),
    token_endpoint: fill(profile.token_url),
    userinfo_endpoint: fill(profile.user_info_endpoint),
    revocation_endpoint: fill(profile.revocation_endpoint),
    jwks_uri: `${new URL(fill(profile.issuer) ?? '').origin}/keys-of-the-local-internet`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    ...(profile.pkce === 'refused' ? {} : { code_challenge_methods_supported: ['S256'] }),
    ...(profile.iss_expected === true ? { authorization_response_iss_parameter_supported: true } : {}),
  };
}
