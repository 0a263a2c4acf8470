import { z } from '@hono/zod-openapi';
import type { DataKey, Kek, KeyRing, StoredBlob } from '@nexus/broker-api/vault';
import type { KeyRingView } from '../../services/vault/get-key-ring.js';
import type { DataKeyView, KekView } from '../../services/vault/key-ring-view.js';
import type { StoredBlobView } from '../../services/vault/list-stored-blobs.js';

/** Ids come from the key provider, which may use paths and ARNs. */
export const kekParameter = z.object({
  id: z
    .string()
    .min(1)
    .max(256)
    .openapi({ param: { name: 'id', in: 'path' } }),
});

export const dataKeyParameter = z.object({
  id: z.coerce
    .number()
    .int()
    .min(1)
    .max(0xffffffff)
    .openapi({ param: { name: 'id', in: 'path' } }),
});

export function toWireDataKey({ key, rows, publicKey }: DataKeyView): DataKey {
  return {
    id: key.id,
    purpose: key.purpose,
    state: key.state,
    wrapped_by: key.wrappedBy,
    created_at: key.createdAt,
    activated_at: key.activatedAt,
    retired_at: key.retiredAt,
    rows,
    ...(publicKey === null ? {} : { public_key: publicKey }),
  };
}

export function toWireKek({ kek, dataKeys }: KekView): Kek {
  return {
    id: kek.id,
    state: kek.state,
    added_at: kek.addedAt,
    promoted_at: kek.promotedAt,
    retired_at: kek.retiredAt,
    data_keys: dataKeys,
  };
}

export function toWireKeyRing(ring: KeyRingView): KeyRing {
  return {
    keks: ring.keks.map(toWireKek),
    keys: ring.keys.map(toWireDataKey),
    replicas: ring.replicas.map((replica) => ({
      id: replica.id,
      version: replica.version,
      started_at: replica.startedAt,
      seen_at: replica.seenAt,
      keks: [...replica.keks],
      sealing_keys: { ...replica.sealingKeys },
    })),
    resealing: ring.resealing.map(({ progress, remaining }) => ({
      key_id: progress.keyId,
      target: progress.target,
      resealed: progress.resealed,
      failed: progress.failed,
      remaining,
      started_at: progress.startedAt,
      updated_at: progress.updatedAt,
      finished_at: progress.finishedAt,
    })),
  };
}

export function toWireStoredBlob(blob: StoredBlobView): StoredBlob {
  return {
    table: blob.table,
    row: blob.row,
    version: blob.version,
    key_id: blob.keyId,
    blob_sha256: blob.blobSha256,
  };
}
