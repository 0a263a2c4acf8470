import type { AuditPage } from '@nexus/broker-api/audit';
import { jsonOption } from '../arguments.js';
import { type Api, openBroker, type Query } from '../broker.js';
import { type CommandContext, defineCommand, exits, usageError } from '../command.js';
import { toJsonText } from '../print.js';
import { renderLine } from '../views/screen.js';
import { filterOptions, toQuery } from './event-filter.js';
import { type AuditEvent, viewEvent } from './view-event.js';

const defaultLimit = 50;
/** As many as the Broker gives at once. */
const pageSize = 500;

export const auditQuery = defineCommand({
  description: [
    'One entry a line: time, sequence number (- until it is sealed), type, outcome, who did it, what it was about, and ' +
      'its data. --json prints { "events": [...] }, each as the Broker tells it.',
  ],
  options: {
    ...filterOptions,
    order: {
      kind: 'text',
      value: 'ORDER',
      among: ['desc', 'asc'],
      help: 'desc, the newest first, unless asc is asked for',
    },
    limit: { kind: 'count', help: `at most so many entries; ${defaultLimit} unless given` },
    all: { kind: 'flag', help: 'every entry there is' },
    json: jsonOption,
  },
  args: {},
  examples: [
    'audit query --connection-ref 01JA5M3N7Q0V8X2Y4Z6B8D0F2H',
    "audit query --event-type 'token.*' --outcome failure --since 2026-11-22T00:00:00Z --all",
  ],
  roles: ['auditor', 'admin'],
  async run({ options }, context) {
    if (options.all && options.limit !== null) throw usageError('--all and --limit exclude each other');
    const most = options.all ? Number.POSITIVE_INFINITY : (options.limit ?? defaultLimit);
    const query = { ...toQuery(options), order: options.order };
    const events = readEvents(await openBroker(context), query, { most, enough: context.outputLost });
    await (options.json ? writeDocument : writeLines)(events, context);
    return exits.done;
  },
});

interface Extent {
  readonly most: number;
  /** Once it is aborted no further page is asked for. */
  readonly enough: AbortSignal;
}

async function* readEvents(broker: Api, query: Query, { most, enough }: Extent): AsyncGenerator<AuditEvent> {
  let left = most;
  for await (const { events } of broker.pages<AuditPage>('/audit', { ...query, limit: Math.min(pageSize, most) })) {
    yield* events.slice(0, left);
    left -= events.length;
    if (left <= 0 || enough.aborted) return;
  }
}

async function writeLines(events: AsyncIterable<AuditEvent>, { stdout, screen }: CommandContext): Promise<void> {
  for await (const event of events) stdout.write(`${renderLine(viewEvent(event, screen), screen)}\n`);
}

/** Entry by entry: all of a log need not fit into memory. */
async function writeDocument(events: AsyncIterable<AuditEvent>, { stdout }: CommandContext): Promise<void> {
  let before = '{\n  "events": [';
  for await (const event of events) {
    stdout.write(`${before}\n    ${toJsonText(event)}`);
    before = ',';
  }
  stdout.write(before === ',' ? '\n  ]\n}\n' : `${before}]\n}\n`);
}
