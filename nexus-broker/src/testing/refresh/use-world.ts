/** What callers, jobs and people do in a run, and what each of them may expect of it. */
import { NexusError } from '@nexus/core/errors';
import { openJson, type SealedBlob, sealJson } from '@nexus/vault/vault';
import { requireActive } from '../../disclosure/active-connection.js';
import { renewWhereDue } from '../../disclosure/read-credential.js';
import { credentialContext } from '../../domain/blob-context.js';
import type { Connection } from '../../domain/connection.js';
import { discloseCredential } from '../../domain/credential-payload.js';
import { isAlive } from '../../domain/read-plan.js';
import type { RequestContext } from '../../domain/request-context.js';
import { sealedTargets } from '../../domain/sealed-targets.js';
import { openCredential } from '../../grants/credential-custody.js';
import { deleteConnection } from '../../services/connections/delete-connection.js';
import type { Replica } from './replica.js';
import type { World } from './world.js';

const context: RequestContext = {
  requestId: 'request',
  principal: { keyId: 'key', role: 'admin', name: 'admin', lastFour: '0000', agentId: null },
  callerIp: null,
  userAgent: null,
};
const credentialTarget = sealedTargets.find(({ table }) => table === 'connection');

async function findConnection(world: World, by: Replica): Promise<Connection> {
  const found = await by.database.stores.connections.findByRef(world.connectionRef);
  if (found === null) throw new Error('the connection is gone');
  return found;
}

/** A read as the API makes it, but for its audit entry. */
export async function readToken(world: World, by: Replica, minValiditySeconds: number): Promise<void> {
  const { vault, audit, timeline } = world.ground;
  const { database, clock, engine: refresh } = by;
  const onBackgroundError = (error: unknown) => world.backgroundErrors.push(error);
  const deps = { database, vault, audit, clock, refresh, onBackgroundError };
  const floor = world.seenVersion;
  const startedAtMs = timeline.nowMs;
  const wasDeleted = world.isDeleted;
  try {
    const found = await requireActive(database, await findConnection(world, by));
    const current = await renewWhereDue(deps, found, world.provider, { minValiditySeconds, context });
    if (!isAlive(current, clock.now())) throw new Error('the token has expired');
    const payload = discloseCredential(current, world.provider.profile, await openCredential(vault, current));
    if (wasDeleted) world.violate('I13 nothing is read once it is deleted');
    if (current.version < floor)
      world.violate('I4 no lower version after a higher one', { floor, now: current.version });
    world.seenVersion = Math.max(world.seenVersion, current.version);
    const expiresAtMs = (current.accessExpiresAt ?? Number.POSITIVE_INFINITY) * 1_000;
    if (expiresAtMs <= timeline.nowMs && !world.hasJumps) world.violate('I10 no token is returned at its end');
    if (JSON.stringify(payload).includes('rt-')) world.violate('I16 a refresh token is in an answer', payload);
    world.reads += 1;
    world.tell(`replica ${by.number} reads version ${current.version}`);
  } catch (error) {
    world.tell(`replica ${by.number} reads nothing: ${String(error)}`);
    judgeFailedRead(world, by, startedAtMs, error);
  }
}

function judgeFailedRead(world: World, by: Replica, startedAtMs: number, error: unknown): void {
  const { nowMs } = world.ground.timeline;
  const row = world.row();
  const couldAsk = !world.databaseFaults.isDown && world.databaseDownAtMs < startedAtMs && !world.hasHiddenCommit;
  const isValid = row.access_expires_at === null || row.access_expires_at * 1_000 > nowMs;
  if (row.status === 'active' && isValid && couldAsk && !world.hasJumps) {
    world.violate('I9 a valid token is read', { error: String(error), by: by.number });
  }
}

/** As the API's forced refresh. */
export async function forceRefresh(world: World, by: Replica): Promise<void> {
  try {
    const found = await requireActive(by.database, await findConnection(world, by));
    const outcome = await by.engine.refresh(found, world.provider, context);
    world.tell(`replica ${by.number} forced: ${outcome.kind}`);
  } catch (error) {
    if (!(error instanceof NexusError) && !world.hasFaults) world.violate('a refresh fails with a word', String(error));
    world.tell(`replica ${by.number} could not force: ${String(error)}`);
  }
}

export async function refreshDue(world: World, by: Replica): Promise<void> {
  try {
    const found = await findConnection(world, by);
    if (found.status !== 'active' || found.refreshAfter === null || found.refreshAfter > by.clock.now()) return;
    await by.engine.refresh(found, world.provider, context, 'background');
  } catch (error) {
    world.tell(`replica ${by.number} could not keep its schedule: ${String(error)}`);
  }
}

export async function narrow(world: World, by: Replica): Promise<void> {
  try {
    const connection = await requireActive(by.database, await findConnection(world, by));
    const request = { connection, provider: world.provider, scopes: ['read'], context, about: { sessionId: 'sess_1' } };
    const outcome = await by.engine.narrow({ ...request, store: async () => true });
    world.tell(`replica ${by.number} narrowed: ${outcome.kind}`);
  } catch (error) {
    world.tell(`replica ${by.number} could not narrow: ${String(error)}`);
  }
}

export async function storeUnsaved(world: World, by: Replica): Promise<void> {
  await by.engine.storeUnsaved().catch((error: unknown) => {
    world.tell(`replica ${by.number} could not store what it kept: ${String(error)}`);
  });
}

/** As the job that moves every value under another data key: it replaces exactly what it opened. */
export async function resealRow(world: World, by: Replica): Promise<void> {
  try {
    const found = await findConnection(world, by);
    const { sealedCredential, version, issuedOrigin } = found;
    if (sealedCredential === null) return;
    if (credentialTarget === undefined) throw new Error('connections hold nothing sealed');
    const { vault, timeline } = world.ground;
    const place = credentialContext(found, version, issuedOrigin);
    const sealed: SealedBlob = sealJson(vault, await openJson(vault, sealedCredential, place), place);
    await timeline.step(by);
    const change = { row: found.connectionRef, expected: sealedCredential, sealed };
    await by.database.transaction(({ sealedBlobs }) => sealedBlobs.replace(credentialTarget, [change]));
  } catch (error) {
    world.tell(`replica ${by.number} could not reseal: ${String(error)}`);
  }
}

export async function remove(world: World, by: Replica): Promise<void> {
  const { vault, audit } = world.ground;
  const unused = { discardSoon: () => undefined };
  const deps = {
    database: by.database,
    clock: by.clock,
    vault,
    audit: {
      entry: audit.entry.bind(audit),
      disclose: async () => {
        await world.ground.timeline.step(by);
      },
    },
    providerClient: world.authority.createClient(by),
    endedTokens: unused,
    missLimiter: unused,
  } as unknown as Parameters<typeof deleteConnection>[0];
  const input = { connection: world.connectionRef, reason: null };
  world.isDeletionAsked = true;
  try {
    await deleteConnection(deps, input, context);
    world.isDeleted = true;
    world.tell(`replica ${by.number} deleted it`);
  } catch (error) {
    world.tell(`replica ${by.number} could not delete it: ${String(error)}`);
  }
}
