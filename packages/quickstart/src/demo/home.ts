import type { Provider, Session } from 'oidc-provider';
import { demoClientId } from '../demo-profiles.js';
import { describeAccountName } from './account.js';
import { type Exchange, isSentByOwnPage, redirect, sendPage } from './exchange.js';
import { renderHomePage, renderProblemPage } from './pages.js';

function readSession(provider: Provider, { request, response }: Exchange): Promise<Session> {
  return provider.Session.get(provider.createContext(request, response));
}

/** Shows who is signed in with this browser and what they allowed. */
export async function showHome(provider: Provider, exchange: Exchange, gatewayUrl: string): Promise<void> {
  const session = await readSession(provider, exchange);
  const grantId = session.grantIdFor(demoClientId);
  const grant = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  sendPage(
    exchange,
    200,
    renderHomePage({
      issuer: exchange.url.origin,
      accountName: session.accountId === undefined ? null : describeAccountName(session.accountId),
      grantedScopes: grant?.getOIDCScope() ?? null,
      hasJustRemoved: grant === undefined && exchange.url.searchParams.has('removed'),
      gatewayUrl,
    }),
  );
}

/** What a person does at a provider to take access back: the grant and every token of it end. */
export async function removeAccess(provider: Provider, exchange: Exchange): Promise<void> {
  if (!isSentByOwnPage(exchange)) {
    sendPage(exchange, 403, renderProblemPage('Not accepted', 'This form was not sent from the page it belongs to.'));
    return;
  }
  const session = await readSession(provider, exchange);
  const grantId = session.grantIdFor(demoClientId);
  if (grantId !== undefined) {
    const models = [provider.AccessToken, provider.RefreshToken, provider.AuthorizationCode];
    await Promise.all(models.map((model) => model.revokeByGrantId(grantId)));
    await (await provider.Grant.find(grantId))?.destroy();
  }
  redirect(exchange, '/?removed=1');
}
