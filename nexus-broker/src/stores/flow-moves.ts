/**
 * The steps of a flow that only one caller may take. Each is one conditional update. Where the flow is returned as it
 * was, it is read first: the update then asks for the same hash, which only ever stood with the values just read.
 */
import type { SealedBlob } from '@nexus/vault/vault';
import { discardSeconds, type Flow, type FlowStatus } from '../domain/authorization-flow.js';
import { toFlow } from './flow-row.js';
import { hasWon, type StoreContext } from './store-context.js';

interface ClaimInput {
  readonly flowId: string;
  readonly cookieHash: string;
  readonly stateHash: string | null;
  readonly redirectUri: string | null;
  readonly sealedSecrets: SealedBlob | null;
}

interface AwaitCompletionInput {
  readonly flowId: string;
  readonly handleHash: string;
  readonly handleSeconds: number;
  readonly sealedResult: SealedBlob;
  readonly from: FlowStatus;
}

export function createFlowMoves(context: StoreContext) {
  return {
    /** Binds an open flow to the browser that continues first. */
    claim: (input: ClaimInput): Promise<boolean> => setRequest(context, input, 'open'),
    /** Lets the browser that holds the flow start over; the earlier `state` stops working. */
    replaceRequest: (input: ClaimInput): Promise<boolean> => setRequest(context, input, 'claimed'),
    /** Consumes `state`, so that a second callback with it finds nothing (RFC 6749, 10.12). */
    consumeState: (stateHash: string): Promise<Flow | null> => consumeState(context, stateHash),
    consumeTicket: (flowId: string): Promise<boolean> => consumeTicket(context, flowId),
    awaitCompletion: (input: AwaitCompletionInput): Promise<boolean> => awaitCompletion(context, input),
    consumeHandle: (handleHash: string): Promise<Flow | null> => consumeHandle(context, handleHash),
    takeUncompleted: (flowId: string): Promise<Flow | null> => takeUncompleted(context, flowId),
  };
}

async function setRequest({ db, databaseNow }: StoreContext, input: ClaimInput, from: FlowStatus): Promise<boolean> {
  let query = db
    .updateTable('flow')
    .set({
      status: 'claimed',
      cookie_hash: input.cookieHash,
      state_hash: input.stateHash,
      redirect_uri: input.redirectUri,
      sealed_secrets: input.sealedSecrets,
    })
    .where('flow_id', '=', input.flowId)
    .where('status', '=', from)
    .where('expires_at', '>', databaseNow());
  if (from === 'claimed') query = query.where('cookie_hash', '=', input.cookieHash);
  return hasWon(await query.executeTakeFirst());
}

async function consumeState({ db, databaseNow }: StoreContext, stateHash: string): Promise<Flow | null> {
  const row = await db.selectFrom('flow').selectAll().where('state_hash', '=', stateHash).executeTakeFirst();
  if (row === undefined) return null;
  const result = await db
    .updateTable('flow')
    .set({ status: 'exchanging', state_hash: null, sealed_secrets: null })
    .where('flow_id', '=', row.flow_id)
    .where('state_hash', '=', stateHash)
    .where('status', '=', 'claimed')
    .where('expires_at', '>', databaseNow())
    .executeTakeFirst();
  return hasWon(result) ? toFlow(row) : null;
}

async function consumeTicket({ db, databaseNow }: StoreContext, flowId: string): Promise<boolean> {
  const result = await db
    .updateTable('flow')
    .set({ status: 'done' })
    .where('flow_id', '=', flowId)
    .where('status', '=', 'open')
    .where('expires_at', '>', databaseNow())
    .executeTakeFirst();
  return hasWon(result);
}

async function awaitCompletion({ db, databaseNow }: StoreContext, input: AwaitCompletionInput): Promise<boolean> {
  const result = await db
    .updateTable('flow')
    .set({
      status: 'awaiting_completion',
      handle_hash: input.handleHash,
      handle_expires_at: databaseNow(input.handleSeconds),
      sealed_result: input.sealedResult,
    })
    .where('flow_id', '=', input.flowId)
    .where('status', '=', input.from)
    .executeTakeFirst();
  return hasWon(result);
}

const withoutResult = { handle_hash: null, handle_expires_at: null, sealed_result: null } as const;

async function consumeHandle({ db, databaseNow }: StoreContext, handleHash: string): Promise<Flow | null> {
  const row = await db.selectFrom('flow').selectAll().where('handle_hash', '=', handleHash).executeTakeFirst();
  if (row === undefined) return null;
  const result = await db
    .updateTable('flow')
    .set({ status: 'done', ...withoutResult })
    .where('flow_id', '=', row.flow_id)
    .where('handle_hash', '=', handleHash)
    .where('status', '=', 'awaiting_completion')
    .where('handle_expires_at', '>', databaseNow())
    .executeTakeFirst();
  return hasWon(result) ? toFlow(row) : null;
}

/**
 * Takes a bound result that nobody completed, for revoking it at the provider. It stays sealed in the row until `finish`
 * erases it, and can be taken up again where whoever took it died.
 */
async function takeUncompleted({ db, databaseNow }: StoreContext, flowId: string): Promise<Flow | null> {
  const row = await db
    .selectFrom('flow')
    .selectAll()
    .where('flow_id', '=', flowId)
    .where('status', 'in', uncompleted)
    .executeTakeFirst();
  if (row === undefined) return null;
  const result = await db
    .updateTable('flow')
    .set({
      status: 'discarding',
      cookie_hash: null,
      handle_hash: null,
      handle_expires_at: databaseNow(discardSeconds),
    })
    .where('flow_id', '=', flowId)
    .where((flow) =>
      flow.or([
        flow('status', '=', 'awaiting_completion'),
        flow.and([flow('status', '=', 'discarding'), flow('handle_expires_at', '<=', databaseNow())]),
      ]),
    )
    .executeTakeFirst();
  return hasWon(result) ? toFlow(row) : null;
}

const uncompleted: readonly FlowStatus[] = ['awaiting_completion', 'discarding'];
