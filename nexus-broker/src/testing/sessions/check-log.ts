/** Compares the audit log of a run with what happened in it. */
import { toInstant } from '@nexus/core/clock';
import { isUsable, type Session } from './model.js';
import { demand, demandAnswer, type Trial } from './trial.js';

interface LoggedEvent {
  readonly event_type: string;
  readonly actor: { readonly id: string | null };
  readonly agent_id?: string;
  readonly connection_ref?: string;
  readonly workspace_id?: string;
  readonly session_id?: string;
  readonly acting_for?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Every session has ended by now, and its end is recorded. */
export async function checkLog(trial: Trial): Promise<void> {
  const events = await listEvents(trial);
  const bySession = new Map<string, LoggedEvent[]>();
  for (const event of events) {
    if (event.session_id === undefined) continue;
    bySession.set(event.session_id, [...(bySession.get(event.session_id) ?? []), event]);
  }
  for (const session of trial.world.sessions) checkSession(trial, session, bySession.get(session.id) ?? []);
  const keys = new Set(trial.world.keys.map(({ id }) => id));
  const refused = events
    .filter(({ event_type, actor }) => event_type === 'session.refused' && keys.has(actor.id ?? ''))
    .map(({ actor, data }) => `${actor.id} ${data['code']}`)
    // A key revoked at that very moment may be refused by the service or before it.
    .filter((refusal) => !refusal.endsWith(' invalid_api_key'));
  const [expected, seen] = [trial.refusals.toSorted().join(), refused.toSorted().join()];
  demand(seen === expected, 'every refused opening is recorded, and nothing else', { expected, seen });
}

async function listEvents({ broker, startedMs }: Trial): Promise<readonly LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  const types = ['session.*', 'token.retrieved'].map((type) => `&event_type=${type}`).join('');
  for (let cursor: unknown = ''; cursor !== undefined; ) {
    const from = cursor === '' ? '' : `&cursor=${String(cursor)}`;
    const path = `/audit?limit=500&since=${toInstant(startedMs)}${types}${from}`;
    const page = demandAnswer(await broker.direct('GET', path), 200, 'a page of the log');
    events.push(...(page['events'] as readonly LoggedEvent[]));
    cursor = page['next_cursor'];
  }
  return events;
}

function checkSession({ world }: Trial, session: Session, events: readonly LoggedEvent[]): void {
  const of = (type: string) => events.filter(({ event_type }) => event_type === type);
  const [created, ...more] = of('session.created');
  demand(created !== undefined && more.length === 0, 'a session is recorded once', events);
  const { connection, agent, key, user } = session;
  for (const event of events) {
    const isSame =
      event.agent_id === agent.id &&
      event.connection_ref === connection.ref &&
      event.workspace_id === connection.workspace &&
      event.acting_for === user?.subject;
    demand(isSame, 'every record of a session names its agent, connection, workspace and user', event);
    const scopes = event.data['scopes'] as readonly string[];
    demand(
      scopes.length === session.scopes.size && scopes.every((scope) => session.scopes.has(scope)),
      'and its scopes',
      event,
    );
  }
  demand(created?.actor.id === key.id, 'a session is recorded with the key that opened it', created);
  const reads = of('token.retrieved');
  const wider = reads.filter(({ data }) => data['wider_scopes'] !== undefined);
  demand(reads.length === session.disclosures, 'every read is recorded', events);
  demand(wider.length === session.widerDisclosures, 'and every read of more than the session may', events);
  const ends = [...of('session.closed'), ...of('session.expired')];
  demand(ends.length === 1, 'a session ends once', ends);
  const reason = String(ends[0]?.data['reason'] ?? 'expired');
  // The sweeper comes when it comes: it may find the key run out before anything else ends the session.
  const mayBe = [session.end ?? 'expired', ...(isUsable(world, key) ? [] : ['key_expired'])];
  demand(mayBe.includes(reason), `it ends for its reason, ${mayBe.join(' or ')}`, ends);
}
