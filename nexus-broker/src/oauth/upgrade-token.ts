/** The second call of providers whose code exchange brings a token for an hour only. */
import type { OauthCredential } from '../domain/credential.js';
import type { Provider } from '../domain/provider.js';
import { mergeRefreshed } from '../domain/token-set.js';
import { layOut, nameParameter } from './shape-request.js';
import { fetchTokenAnswer, type TokenAnswer, type TokenRequestDeps, toCallError, trySecrets } from './token-request.js';

interface UpgradeInput {
  readonly provider: Provider;
  readonly clientSecrets: readonly string[];
  readonly tokenSet: OauthCredential;
}

/** The token to keep; the one at hand where the profile knows of no such call. Throws ProviderCallError. */
export async function upgradeToken(
  deps: TokenRequestDeps,
  { provider: { profile }, clientSecrets, tokenSet }: UpgradeInput,
): Promise<TokenAnswer> {
  const { upgrade } = profile;
  if (upgrade === null) return { tokenSet, body: {} };
  const shape = (secret: string) => {
    const params = new URLSearchParams(upgrade.params);
    const set = (name: string, value: string) => {
      if (name !== '') params.set(name, value);
    };
    set(nameParameter(profile, 'grant_type'), upgrade.grantType);
    set(upgrade.tokenParam, tokenSet.accessToken);
    if (upgrade.client) {
      set(nameParameter(profile, 'client_id'), profile.clientId ?? '');
      set(nameParameter(profile, 'client_secret'), secret);
    }
    const { headers, bodyFormat } = profile.tokenRequest;
    return layOut({
      url: upgrade.url,
      method: upgrade.method,
      headers: { accept: 'application/json', ...headers },
      params,
      bodyFormat,
    });
  };
  const expected = {
    profile,
    stage: 'exchange',
    call: 'other',
    impliedScope: tokenSet.scope,
    idToken: 'drop',
  } as const;
  const answer = await trySecrets(upgrade.client ? clientSecrets : [''], 'exchange', (secret) =>
    fetchTokenAnswer(deps, expected, shape(secret)).catch((error: unknown) => {
      throw toCallError(error, 'exchange');
    }),
  );
  return { ...answer, tokenSet: mergeRefreshed(tokenSet, answer.tokenSet) };
}
