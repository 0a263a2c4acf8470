/** The token endpoint of a template's provider: codes, upgrades and refreshes. */
import { createHash } from 'node:crypto';
import type { SeenRequest, SentAnswer } from '@nexus/testkit/local-internet';
import { createTokenSigner, type TokenSigner } from '@nexus/testkit/scripted-id-tokens';
import { checkClient, omitNameless } from './client-authentication.js';
import type { Wanted } from './expect-request.js';
import { type Call, type Context, fail, type Grant, json, send, take } from './provider-context.js';
import { fillText, fillTexts, readAt, type Values } from './templates.js';
import { issueTokens } from './token-answers.js';

export const signer: TokenSigner = createTokenSigner('RS256', 'local');

export async function exchangeCode(context: Context, { request, endpoint }: Call): Promise<SentAnswer> {
  const { profile, faults, rename, places, under } = context;
  const where = 'the code exchange';
  const { body_format: format = 'form', params } = profile.token_request ?? {};
  const parameters = faults.readParameters(where, request, format, endpoint.query);
  const grant = context.grants.find(
    ({ code, tokens, short }) => tokens === null && short === null && code === parameters[rename('code')],
  );
  if (grant === undefined) {
    faults.add(`${where}: the code ${parameters[rename('code')]} was not issued, or was used`);
    return json(400, { error: 'invalid_grant' });
  }
  faults.compare(where, parameters, {
    ...omitNameless({
      [rename('grant_type')]: 'authorization_code',
      [rename('code')]: grant.code,
      [rename('redirect_uri')]: grant.redirectUri,
    }),
    ...checkClient(faults, context.client, context, { where, request, parameters, audience: endpoint.url.href }),
    ...fillTexts(params, places),
    ...scopeAgain(context, grant),
    ...(grant.challenge === null ? {} : { code_verifier: null }),
  });
  checkTokenHeaders(context, where, request);
  const hash = createHash('sha256')
    .update(parameters['code_verifier'] ?? '')
    .digest('base64url');
  if (grant.challenge !== null && hash !== grant.challenge)
    faults.add(`${where}: the code_verifier is not the challenge's`);
  const queued = take(context, 'exchange');
  if (queued?.isError === true) return send(context, queued.fixture, queued.headers);
  const fixture = queued?.fixture ?? under.tests.token;
  if (fixture === undefined) return fail(context, where, 'token');
  const tokens = issueTokens(under, context.unique, {
    fixture,
    nowMs: context.nowMs(),
    earlier: null,
    idToken: await signIdToken(context, grant),
  });
  grant.issuedMs = context.nowMs();
  if (profile.upgrade === undefined) grant.tokens = tokens;
  else grant.short = tokens.accessToken;
  return send(context, tokens.answer);
}

export function upgradeToken(context: Context, { request, endpoint }: Call): SentAnswer {
  const { profile, faults, places, under, rename, client } = context;
  const where = 'the upgrade';
  const { upgrade } = profile;
  if (upgrade === undefined) return fail(context, where, 'upgrade');
  const format = upgrade.method === 'GET' ? 'query' : (profile.token_request?.body_format ?? 'form');
  const parameters = faults.readParameters(where, request, format, endpoint.query);
  const grant = context.grants.find(({ short }) => short !== null && short === parameters[upgrade.token_param]);
  if (grant === undefined) {
    faults.add(`${where}: it presents a token that was not issued`);
    return json(400, {});
  }
  faults.compare(where, parameters, {
    [rename('grant_type')]: upgrade.grant_type,
    [upgrade.token_param]: grant.short,
    ...(upgrade.client === true ? { [rename('client_id')]: client.id, [rename('client_secret')]: client.secret } : {}),
    ...fillTexts(upgrade.params, places),
  });
  const fixture = take(context, 'upgrade')?.fixture ?? under.tests.upgraded;
  if (fixture === undefined) return fail(context, where, 'upgraded');
  const { unique } = context;
  grant.tokens = issueTokens(under, unique, { fixture, nowMs: context.nowMs(), earlier: null, idToken: null });
  return send(context, grant.tokens.answer);
}

