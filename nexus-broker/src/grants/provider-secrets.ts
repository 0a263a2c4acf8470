import type { SealedBlob, Vault } from '@nexus/vault/vault';
import { openJson, sealJson } from '@nexus/vault/vault';
import { providerSecretsContext } from '../domain/blob-context.js';
import type { Provider } from '../domain/provider.js';

/** The provider's client secrets in the order they are tried; empty for a public client. */
export async function openClientSecrets(vault: Vault, provider: Provider): Promise<readonly string[]> {
  if (provider.sealedSecrets === null) return [];
  const context = providerSecretsContext(provider.providerId, provider.version);
  return (await openJson(vault, provider.sealedSecrets, context)) as unknown as string[];
}

export function sealClientSecrets(
  vault: Vault,
  providerId: string,
  version: number,
  secrets: readonly string[],
): SealedBlob | null {
  return secrets.length === 0 ? null : sealJson(vault, [...secrets], providerSecretsContext(providerId, version));
}
