/** One state of the key ring with everything derived from its keys; a reload makes another one. */
import { Secret } from '@nexus/core/secret';
import { computeHmac, deriveKey } from './derived-keys.js';
import { VaultError } from './key-provider.js';
import type { KeyPurpose } from './key-ring.js';
import { SigningKey } from './signing-key.js';
import type { DataKey, UnwrappedKeys } from './unwrapped-keys.js';

function ofPurpose(keys: UnwrappedKeys, purpose: KeyPurpose): DataKey[] {
  return keys.list().filter((key) => key.purpose === purpose);
}

export class OpenedRing {
  readonly keys: UnwrappedKeys;
  readonly #macKeys: ReadonlyMap<number, Secret<Uint8Array>>;
  readonly #fingerprintKey: Secret<Uint8Array>;
  readonly #signingKeys: ReadonlyMap<number, SigningKey>;

  constructor(keys: UnwrappedKeys) {
    this.keys = keys;
    this.#macKeys = new Map(
      ofPurpose(keys, 'audit').map(({ id, key }) => [
        id,
        new Secret(deriveKey(key.reveal(), 'nexus/audit-hmac/v1', 32)),
      ]),
    );
    this.#fingerprintKey = new Secret(deriveKey(keys.newest('audit').key.reveal(), 'nexus/rt-fp/v1', 32));
    this.#signingKeys = new Map(ofPurpose(keys, 'checkpoint').map(({ id, key }) => [id, new SigningKey(key.reveal())]));
  }

  /** @throws VaultError `invalid_input` for the purpose whose keys sign and seal nothing. */
  sealingKey(purpose: KeyPurpose): DataKey {
    if (purpose === 'checkpoint') throw new VaultError('invalid_input', 'A checkpoint key seals nothing.');
    return this.keys.newest(purpose);
  }

  /** @throws VaultError `unknown_key`, or `integrity` for a key that did not seal anything of this purpose. */
  openingKey(keyId: number, purpose: KeyPurpose): DataKey {
    const key = this.keys.find(keyId, purpose);
    if (purpose === 'checkpoint') throw new VaultError('integrity', 'Nothing is sealed under a checkpoint key.');
    return key;
  }

  mac(entryHash: Uint8Array, keyId?: number): { mac: Uint8Array; keyId: number } {
    const { id } = keyId === undefined ? this.keys.newest('audit') : this.keys.find(keyId, 'audit');
    const key = this.#macKeys.get(id);
    if (key === undefined) throw new VaultError('unknown_key', `Data key ${id} is not in the key ring.`);
    return { mac: new Uint8Array(computeHmac(key.reveal(), entryHash)), keyId: id };
  }

  fingerprint(value: string): string {
    return computeHmac(this.#fingerprintKey.reveal(), value).toString('hex');
  }

  sign(message: Uint8Array): { keyId: number; publicKey: Uint8Array; signature: Uint8Array } {
    const { id: keyId } = this.keys.newest('checkpoint');
    const key = this.#signingKeys.get(keyId);
    if (key === undefined) throw new VaultError('unknown_key', `Data key ${keyId} is not in the key ring.`);
    return { keyId, publicKey: key.publicKey, signature: key.sign(message) };
  }

  publicKeys(): readonly { readonly keyId: number; readonly publicKey: Uint8Array }[] {
    return [...this.#signingKeys].map(([keyId, { publicKey }]) => ({ keyId, publicKey }));
  }

  /** Overwrites the keys that the ring after this one no longer has. */
  wipeExcept(next: OpenedRing): void {
    for (const { id, key } of this.keys.list()) if (!next.keys.has(id)) key.reveal().fill(0);
  }
}
