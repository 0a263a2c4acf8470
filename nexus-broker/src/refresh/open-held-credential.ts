import { VaultError } from '@nexus/vault/key-provider';
import type { Vault } from '@nexus/vault/vault';
import type { Connection } from '../domain/connection.js';
import type { OauthCredential } from '../domain/credential.js';
import { openCredential } from '../grants/credential-custody.js';

/** What an active connection holds; null when the stored value does not authenticate. */
export async function openHeldCredential(vault: Vault, connection: Connection): Promise<OauthCredential | null> {
  const { sealedCredential } = connection;
  if (sealedCredential === null) throw new Error('an active connection has no credential');
  try {
    const credential = await openCredential(vault, { ...connection, sealedCredential });
    if (credential.kind !== 'oauth2') throw new Error('a static credential cannot be refreshed');
    return credential;
  } catch (error) {
    if (error instanceof VaultError && error.code === 'integrity') return null;
    throw error;
  }
}
