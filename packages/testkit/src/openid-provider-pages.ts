/** The login and consent pages of the test provider: plain forms, so that a person, a browser or `consentAs` can use them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Interaction, Provider } from 'oidc-provider';

export async function answerInteraction(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const interaction = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(renderPage(interaction));
    return;
  }
  const form = new URLSearchParams(await readBody(request));
  const result = await decide(provider, interaction, form);
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: !('error' in result) });
}

async function decide(
  provider: Provider,
  interaction: Interaction,
  form: URLSearchParams,
): Promise<Record<string, unknown>> {
  if (form.get('decision') === 'deny') {
    return { error: 'access_denied', error_description: 'the person said no <b>&</b>' };
  }
  if (interaction.prompt.name === 'login') return { login: { accountId: form.get('login') ?? '' } };
  const accountId = interaction.session?.accountId ?? '';
  const clientId = String(interaction.params['client_id']);
  const existing = interaction.grantId === undefined ? undefined : await provider.Grant.find(interaction.grantId);
  const grant = existing ?? new provider.Grant({ accountId, clientId });
  const refused = (form.get('refused_scopes') ?? '').split(' ');
  for (const scope of interaction.prompt.details.missingOIDCScope ?? []) {
    if (refused.includes(scope)) grant.rejectOIDCScope(scope);
    else grant.addOIDCScope(scope);
  }
  grant.addOIDCClaims(interaction.prompt.details.missingOIDCClaims ?? []);
  return { consent: { grantId: await grant.save() } };
}

function renderPage(interaction: Interaction): string {
  const isLogin = interaction.prompt.name === 'login';
  const field = isLogin ? '<input name="login" value="person" aria-label="login">' : '';
  const title = isLogin ? 'Log in' : 'Allow access';
  return `<!doctype html><html lang="en"><title>${title}</title><h1>${title}</h1>
<form method="post">${field}
<button name="decision" value="allow">Continue</button>
<button name="decision" value="deny">Cancel</button></form></html>`;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
