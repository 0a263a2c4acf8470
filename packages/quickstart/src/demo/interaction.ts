import type { Interaction, InteractionResult, Provider } from 'oidc-provider';
import { describeAccountName, readAccountName } from './account.js';
import { type Exchange, isSentByOwnPage, readForm, redirect, sendPage } from './exchange.js';
import { renderConsentPage, renderLoginPage, renderProblemPage } from './pages.js';
import { clientName } from './provider.js';

const scopeMeanings: { readonly [scope: string]: string } = {
  openid: 'Know who you are',
  email: 'See your e-mail address',
  profile: 'See your name',
  offline_access: 'Keep this access while you are away',
};

function readParam(interaction: Interaction, name: string): string | null {
  const value = interaction.params[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

function readList(details: { readonly [name: string]: unknown }, name: string): string[] {
  const value = details[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function showLogin(
  exchange: Exchange,
  interaction: Interaction,
  entry: { name: string; problem: string | null },
): void {
  const base = `/interaction/${interaction.uid}`;
  const view = { action: `${base}/login`, cancelAction: `${base}/cancel`, clientName, ...entry };
  sendPage(exchange, entry.problem === null ? 200 : 422, renderLoginPage(view));
}

function showConsent(exchange: Exchange, interaction: Interaction): void {
  const base = `/interaction/${interaction.uid}`;
  const scopes = (readParam(interaction, 'scope') ?? '')
    .split(' ')
    .filter((name) => Object.hasOwn(scopeMeanings, name));
  sendPage(
    exchange,
    200,
    renderConsentPage({
      confirmAction: `${base}/confirm`,
      cancelAction: `${base}/cancel`,
      switchAction: `${base}/switch`,
      clientName,
      clientId: readParam(interaction, 'client_id') ?? '',
      accountName: describeAccountName(interaction.session?.accountId ?? ''),
      scopes: scopes.map((name) => ({ name, meaning: scopeMeanings[name] ?? name })),
    }),
  );
}

/** Ends the session of this browser and asks again from the start, so that another name can sign in. */
async function restart(
  provider: Provider,
  exchange: Exchange,
  interaction: Interaction,
  loginHint: string | null,
): Promise<void> {
  const session = await provider.Session.get(provider.createContext(exchange.request, exchange.response));
  await session.destroy();
  const params = Object.entries(interaction.params).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const query = new URLSearchParams(params);
  if (loginHint === null) query.delete('login_hint');
  else query.set('login_hint', loginHint);
  redirect(exchange, `/auth?${query}`);
}

async function finish(provider: Provider, { request, response }: Exchange, result: InteractionResult): Promise<void> {
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: 'consent' in result });
}

async function login(provider: Provider, exchange: Exchange, interaction: Interaction): Promise<void> {
  const name = (await readForm(exchange)).get('name') ?? '';
  const checked = readAccountName(name);
  if ('problem' in checked) {
    showLogin(exchange, interaction, { name, problem: checked.problem });
    return;
  }
  const current = interaction.session?.accountId;
  if (current !== undefined && current !== checked.accountId) return restart(provider, exchange, interaction, name);
  await finish(provider, exchange, { login: { accountId: checked.accountId } });
}

/** Adds what was asked for to the grant this browser already gave, or gives a new one. */
async function confirm(provider: Provider, exchange: Exchange, interaction: Interaction): Promise<void> {
  const accountId = interaction.session?.accountId ?? '';
  const clientId = readParam(interaction, 'client_id') ?? '';
  const known = interaction.grantId === undefined ? undefined : await provider.Grant.find(interaction.grantId);
  const grant = known ?? new provider.Grant({ accountId, clientId });
  const scopes = readList(interaction.prompt.details, 'missingOIDCScope');
  if (scopes.length > 0) grant.addOIDCScope(scopes.join(' '));
  const claims = readList(interaction.prompt.details, 'missingOIDCClaims');
  if (claims.length > 0) grant.addOIDCClaims(claims);
  await finish(provider, exchange, { consent: { grantId: await grant.save() } });
}

function cancel(provider: Provider, exchange: Exchange): Promise<void> {
  return finish(provider, exchange, { error: 'access_denied', error_description: 'The person declined.' });
}

/** The sign-in and consent pages: `/interaction/{uid}` and the forms on it. */
export async function handleInteraction(provider: Provider, exchange: Exchange): Promise<void> {
  const { request, response, url } = exchange;
  const action = url.pathname.split('/')[3] ?? '';
  const interaction = await provider.interactionDetails(request, response).catch(() => null);
  if (interaction === null || url.pathname.split('/')[2] !== interaction.uid) {
    const explanation =
      'It took too long, or was finished in another window. Go back to the application and start again.';
    sendPage(exchange, 410, renderProblemPage('This sign-in is over', explanation));
    return;
  }
  const prompt = interaction.prompt.name;
  if (request.method === 'GET' && action === '') {
    if (prompt === 'consent') showConsent(exchange, interaction);
    else showLogin(exchange, interaction, { name: readParam(interaction, 'login_hint') ?? 'ada', problem: null });
    return;
  }
  if (request.method !== 'POST' || !isSentByOwnPage(exchange)) {
    sendPage(exchange, 403, renderProblemPage('Not accepted', 'This form was not sent from the page it belongs to.'));
    return;
  }
  if (action === 'login' && prompt === 'login') await login(provider, exchange, interaction);
  else if (action === 'confirm' && prompt === 'consent') await confirm(provider, exchange, interaction);
  else if (action === 'switch' && prompt === 'consent') await restart(provider, exchange, interaction, null);
  else if (action === 'cancel') await cancel(provider, exchange);
  else redirect(exchange, `/interaction/${interaction.uid}`);
}
