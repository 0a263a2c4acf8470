import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerStatus } from '@nexus/broker-api/administration';
import type { AuditPage } from '@nexus/broker-api/audit';
import { type Api, openBroker, type Query } from '../broker.js';
import { type CommandContext, CommandError, defineCommand, exits } from '../command.js';
import { holdInterrupts } from '../interrupts.js';
import { print, toJsonText } from '../print.js';
import { renderLine } from '../views/screen.js';
import { filterOptions, toQuery } from './event-filter.js';
import { type AuditEvent, viewEvent } from './view-event.js';

const defaultLines = 10;
const pageSize = 500;
const intervalMs = 1_000;

export const auditTail = defineCommand({
  description: [
    'Shows sealed entries in the order of the log. With --follow it goes on as they come, until Ctrl-C; while the Broker ' +
      'cannot be reached it tries again, and continues with the very next entry.',
  ],
  options: {
    ...filterOptions,
    lines: { kind: 'count', short: 'n', help: `the newest so many, at most ${pageSize}; ${defaultLines} unless given` },
    follow: { kind: 'flag', short: 'f', help: 'go on as entries come' },
    json: { kind: 'flag', help: 'print one JSON document for each entry, on one line' },
  },
  args: {},
  examples: ['audit tail', "audit tail --follow --event-type 'connection.*'"],
  roles: ['auditor', 'admin'],
  async run({ options }, context) {
    using interrupts = holdInterrupts();
    const signal = AbortSignal.any([interrupts.signal, context.outputLost]);
    const broker = await openBroker(context, signal);
    const query = toQuery(options);
    const show = (events: readonly AuditEvent[]) => writeEvents(events, options.json, context);
    const start = await readNewest(broker, query, Math.min(options.lines ?? defaultLines, pageSize));
    show(start.events);
    if (options.follow) {
      await follow({ broker, query, after: start.last, signal, show }, context);
    }
    return exits.done;
  },
});

function writeEvents(events: readonly AuditEvent[], isJson: boolean, { stdout, screen }: CommandContext): void {
  for (const event of events) {
    stdout.write(`${isJson ? toJsonText(event) : renderLine(viewEvent(event, screen), screen)}\n`);
  }
}

interface Newest {
  readonly events: readonly AuditEvent[];
  /** Everything up to this number was looked at; null before the first entry. */
  readonly last: number | null;
}

/**
 * The end of the log is read first. Up to it the newest entries are picked by time; behind it entries come by number, so
 * that one which is sealed in the meantime is neither lost nor shown twice.
 */
async function readNewest(broker: Api, query: Query, lines: number): Promise<Newest> {
  const { sealing } = await broker.get<BrokerStatus>('/admin/v1/status');
  const end = sealing.sealed === 0 ? null : sealing.sealed;
  const before = await broker.get<AuditPage>('/audit', { ...query, order: 'desc', limit: lines });
  const behind = await readBehind(broker, query, end);
  const known = before.events.filter(({ seq }) => seq !== null && end !== null && seq <= end);
  const events = [...known.sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0)), ...behind.events];
  return { events: events.slice(-lines), last: behind.events.at(-1)?.seq ?? end };
}

function readBehind(broker: Api, query: Query, last: number | null): Promise<AuditPage> {
  return broker.get<AuditPage>('/audit', { ...query, order: 'asc', limit: pageSize, cursor: last });
}

interface Following {
  readonly broker: Api;
  readonly query: Query;
  readonly after: number | null;
  readonly signal: AbortSignal;
  readonly show: (events: readonly AuditEvent[]) => void;
}

/** Ends when it is interrupted. @throws CommandError for a refusal: waiting does not mend that. */
async function follow({ broker, query, after, signal, show }: Following, context: CommandContext): Promise<void> {
  let cursor = after;
  let isOut = false;
  while (!signal.aborted) {
    let hasMore = false;
    try {
      const page = await readBehind(broker, query, cursor);
      if (isOut) print(context.stderr, 'nexus-cli: the Broker answers again');
      isOut = false;
      show(page.events);
      cursor = page.events.at(-1)?.seq ?? cursor;
      hasMore = page.next_cursor !== undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof CommandError) || error.exitCode !== exits.unreadable) throw error;
      if (!isOut) print(context.stderr, `nexus-cli: ${error.message}; trying again`);
      isOut = true;
    }
    if (!hasMore) await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}
