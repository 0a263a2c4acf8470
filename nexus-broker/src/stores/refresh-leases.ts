/** One refresh per connection at a time, over all Brokers: a lease by the database's clock, won by one update. */
import { toEpochMs } from '@nexus/core/clock';
import type { ConnectionStatus } from '../domain/connection.js';
import { noLease } from './connection-row.js';
import { hasWon, type StoreContext } from './store-context.js';

export interface ClaimInput {
  readonly connectionRef: string;
  readonly expectedVersion: number;
  readonly owner: string;
  readonly leaseSeconds: number;
  /** The call to be made under the lease; null where none will be, and what is known of an earlier one stays. */
  readonly intent: ClaimedIntent | null;
  /** `leaseEpoch` and `intentId` as they were seen: whoever came between wins. */
  readonly seen?: Pick<AttemptState, 'leaseEpoch' | 'intentId'>;
}

export interface ClaimedIntent {
  readonly intentId: string;
  /** Whether the call counts for the interval between refreshes. */
  readonly countsAsCall: boolean;
  /** Until when the next call has to wait should nobody hear of the end of this one; null for no time. */
  readonly nextAttemptInSeconds: number | null;
  /** Failed calls in a row before this one. */
  readonly failures: number;
}

export interface ReleaseInput {
  readonly connectionRef: string;
  readonly owner: string;
  /** Null lets the next call come at any time; refreshes have an interval of their own. */
  readonly nextAttemptInSeconds: number | null;
  /** What the call does to the number of failed calls in a row. */
  readonly failures: 'add' | 'reset' | 'keep';
  /**
   * cleared: the provider answered, or was not asked · in_doubt: it may have acted on a call that brought no answer, as
   * the log says · open: the log does not say yet how the call ended
   */
  readonly intent: 'cleared' | 'in_doubt' | 'open';
}

/** What earlier calls to the provider leave for the next one; all durations by the database's clock. */
export interface AttemptState {
  readonly status: ConnectionStatus;
  readonly version: number;
  /** Whether a lease is live. */
  readonly isHeld: boolean;
  readonly leaseEpoch: number;
  /** Not null, with no lease live: the provider may have acted on a call of which nobody has an answer. */
  readonly intentId: string | null;
  /** Whether the log says already that the intent's call is in doubt. */
  readonly isDoubtRecorded: boolean;
  /** Since the first call began that is in doubt, or under way; null without an intent. */
  readonly intentAgeMs: number | null;
  /** Since the last call that counts; null before the first. */
  readonly callAgeMs: number | null;
  /** Life left in the access token, negative once it has expired; null where it has no end. */
  readonly tokenLifeMs: number | null;
  /** Until the next call may come, in whole seconds; 0 when it may come now. */
  readonly waitSeconds: number;
  /** Whether a wait was ordered after the last call, over by now or not. */
  readonly wasToldToWait: boolean;
  /** Failed calls since the last one that did not fail. */
  readonly failures: number;
}

const attemptColumns = [
  'status',
  'version',
  'lease_owner',
  'lease_until',
  'lease_epoch',
  'intent_id',
  'intent_started',
  'last_call_at',
  'access_expires_at',
  'next_attempt_at',
  'fail_count',
] as const;

