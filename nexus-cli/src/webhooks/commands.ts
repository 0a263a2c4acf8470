import type { Webhook, WebhookCreated, WebhookDeleted } from '@nexus/broker-api/webhooks';
import { defineCommand } from '../command.js';
import { createWithSecret } from '../create-with-secret.js';
import { defineDelete, defineList } from '../resource-commands.js';
import { secretOptions } from '../secret-output.js';
import { type Screen, styled } from '../views/screen.js';
import { timeText } from '../views/time.js';

const path = '/admin/v1/webhooks';
const webhookEvents = ['connection.active', 'connection.attention', 'connection.revoked', 'connection.failed'];

export const webhooksList = defineList({
  member: 'webhooks',
  filters: {},
  args: {},
  isPaged: false,
  request: () => ({ path }),
  columns: [{ title: 'ID', keep: true }, 'URL', 'EVENTS', 'STATE', { title: 'CHANGED', keep: true, spare: true }],
  row: ({ id, url, events, active, updated_at }: Webhook, screen: Screen) => [
    id,
    url,
    events.join(' '),
    active ? styled('green', 'active') : styled('yellow', 'off'),
    timeText(updated_at, screen),
  ],
  examples: ['webhooks list'],
  roles: ['admin'],
});

export const webhooksCreate = defineCommand({
  options: {
    event: {
      kind: 'list',
      value: 'EVENT',
      among: webhookEvents,
      help: 'what it is told of; all events without it',
    },
    ...secretOptions,
  },
  args: { URL: { help: 'where events are sent' } },
  description: [
    'The secret that signs events is shown this once. Where it could not be handed over, the receiver is deleted again.',
  ],
  examples: ['webhooks create https://app.example.com/hooks --event connection.attention --out hook.secret'],
  roles: ['admin'],
  run: ({ options, args }, context) => {
    const events = options.event.length === 0 ? webhookEvents : options.event;
    const describe = ({ id, url }: WebhookCreated) => `the secret of ${id}, the receiver at ${url},`;
    return createWithSecret<WebhookCreated>(
      { path, body: { url: args.URL, events }, options, secretOf: ({ secret }) => secret, describe },
      context,
    );
  },
});

export const webhooksDelete = defineDelete({
  options: {},
  args: { ID: { help: 'as webhooks list shows it' } },
  examples: ['webhooks delete 01JDZ6M4X8Q0V2T5N7R9B3C1KE'],
  roles: ['admin'],
  plan: (broker, { args }) => ({
    what: `This deletes the receiver ${args.ID}; events on their way to it are lost`,
    delete: () => broker.delete(`${path}/${encodeURIComponent(args.ID)}`),
  }),
  describe: ({ id }: WebhookDeleted) => `receiver ${id} is deleted`,
});
