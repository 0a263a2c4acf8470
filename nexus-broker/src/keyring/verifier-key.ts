import { encodeVerifierKey } from '@nexus/audit-chain/signed-note';

/** A checkpoint key as auditors keep it, under the name with which it signs. */
export function writeVerifierKey(keyId: number, publicKey: Uint8Array): string {
  return encodeVerifierKey({ name: `nexus-${keyId}`, publicKey });
}
