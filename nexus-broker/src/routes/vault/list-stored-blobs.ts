import { createRoute } from '@hono/zod-openapi';
import { StoredBlobPage, StoredBlobQuery } from '@nexus/broker-api/vault';
import { listStoredBlobs } from '../../services/vault/list-stored-blobs.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { toWireStoredBlob } from './wire-key-ring.js';

const route = createRoute({
  operationId: 'listStoredBlobs',
  method: 'get',
  path: '/admin/v1/vault/blobs',
  tags: ['Vault'],
  summary: 'Digests of the sealed values, to compare with the audit log',
  request: { query: StoredBlobQuery },
  responses: { 200: jsonAnswer(StoredBlobPage, 'By table and row.'), ...errorAnswers() },
  ...keyRoute(['admin', 'auditor'], { none: 'a digest of a sealed value shows nothing of it' }),
});

export function registerListStoredBlobs(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { row = null, limit, cursor = null } = c.req.valid('query');
    const { blobs, nextCursor } = await listStoredBlobs(deps, { row, limit, cursor });
    const page = { blobs: blobs.map(toWireStoredBlob) };
    return c.json(nextCursor === null ? page : { ...page, next_cursor: nextCursor }, 200);
  });
}
