import type { Instant } from '@nexus/core/clock';
import type { SealedBlob } from '@nexus/vault/vault';
import type { Selectable } from 'kysely';
import type { Webhook } from '../domain/webhook.js';
import { decodeFlag, decodeJson, decodeSealed, encodeFlag, encodeJson } from './codecs.js';
import { hasWon, type StoreContext } from './store-context.js';
import type { WebhookTable } from './webhook-schema.js';

export function createWebhookStore({ db }: StoreContext) {
  const select = () => db.selectFrom('webhook').selectAll();
  return {
    async insert(webhook: Webhook): Promise<void> {
      await db
        .insertInto('webhook')
        .values({
          webhook_id: webhook.webhookId,
          ...toSettings(webhook),
          version: webhook.version,
          sealed_secrets: webhook.sealedSecrets,
          created_at: webhook.createdAt,
          updated_at: webhook.updatedAt,
        })
        .execute();
    },

    async findById(webhookId: string): Promise<Webhook | null> {
      const row = await select().where('webhook_id', '=', webhookId).executeTakeFirst();
      return row === undefined ? null : toWebhook(row);
    },

    async list(): Promise<Webhook[]> {
      return (await select().orderBy('webhook_id').execute()).map(toWebhook);
    },

    /** The webhook, kept as it is until the transaction ends. Written as an update: both databases spell that alike. */
    async hold(webhookId: string): Promise<Webhook | null> {
      const row = await db
        .updateTable('webhook')
        .set((webhook) => ({ version: webhook.ref('version') }))
        .where('webhook_id', '=', webhookId)
        .returningAll()
        .executeTakeFirst();
      return row === undefined ? null : toWebhook(row);
    },

    /** Stores URL, events and whether it is active. */
    async update(webhook: Webhook): Promise<void> {
      await db
        .updateTable('webhook')
        .set({ ...toSettings(webhook), updated_at: webhook.updatedAt })
        .where('webhook_id', '=', webhook.webhookId)
        .execute();
    },

    /** False when other secrets were stored since `version - 1`. */
    async replaceSecrets(input: ReplaceSecretsInput): Promise<boolean> {
      const result = await db
        .updateTable('webhook')
        .set({ version: input.version, sealed_secrets: input.sealed, updated_at: input.at })
        .where('webhook_id', '=', input.webhookId)
        .where('version', '=', input.version - 1)
        .executeTakeFirst();
      return hasWon(result);
    },

    /** True for the one caller that switched it off. */
    async deactivate(webhookId: string, at: Instant): Promise<boolean> {
      const result = await db
        .updateTable('webhook')
        .set({ active: 0, updated_at: at })
        .where('webhook_id', '=', webhookId)
        .where('active', '=', 1)
        .executeTakeFirst();
      return hasWon(result);
    },

    async delete(webhookId: string): Promise<boolean> {
      return hasWon(await db.deleteFrom('webhook').where('webhook_id', '=', webhookId).executeTakeFirst());
    },
  };
}

interface ReplaceSecretsInput {
  readonly webhookId: string;
  /** The new version. */
  readonly version: number;
  readonly sealed: SealedBlob;
  readonly at: Instant;
}

function toSettings(webhook: Webhook) {
  return { url: webhook.url, events: encodeJson(webhook.events), active: encodeFlag(webhook.active) };
}

function toWebhook(row: Selectable<WebhookTable>): Webhook {
  return {
    webhookId: row.webhook_id,
    url: row.url,
    events: decodeJson(row.events),
    active: decodeFlag(row.active),
    version: row.version,
    sealedSecrets: decodeSealed(row.sealed_secrets),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
