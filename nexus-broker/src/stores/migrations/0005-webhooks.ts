import { createIndexes, createTable } from './create-table.js';
import type { Migration } from './migration.js';

export const webhooksMigration: Migration = {
  name: '0005-webhooks',
  async up(context) {
    await createTable(context, 'webhook', {
      text: ['webhook_id', 'url', 'events', 'created_at', 'updated_at'],
      integer: ['active', 'version'],
      bytes: ['sealed_secrets?'],
    });
    const text = ['delivery_id', 'webhook_id', 'connection_ref', 'event_type', 'payload', 'status', 'next_attempt_at'];
    text.push('lease_owner?', 'lease_until?', 'last_error?', 'created_at', 'finished_at?');
    await createTable(context, 'webhook_delivery', { text, integer: ['position', 'attempts', 'last_status?'] });
    await createIndexes(context, 'webhook_delivery', {
      webhook_delivery_due: ['status', 'webhook_id', 'next_attempt_at'],
      webhook_delivery_order: ['connection_ref', 'webhook_id', 'position'],
      webhook_delivery_list: ['webhook_id', 'delivery_id'],
      webhook_delivery_finished: ['finished_at'],
    });
  },
};
