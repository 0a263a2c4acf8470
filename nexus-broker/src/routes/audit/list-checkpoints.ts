import { createRoute } from '@hono/zod-openapi';
import { CheckpointList, CheckpointQuery } from '@nexus/broker-api/audit';
import { type ListCheckpointsDeps, listCheckpoints } from '../../services/audit/list-checkpoints.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'listCheckpoints',
  method: 'get',
  path: '/audit/checkpoints',
  tags: ['Audit'],
  summary: 'List signed checkpoints of the audit log',
  request: { query: CheckpointQuery },
  responses: { 200: jsonAnswer(CheckpointList, 'One page, in order of size.'), ...errorAnswers('invalid_cursor') },
  ...keyRoute(['auditor', 'admin'], { none: 'checkpoints are made to be published' }),
});

export function registerListCheckpoints(app: BrokerApp, deps: ListCheckpointsDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { limit, cursor = null } = c.req.valid('query');
    const { checkpoints, verifierKeys, nextCursor } = await listCheckpoints(deps, { limit, cursor });
    return c.json(
      {
        checkpoints: checkpoints.map(({ size, createdAt, keyId, note }) => ({
          size,
          created_at: createdAt,
          key_id: keyId,
          note,
        })),
        verifier_keys: [...verifierKeys],
        ...(nextCursor === null ? {} : { next_cursor: nextCursor }),
      },
      200,
    );
  });
}
