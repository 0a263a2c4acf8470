import { noteRefusal, type Reader } from '../../disclosure/disclose-credential.js';
import { type FindByIdDeps, getConnectionById } from '../../disclosure/get-connection-by-id.js';
import { type ReadCredentialDeps, readCredential } from '../../disclosure/read-credential.js';
import type { DisclosedCredential } from '../../domain/credential-payload.js';
import type { RequestContext } from '../../domain/request-context.js';

export type GetTokenDeps = ReadCredentialDeps & FindByIdDeps;

export interface GetTokenInput {
  readonly connectionId: string;
  readonly minValiditySeconds: number;
}

/** Hands out the credential of a connection, renewed first where its remaining life demands it. */
export async function getToken(
  deps: GetTokenDeps,
  input: GetTokenInput,
  context: RequestContext,
): Promise<DisclosedCredential> {
  const reader: Reader = { context, route: 'getToken', session: null };
  const connection = await getConnectionById(deps, input.connectionId, context, reader.route);
  return noteRefusal(deps, connection, reader, () =>
    readCredential(deps, connection, input.minValiditySeconds, reader),
  );
}
