import { initialMigration } from './0001-initial.js';
import { agentsMigration } from './0002-agents-and-sessions.js';
import { chainMigration } from './0003-key-rotation-and-audit-chain.js';
import { refreshMigration } from './0004-refresh-engine.js';
import { webhooksMigration } from './0005-webhooks.js';
import { templatesMigration } from './0006-provider-templates.js';
import type { Migration } from './migration.js';

/** Every migration in order. Entries are only ever added, at the end. */
export const migrations: readonly Migration[] = [
  initialMigration,
  agentsMigration,
  chainMigration,
  refreshMigration,
  webhooksMigration,
  templatesMigration,
];
