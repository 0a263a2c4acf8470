/** Wire schemas of the key ring under `/admin/v1/vault`. No key material is ever in one. */
import { z } from '@hono/zod-openapi';

export const KeyPurpose = z.enum(['cred', 'provider', 'flow', 'audit', 'checkpoint']).openapi('KeyPurpose');

export const DataKey = z
  .object({
    id: z.number().int(),
    purpose: KeyPurpose,
    state: z.enum(['pre-active', 'active', 'decrypt-only', 'deactivated', 'destroyed', 'compromised']),
    wrapped_by: z.string().openapi({ description: 'The key-encryption key that wraps it.' }),
    created_at: z.string(),
    activated_at: z.string().nullable(),
    retired_at: z.string().nullable(),
    rows: z
      .number()
      .int()
      .nullable()
      .openapi({ description: 'Values sealed under it; null for a key that seals none.' }),
    public_key: z
      .string()
      .optional()
      .openapi({ description: 'Verifier key of a checkpoint key, as its notes name it.' }),
  })
  .openapi('DataKey');

export const Kek = z
  .object({
    id: z.string(),
    state: z.enum(['added', 'primary', 'decrypt-only', 'retired']),
    added_at: z.string(),
    promoted_at: z.string().nullable(),
    retired_at: z.string().nullable(),
    data_keys: z.number().int().openapi({ description: 'Data keys it wraps.' }),
  })
  .openapi('Kek');

export const Replica = z
  .object({
    id: z.string(),
    version: z.string(),
    started_at: z.string(),
    seen_at: z.string(),
    keks: z.array(z.string()).openapi({ description: 'Key-encryption keys it proved to hold.' }),
    sealing_keys: z
      .record(z.string(), z.number().int())
      .openapi({ description: 'The data key it seals with, by purpose.' }),
  })
  .openapi('Replica');

export const Resealing = z
  .object({
    key_id: z.number().int(),
    target: z.string().openapi({ description: 'Table and column.' }),
    resealed: z.number().int(),
    failed: z
      .number()
      .int()
      .openapi({ description: 'Values that do not authenticate; their connections need attention.' }),
    remaining: z.number().int(),
    started_at: z.string(),
    updated_at: z.string(),
    finished_at: z.string().nullable(),
  })
  .openapi('Resealing');

export const KeyRing = z
  .object({
    keks: z.array(Kek),
    keys: z.array(DataKey),
    replicas: z.array(Replica),
    resealing: z.array(Resealing),
  })
  .openapi('KeyRing');

export const KekInput = z
  .strictObject({ id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,255}$/) })
  .openapi('KekInput');

export const DataKeyInput = z.strictObject({ purpose: KeyPurpose }).openapi('DataKeyInput');

export const RotateInput = z
  .strictObject({ purposes: z.array(KeyPurpose).min(1).max(5).optional() })
  .openapi('RotateInput');

export const DataKeyList = z.object({ keys: z.array(DataKey) }).openapi('DataKeyList');

export const StoredBlob = z
  .object({
    table: z.string(),
    row: z.string(),
    version: z.number().int(),
    key_id: z.number().int(),
    blob_sha256: z.string(),
  })
  .openapi('StoredBlob');

export const StoredBlobPage = z
  .object({ blobs: z.array(StoredBlob), next_cursor: z.string().optional() })
  .openapi('StoredBlobPage');

export const StoredBlobQuery = z.strictObject({
  row: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(5000).default(1000),
  cursor: z.string().max(256).optional(),
});

export type KeyRing = z.infer<typeof KeyRing>;
export type Kek = z.infer<typeof Kek>;
export type DataKey = z.infer<typeof DataKey>;
export type StoredBlob = z.infer<typeof StoredBlob>;
export type DataKeyList = z.infer<typeof DataKeyList>;
export type StoredBlobPage = z.infer<typeof StoredBlobPage>;
