import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readEnvironment } from '@nexus/config/environment';
import type { Instant } from '@nexus/core/clock';
import { openEnvKey } from '@nexus/vault/env-key-provider';
import { openExecKeys } from '@nexus/vault/exec-key-provider';
import { createKeyFile, openKeyFile } from '@nexus/vault/file-key-provider';
import { type KeyProvider, VaultError } from '@nexus/vault/key-provider';
import type { BrokerConfig, BrokerSecrets } from '../config.js';

export interface KeyProviderSettings {
  readonly config: Pick<BrokerConfig, 'dataDir' | 'keyProvider' | 'keyFile' | 'keyCommand'>;
  readonly secrets: Pick<BrokerSecrets, 'encryptionKey'>;
}

/** As long as the vault waits for one answer. */
const answerMs = 5_000;

/**
 * Opens the key provider the configuration names; creates nothing.
 *
 * @throws VaultError.
 */
export async function openKeyProvider({ config, secrets }: KeyProviderSettings): Promise<KeyProvider> {
  if (config.keyProvider === 'env') return openEnvKey(required(secrets.encryptionKey, 'ENCRYPTION_KEY').reveal());
  if (config.keyProvider === 'exec') {
    const command = required(config.keyCommand, 'KEY_COMMAND');
    return openExecKeys({ command, timeoutMs: answerMs, environment: readEnvironment() });
  }
  return openKeyFile(findKeyFile(config));
}

/** For a Broker without any data: a key file is made where there is none; other providers hold their keys already. */
export async function openFirstKeyProvider(settings: KeyProviderSettings, now: Instant): Promise<KeyProvider> {
  const { config } = settings;
  if (config.keyProvider === 'file' && !existsSync(findKeyFile(config))) await createKeyFile(findKeyFile(config), now);
  return openKeyProvider(settings);
}

function findKeyFile(config: Pick<BrokerConfig, 'dataDir' | 'keyFile'>): string {
  return config.keyFile ?? join(config.dataDir, 'kek.key');
}

/** The configuration is checked before; this is for whoever builds one by hand. */
function required<T>(value: T | null, setting: string): T {
  if (value === null) throw new VaultError('missing_key', `KEY_PROVIDER needs ${setting}.`);
  return value;
}