export function refreshGrant(context: Context, { request, endpoint }: Call): SentAnswer {
  const { profile, faults, places, under } = context;
  const where = 'the refresh';
  const { method = 'POST', grant_type: grantType = 'refresh_token', params } = profile.refresh ?? {};
  const format = method === 'GET' ? 'query' : (profile.token_request?.body_format ?? 'form');
  const parameters = faults.readParameters(where, request, format, endpoint.query);
  const name = nameRefreshToken(context);
  const grant = context.grants.find(({ tokens }) => tokens?.refreshToken === parameters[name]);
  if (grant?.tokens == null || grant.revoked.length > 0) {
    faults.add(`${where}: ${parameters[name]} is not the latest refresh token of a living grant`);
    return json(400, { error: 'invalid_grant' });
  }
  faults.compare(where, parameters, {
    ...omitNameless({ [context.rename('grant_type')]: grantType, [name]: grant.tokens.refreshToken }),
    ...checkClient(faults, context.client, context, { where, request, parameters, audience: endpoint.url.href }),
    ...fillTexts(params, places),
    ...scopeAgain(context, grant),
  });
  checkTokenHeaders(context, where, request);
  checkTime(context, where, grant);
  const queued = take(context, 'refresh');
  if (queued?.isError === true) return send(context, queued.fixture, queued.headers);
  const fixture = queued?.fixture ?? under.tests.refresh;
  if (fixture === undefined) return fail(context, where, 'refresh');
  const { unique } = context;
  const earlier = grant.tokens.refreshToken;
  grant.tokens = issueTokens(under, unique, { fixture, nowMs: context.nowMs(), earlier, idToken: null });
  grant.issuedMs = context.nowMs();
  grant.refreshes += 1;
  return send(context, grant.tokens.answer);
}

function checkTokenHeaders({ profile, faults, places }: Context, where: string, request: SeenRequest): void {
  faults.compareHeaders(where, request, fillTexts(profile.token_request?.headers, places));
}

function checkTime({ profile, faults, nowMs }: Context, where: string, { issuedMs, tokens }: Grant): void {
  const ageSeconds = (nowMs() - issuedMs) / 1_000;
  const { earliest, min_age: minAge } = profile.refresh ?? {};
  if (minAge !== undefined && ageSeconds < minAge) faults.add(`${where}: the token is ${ageSeconds} s old`);
  const left = (tokens?.lifetime ?? 0) - ageSeconds;
  if (earliest !== undefined && left > earliest) faults.add(`${where}: ${left} s too early`);
}

function scopeAgain({ profile, rename }: Context, { scope }: Grant): Wanted {
  return profile.token_request?.sends_scope === true && scope !== null
    ? omitNameless({ [rename('scope')]: scope })
    : {};
}

function nameRefreshToken({ profile, rename }: Pick<Context, 'profile' | 'rename'>): string {
  const name = profile.refresh?.token_param ?? 'refresh_token';
  return name === 'refresh_token' ? rename(name) : name;
}

/** Only who asked for `openid` at a provider with metadata gets an ID token (OpenID Connect Core section 3.1.3.3). */
async function signIdToken(context: Context, grant: Grant): Promise<string | null> {
  const { profile, places, under } = context;
  const isAsked = profile.issuer !== undefined && (grant.scope ?? '').split(/[ ,]/).includes('openid');
  if (!isAsked || profile.issuer === undefined) return null;
  // The library that verifies it goes by the time of the machine.
  const now = Math.floor(Date.now() / 1_000);
  const told = Object.fromEntries(
    Object.entries((under.tests.userinfo ?? {}) as Values).filter(([name]) => name === 'email'),
  );
  return signer.sign({
    iss: fillText(profile.issuer, places),
    aud: context.client.id,
    sub: under.tests.expect?.subject ?? String(readAt(under.tests.userinfo, 'sub')),
    iat: now,
    exp: now + 3_600,
    ...(grant.nonce === null ? {} : { nonce: grant.nonce }),
    ...told,
  });
}
