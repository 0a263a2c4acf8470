interface IntrospectingClient {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly authMethod: 'client_secret_basic' | 'client_secret_post' | 'none';
}

/** The answer of an introspection endpoint (RFC 7662 section 2.2), asked in the name of the first client with a secret. */
export async function introspectToken(
  issuer: string,
  clients: readonly IntrospectingClient[],
  token: string,
): Promise<Record<string, unknown>> {
  const client = clients.find((entry) => entry.authMethod !== 'none');
  if (client === undefined) throw new TypeError('introspection needs a client with a secret');
  const isBasic = client.authMethod === 'client_secret_basic';
  const credentials = `${encodeURIComponent(client.clientId)}:${encodeURIComponent(client.clientSecret)}`;
  const response = await fetch(`${issuer}/token/introspection`, {
    method: 'POST',
    headers: isBasic ? { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` } : {},
    body: new URLSearchParams({
      token,
      ...(isBasic ? {} : { client_id: client.clientId, client_secret: client.clientSecret }),
    }),
  });
  return (await response.json()) as Record<string, unknown>;
}
