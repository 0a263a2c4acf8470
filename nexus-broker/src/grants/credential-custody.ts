/** The two doors between a credential and its sealed form in a connection's row. */
import type { SealedBlob, Vault } from '@nexus/vault/vault';
import { openJson, sealJson } from '@nexus/vault/vault';
import { credentialContext } from '../domain/blob-context.js';
import type { Connection } from '../domain/connection.js';
import type { StoredCredential } from '../domain/credential.js';

type Owner = Pick<Connection, 'connectionRef' | 'workspaceId' | 'providerId'>;

export function sealCredential(
  vault: Vault,
  owner: Owner,
  credential: StoredCredential,
  version: number,
  issuedOrigin: string,
): SealedBlob {
  return sealJson(vault, credential, credentialContext(owner, version, issuedOrigin));
}

/** @throws VaultError when the value does not authenticate for its row, version and issuing origin. */
export async function openCredential(
  vault: Vault,
  connection: Connection & { sealedCredential: SealedBlob },
): Promise<StoredCredential> {
  const context = credentialContext(connection, connection.version, connection.issuedOrigin);
  return (await openJson(vault, connection.sealedCredential, context)) as unknown as StoredCredential;
}
