import { noteRefusal, type Reader } from '../../disclosure/disclose-credential.js';
import { type ReadCredentialDeps, readCredential } from '../../disclosure/read-credential.js';
import { selectConnection } from '../../disclosure/select-connection.js';
import type { DisclosedCredential } from '../../domain/credential-payload.js';
import type { RequestContext } from '../../domain/request-context.js';

export interface ResolveConnectionInput {
  readonly workspaceId: string;
  readonly providerName: string;
  readonly connectionRef: string | null;
  readonly minValiditySeconds: number;
}

/** Hands out the credential of a workspace's connection at a provider. An application sees only its own. */
export async function resolveConnection(
  deps: ReadCredentialDeps,
  input: ResolveConnectionInput,
  context: RequestContext,
): Promise<DisclosedCredential> {
  const { minValiditySeconds, ...selector } = input;
  const { principal } = context;
  const requestedBy = principal?.role === 'app' ? principal.keyId : null;
  const chosen = await selectConnection(deps.database, { ...selector, requestedBy });
  const reader: Reader = { context, route: 'resolveConnection', session: null };
  return noteRefusal(deps, chosen, reader, () => readCredential(deps, chosen, minValiditySeconds, reader));
}
