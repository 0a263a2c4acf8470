/** What the refresh tests do with a connection again and again. */
import type { Requested } from './fixtures.js';
import type { ScriptedOauth } from './scripted-oauth.js';
import type { Answer, Stack } from './stack.js';

/** The stack and the provider are asked for at each use, because a suite starts them after this is called. */
export function createRefreshActions(world: () => { readonly stack: Stack; readonly provider: ScriptedOauth }) {
  return {
    read: (requested: Requested, query = ''): Promise<Answer> =>
      world().stack.gateway('GET', `/v1/token/${requested.connection_id}${query}`),
    force: (requested: Requested): Promise<Answer> =>
      world().stack.gateway('POST', `/v1/refresh/${requested.connection_id}`),
    check: async (requested: Requested) =>
      (await world().stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`)).body,
    /** Refresh requests the provider saw with a token of this login. */
    refreshCalls: (login: string): ReturnType<ScriptedOauth['tokenCalls']> =>
      world()
        .provider.tokenCalls('refresh_token')
        .filter((call) => call.form.get('refresh_token')?.includes(`-${login}-`)),
  };
}
