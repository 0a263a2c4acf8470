/** What must hold of a run when everything is well again (the invariants I1 to I18 of the refresh engine's design). */
import type { Call } from './authority.js';
import type { World } from './world.js';

/** At any moment between two events. */
export async function judgeMoment(world: World): Promise<void> {
  const row = world.row();
  if (world.isDeleted && row.status !== 'revoked') world.violate('I13 what is deleted stays so', row);
  if (row.status !== 'active') return;
  const { families, calls } = world.authority;
  const held = await world.held();
  if (held === null) {
    world.violate('an active connection holds a credential');
    return;
  }
  if (held.refreshToken === families.newest(world.family) || !families.isAlive(world.family)) return;
  const isSpooled = world.hosts.some(({ spooled }) => spooled.size > 0);
  const isKept = world.replicas.some(({ isAlive, unsaved }) => isAlive && unsaved.list().length > 0);
  const isOpen = calls.some((call) => call.family === world.family && call.isOpen);
  const wasTwice = calls.some((call) => call.family === world.family && call.wasRepeated);
  if (row.intent_id === null && !isSpooled && !isKept && !isOpen && !wasTwice) {
    world.violate('I5 the newest refresh token is stored, or an intent is', {
      stored: held.refreshToken,
      newest: families.newest(world.family),
    });
  }
}

export async function judgeEnd(world: World): Promise<void> {
  const { authority, family } = world;
  await judgeMoment(world);
  if (authority.strayed.length > 0) world.violate('I18 a refresh token goes to its own origin', authority.strayed);
  judgeReuse(world);
  await judgeIntents(world);
  const row = world.row();
  // A deletion that got no answer may have been done.
  if (world.isDeleted || (world.isDeletionAsked && row.status === 'revoked')) {
    if (!world.hasFaults && authority.families.isAlive(family)) world.violate('R18 what a deletion ends is revoked');
    return;
  }
  if (row.status === 'active') {
    const held = await world.held();
    const wasTwice = authority.calls.some((call) => call.family === family && call.wasRepeated);
    if (!wasTwice && held?.refreshToken !== authority.families.newest(family)) {
      world.violate('I5 the newest refresh token is stored in the end', { stored: held?.refreshToken });
    }
    if (!authority.families.isAlive(family)) world.violate('I3 a lost family is told of', { family });
    return;
  }
  if (row.status !== 'attention') {
    world.violate('a connection is active or in attention', row);
    return;
  }
  judgeAttention(world, row.reason);
}

/** A used refresh token comes back only where its answer was lost. */
function judgeReuse(world: World): void {
  const { authority } = world;
  for (const entry of authority.families.log) {
    if (!entry.reuse) continue;
    const isExcused = authority.calls.some(
      (call) => call.family === entry.family && call.isLost && call.sentAtMs <= entry.at,
    );
    if (!isExcused) world.violate('I2, I3 no used refresh token is shown again', entry);
  }
}

function judgeAttention(world: World, reason: string | null): void {
  const { authority, family } = world;
  if (reason !== 'grant_revoked' && reason !== 'lost_rotation') {
    world.violate('I7 attention has a ground', { reason });
    return;
  }
  const own = authority.calls.filter((call) => call.family === family);
  const refused = own.findLast(({ answer }) => answer?.status === 400);
  if (refused === undefined) {
    world.violate('I7 attention follows a refusal', { reason });
    return;
  }
  const stored = world.row().version;
  if (refused.version !== stored) world.violate('I8 a refusal counts for its version', { at: refused.version, stored });
  // An intent without an end is in doubt, whether or not its call was made.
  const wasLost = world.hasOrphans || own.some(({ isLost }) => isLost);
  const wasTwice = own.some(({ wasRepeated }) => wasRepeated);
  if (reason === 'lost_rotation' && !wasLost) world.violate('I3 lost_rotation follows a lost answer', { family });
  const isUsers = world.isRevokedByUser || authority.families.endedBy(family) === 'revocation';
  if (reason === 'grant_revoked' && !isUsers && !wasTwice) {
    world.violate('I3 a lost rotation is told as such', { family, endedBy: authority.families.endedBy(family) });
  }
}

const outcomes = new Set([
  'token.refreshed',
  'token.refresh_failed',
  'token.refresh_in_doubt',
  'token.narrowed',
  'token.refresh_sibling',
  'connection.attention',
]);

/** Each call has one intent, and each intent of a call one outcome. */
async function judgeIntents(world: World): Promise<void> {
  const { database } = world.ground;
  const entries = await database.stores.audit.list({ connectionRef: world.connectionRef, limit: 1_000 });
  const told = new Map<string, string[]>();
  for (const { entry } of entries) {
    const { event_type: type, data } = JSON.parse(entry.entry) as {
      event_type: string;
      data: { intent_id?: string };
    };
    if (!outcomes.has(type) || data.intent_id === undefined) continue;
    told.set(data.intent_id, [...(told.get(data.intent_id) ?? []), type]);
  }
  const intents = new Map<string, Call>();
  for (const call of world.authority.calls) {
    if (call.intentId === null) continue;
    if (intents.has(call.intentId)) world.violate('I12 each call has an intent of its own', { by: call.by.number });
    intents.set(call.intentId, call);
  }
  for (const [intent, call] of intents) {
    const types = told.get(intent) ?? [];
    const isReplaced = call.family !== world.family || world.isDeletionAsked;
    if (types.length > 1 || (types.length === 0 && !isReplaced)) {
      world.violate('I12 each call has one outcome', { types, kind: call.kind, index: call.tokenIndex });
    }
  }
}
