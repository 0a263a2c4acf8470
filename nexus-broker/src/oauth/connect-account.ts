/**
 * From the callback of a flow to the credential and account of a connection: what the callback tells, the code exchange,
 * the longer-lived token where there is one, and the account. What fails after the provider has issued tokens names them.
 */
import type { OauthCredential } from '../domain/credential.js';
import type { PlaceValues } from '../domain/placeholders.js';
import { placeProvider } from '../domain/profile-places.js';
import type { Provider } from '../domain/provider.js';
import type { Account } from './account.js';
import type { AuthorizationServer } from './authorization-server.js';
import { type CodeAnswer, type ExchangeCodeInput, exchangeCode } from './exchange-code.js';
import { fetchAccount } from './fetch-account.js';
import { liftValues, readCallback } from './lift-values.js';
import { createFailure, ProviderCallError } from './provider-error.js';
import { pickRefreshToken } from './shape-answer.js';
import { settleExpiry } from './token-expiry.js';
import { type TokenRequestDeps, toCallError } from './token-request.js';
import { listTrustedOrigins, originOf } from './trusted-origins.js';
import { upgradeToken } from './upgrade-token.js';
import { findTokens, listCallbackSecrets } from './withheld-texts.js';

export interface ConnectedAccount extends Account {
  readonly tokenSet: OauthCredential;
  /** Origin of the token endpoint that issued the credential. */
  readonly issuedOrigin: string;
  /** What the provider told once, by the names its profile gives it. */
  readonly accountData: PlaceValues;
}

interface ConnectDeps extends TokenRequestDeps {
  readonly findServer: (provider: Provider) => Promise<AuthorizationServer>;
}

/** Throws ProviderCallError. */
export async function connectAccount(deps: ConnectDeps, input: ExchangeCodeInput): Promise<ConnectedAccount> {
  const callback = readCallback(input.parameters);
  // A refusal tells nothing else, and is for the exchange to verify and to name.
  const isRefused = Object.hasOwn(callback, 'error');
  const secrets = listCallbackSecrets(callback);
  const told = isRefused ? {} : liftValues(input.provider, { from: 'callback', answer: callback, secrets });
  const provider = placeProvider(input.provider, told);
  const server = await deps.findServer(provider);
  const issuedOrigin = originOf(server.tokenEndpoint) ?? '';
  if (issuedOrigin === '' && !isRefused) {
    throw new ProviderCallError('exchange', { failure: createFailure('configuration') });
  }
  const exchanged = await exchangeCode(deps, { ...input, provider, server });
  const step = { ...input, provider, server, issuedOrigin, callback, told, secrets };
  let { tokenSet } = exchanged;
  try {
    const upgraded = await upgradeToken(deps, { provider, clientSecrets: input.clientSecrets, tokenSet });
    tokenSet = upgraded.tokenSet;
    return await completeAccount(deps, step, exchanged, upgraded);
  } catch (error) {
    // Whatever went wrong by now, tokens have been issued, and whoever gave them must hear that nobody wants them.
    const { failure, stage, cause } = toCallError(error, 'exchange');
    const obtained = { tokenSet: describeUse(deps, step, tokenSet), issuedOrigin, accountData: told };
    throw new ProviderCallError(stage, { failure, cause, obtained });
  }
}

interface Step extends ExchangeCodeInput {
  readonly server: AuthorizationServer;
  readonly issuedOrigin: string;
  readonly callback: Readonly<Record<string, string>>;
  /** What the callback told. */
  readonly told: PlaceValues;
  /** What the callback carries that must not be shown. */
  readonly secrets: readonly string[];
}

async function completeAccount(
  deps: TokenRequestDeps,
  step: Step,
  exchanged: CodeAnswer,
  upgraded: Pick<CodeAnswer, 'tokenSet' | 'body'>,
): Promise<ConnectedAccount> {
  const { server, issuedOrigin, clientSecrets, callback, scopes } = step;
  const token = { ...toMembers(exchanged.body), ...toMembers(upgraded.body) };
  const secrets = [...step.secrets, ...listIssued(exchanged), ...listIssued(upgraded)];
  const fromToken = liftValues(step.provider, { from: 'token', answer: token, secrets });
  const provider = placeProvider(step.provider, fromToken);
  const used = describeUse(deps, { ...step, provider }, upgraded.tokenSet);
  const { origins } = used;
  const tokenSet = await settleExpiry(deps, {
    profile: provider.profile,
    server,
    clientSecrets,
    tokenSet: used,
    issuedOrigin,
    origins,
    mayAsk: true,
  });
  const known = exchanged.account;
  const { userInfo, ...account } = await fetchAccount(deps, {
    provider,
    server,
    scopes,
    tokenSet,
    known,
    token,
    callback,
    secrets,
  });
  const fromUserInfo = liftValues(provider, { from: 'userinfo', answer: userInfo, secrets });
  const accountData = { ...step.told, ...fromToken, ...fromUserInfo };
  return { tokenSet, issuedOrigin, accountData, ...account };
}

function listIssued({ tokenSet, body }: Pick<CodeAnswer, 'tokenSet' | 'body'>): string[] {
  const { accessToken, refreshToken, idToken } = tokenSet;
  const kept = [accessToken, refreshToken, idToken].filter((token) => token !== null);
  return [...kept, ...findTokens(body).map(({ text }) => text)];
}

/** The credential with what its profile says of its use from now on. */
function describeUse(
  { clock }: Pick<TokenRequestDeps, 'clock'>,
  { provider, server, issuedOrigin }: Pick<Step, 'provider' | 'server' | 'issuedOrigin'>,
  tokenSet: OauthCredential,
): OauthCredential {
  const { refresh } = provider.profile;
  const origins = listTrustedOrigins(provider.profile, server);
  const isBound = refresh.absoluteLifetimeSeconds !== null;
  return {
    ...tokenSet,
    refreshToken: pickRefreshToken(provider.profile, tokenSet),
    ...(origins.every((origin) => origin === issuedOrigin) ? {} : { origins }),
    ...(isBound ? { consentedAt: Math.floor(clock.now() / 1_000) } : {}),
  };
}

function toMembers(body: unknown): object {
  return typeof body === 'object' && body !== null ? body : {};
}
