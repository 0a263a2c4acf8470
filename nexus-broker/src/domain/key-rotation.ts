/** What the rotation of keys keeps in the database beside the key ring. */
import type { Instant } from '@nexus/core/clock';
import type { KeyPurpose } from '@nexus/vault/key-ring';

export type KekState = 'added' | 'primary' | 'decrypt-only' | 'retired';

/** A key-encryption key as far as the database knows it: never the key itself. */
export interface Kek {
  readonly id: string;
  readonly state: KekState;
  readonly addedAt: Instant;
  readonly promotedAt: Instant | null;
  readonly retiredAt: Instant | null;
  /** A random key wrapped by this one, and its check value: who unwraps it holds the same key. */
  readonly probe: Uint8Array;
  readonly probeKcv: Uint8Array;
}

/** The data key a Broker seals with, by purpose, and as `known` the highest key id of the ring it holds. */
export type SealingKeys = Readonly<Record<KeyPurpose | 'known', number>>;

/** A Broker that is, or was, at work; times by the database's clock. */
export interface BrokerInstance {
  readonly id: string;
  readonly version: string;
  readonly startedAt: Instant;
  readonly seenAt: Instant;
  /** Ids of the key-encryption keys it proved to hold. */
  readonly keks: readonly string[];
  readonly sealingKeys: SealingKeys;
}

/** How far the re-sealing of one column away from one data key is. */
export interface ResealingProgress {
  readonly keyId: number;
  /** `table.column`. */
  readonly target: string;
  /** The last row looked at; `''` at the beginning. */
  readonly cursor: string;
  readonly resealed: number;
  /** Values of this round that do not authenticate. */
  readonly failed: number;
  readonly startedAt: Instant;
  readonly updatedAt: Instant;
  readonly finishedAt: Instant | null;
}

/** A Broker not seen for this long counts as gone. */
export const liveSeconds = 15;
/** For what can never be undone, one counts as gone only when it was not seen for this long. */
export const goneSeconds = 86_400;