export function createRefreshLeases(context: StoreContext) {
  const { db, databaseNow } = context;
  return {
    claimRefreshLease: (input: ClaimInput): Promise<boolean> => claimRefreshLease(context, input),

    /** Null for a connection that does not exist. */
    findAttemptState: (connectionRef: string): Promise<AttemptState | null> => findAttemptState(context, connectionRef),

    /** For the start of the only Broker of a database: whoever held a lease before is dead, and its calls are in doubt. */
    async clearRefreshLeases(): Promise<void> {
      await db.updateTable('connection').set({ lease_until: null }).where('lease_until', 'is not', null).execute();
    },

    /** Lets calls for the connections of a provider come at any time. */
    async forgetPauses(providerId: string): Promise<void> {
      await db
        .updateTable('connection')
        .set({ next_attempt_at: null })
        .where('provider_id', '=', providerId)
        .where('status', '=', 'active')
        .where('next_attempt_at', 'is not', null)
        .execute();
    },

    /** Lets nobody store anything until the transaction ends, whoever has the lease and in whatever status it is. */
    async holdRow(connectionRef: string): Promise<void> {
      await db
        .updateTable('connection')
        .set((connection) => ({ version: connection.ref('version') }))
        .where('connection_ref', '=', connectionRef)
        .execute();
    },

    /** False when another owner has the lease by now, or the row was stored anew; nothing is written then. */
    async releaseRefreshLease(input: ReleaseInput): Promise<boolean> {
      const next = input.nextAttemptInSeconds;
      const lease = {
        cleared: noLease,
        in_doubt: { lease_owner: null, lease_until: null },
        open: { lease_until: null },
      }[input.intent];
      const result = await db
        .updateTable('connection')
        .set((connection) => ({
          ...lease,
          next_attempt_at: next === null ? null : databaseNow(next),
          ...(input.failures === 'keep'
            ? {}
            : { fail_count: input.failures === 'add' ? connection('fail_count', '+', 1) : 0 }),
        }))
        .where('connection_ref', '=', input.connectionRef)
        .where('lease_owner', '=', input.owner)
        .executeTakeFirst();
      return hasWon(result);
    },
  };
}

async function claimRefreshLease(
  { db, databaseNow }: StoreContext,
  { seen, intent, ...input }: ClaimInput,
): Promise<boolean> {
  let query = db
    .updateTable('connection')
    .set((connection) => ({
      lease_owner: input.owner,
      lease_epoch: connection('lease_epoch', '+', 1),
      lease_until: databaseNow(input.leaseSeconds),
      ...(intent === null
        ? {}
        : {
            intent_id: intent.intentId,
            // A grace period runs from the first call of which nobody has an answer, whatever followed it.
            intent_started: connection
              .case()
              .when('intent_id', 'is', null)
              .then(databaseNow())
              .else(connection.ref('intent_started'))
              .end(),
            fail_count: intent.failures,
            next_attempt_at: intent.nextAttemptInSeconds === null ? null : databaseNow(intent.nextAttemptInSeconds),
            ...(intent.countsAsCall ? { last_call_at: databaseNow() } : {}),
          }),
    }))
    .where('connection_ref', '=', input.connectionRef)
    .where('version', '=', input.expectedVersion)
    .where('status', '=', 'active')
    .where((connection) =>
      connection.or([connection('lease_until', 'is', null), connection('lease_until', '<', databaseNow())]),
    );
  if (seen !== undefined) {
    query = query.where('lease_epoch', '=', seen.leaseEpoch);
    query =
      seen.intentId === null ? query.where('intent_id', 'is', null) : query.where('intent_id', '=', seen.intentId);
  }
  return hasWon(await query.executeTakeFirst());
}

async function findAttemptState(
  { db, databaseNow }: StoreContext,
  connectionRef: string,
): Promise<AttemptState | null> {
  const row = await db
    .selectFrom('connection')
    .select([...attemptColumns, databaseNow().as('now')])
    .where('connection_ref', '=', connectionRef)
    .executeTakeFirst();
  if (row === undefined) return null;
  const nowMs = toEpochMs(row.now);
  const since = (instant: string | null) => (instant === null ? null : nowMs - toEpochMs(instant));
  const isHeld = row.lease_until !== null && row.lease_until >= row.now;
  return {
    status: row.status,
    version: row.version,
    isHeld,
    leaseEpoch: row.lease_epoch,
    intentId: row.intent_id,
    isDoubtRecorded: row.lease_owner === null,
    intentAgeMs: since(row.intent_started),
    callAgeMs: since(row.last_call_at),
    tokenLifeMs: row.access_expires_at === null ? null : Number(row.access_expires_at) * 1_000 - nowMs,
    waitSeconds: Math.max(0, Math.ceil(-(since(row.next_attempt_at) ?? 0) / 1_000)),
    wasToldToWait: row.next_attempt_at !== null,
    failures: Number(row.fail_count),
  };
}
