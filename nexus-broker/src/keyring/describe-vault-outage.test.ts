import { VaultError } from '@nexus/vault/key-provider';
import { expect, it } from 'vitest';
import { describeVaultOutage } from './describe-vault-outage.js';

it.each(['unknown_key', 'provider_failed', 'random_failed'] as const)('K5, K8: asks to come back after %s', (code) => {
  const cause = new VaultError(code, 'Data key 7 is not in the key ring.');
  expect(describeVaultOutage(cause)).toMatchObject({ code: 'broker_unavailable', status: 503, cause });
});

it('leaves everything else as it is', () => {
  for (const error of [new VaultError('integrity', 'altered'), new Error('else'), null]) {
    expect(describeVaultOutage(error)).toBe(error);
  }
});
