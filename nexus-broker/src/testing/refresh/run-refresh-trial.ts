/** One run of the property: what the plan says happens, then everything is well again, and what must hold does. */
import { judgeEnd, judgeMoment } from './judge.js';
import type { Happening, RefreshPlan } from './refresh-plan.js';
import type { Replica } from './replica.js';
import { Timeline } from './timeline.js';
import { forceRefresh, narrow, readToken, refreshDue, remove, resealRow, storeUnsaved } from './use-world.js';
import { type Ground, startMs, World } from './world.js';

class BrokenInvariant extends Error {}

type Choose = () => number;

/** Longer than any pause the engine or the provider asks for. */
const longestPauseMs = 1_000_000;
/** A Broker whose clock is ahead takes a new token for one that lives as much longer. */
const longestJumpMs = 401 * 86_400_000;

/** @throws BrokenInvariant with everything that happened. */
export async function runRefreshTrial(ground: Ground, plan: RefreshPlan, counts: Map<string, number>): Promise<void> {
  ground.timeline = new Timeline(startMs);
  const choose = createChooser(plan.choices);
  const world = await World.open(ground, plan.setup, () => (choose() % 6) / 6);
  for (const happening of plan.happenings) {
    await perform(world, happening, choose);
    for (let turn = 0; turn < happening.turns; turn++) await takeTurn(world, choose);
    await judgeMoment(world);
  }
  await heal(world, choose);
  await judgeEnd(world);
  sumUp(world, counts);
}

function sumUp(world: World, counts: Map<string, number>): void {
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  for (const call of world.authority.calls) count(`call: ${call.kind}${call.isLost ? ', lost' : ''}`);
  const { status, reason } = world.row();
  count(`end: ${status}${reason === null ? '' : ` (${reason})`}`);
  if (world.violations.length === 0) return;
  throw new BrokenInvariant(`${world.violations.join('\n')}\n${world.trace.join('\n')}`);
}

/** The same choices over and over, so that a shorter list is a simpler run. */
function createChooser(choices: readonly number[]): Choose {
  let at = 0;
  return () => choices[at++ % choices.length] ?? 0;
}

/** Somebody goes on; where all sleep, the next one wakes. */
async function takeTurn({ ground: { timeline } }: World, choose: Choose): Promise<void> {
  if (await timeline.goOn(choose())) return;
  await timeline.wakeNext();
}

async function perform(world: World, happening: Happening, choose: Choose): Promise<void> {
  const { timeline } = world.ground;
  world.tell(JSON.stringify(happening));
  switch (happening.do) {
    case 'wait':
      return timeline.runUntil(timeline.nowMs + happening.seconds * 1_000, choose);
    case 'reconnect':
      await world.connect();
      return;
    case 'revoke':
      world.authority.families.revoke(world.authority.families.newest(world.family));
      world.isRevokedByUser = true;
      return;
    case 'read':
    case 'force':
    case 'narrow':
    case 'tick':
    case 'delete':
    case 'store unsaved':
    case 'reseal':
      return use(world, happening);
    default:
      world.hasFaults = true;
      world.hasOrphans ||= ['crash', 'database', 'hide a commit'].includes(happening.do);
      return disturb(world, happening);
  }
}

/** Begins what then goes on by turns. */
function use(world: World, happening: Happening & { readonly replica: number }): void {
  const replica = pick(world, happening.replica);
  if (!replica.isReady) return;
  const works: Partial<Record<Happening['do'], () => Promise<void>>> = {
    read: () => readToken(world, replica, 'minValidity' in happening ? happening.minValidity : 0),
    force: () => forceRefresh(world, replica),
    narrow: () => narrow(world, replica),
    tick: () => refreshDue(world, replica),
    delete: () => remove(world, replica),
    'store unsaved': () => storeUnsaved(world, replica),
    reseal: () => resealRow(world, replica),
  };
  works[happening.do]?.().catch((error: unknown) => world.violate('nothing else is thrown', String(error)));
}

async function disturb(world: World, happening: Happening): Promise<void> {
  const { authority, databaseFaults, hosts } = world;
  switch (happening.do) {
    case 'calls':
      authority.next.push(...happening.modes);
      return;
    case 'outage':
      authority.standing = happening.mode;
      return;
    case 'crash': {
      const { number } = pick(world, happening.replica);
      world.crash(number);
      return world.boot(number);
    }
    case 'database':
      if (databaseFaults.isDown && !happening.isDown) endOutage(world);
      databaseFaults.isDown = happening.isDown;
      world.databaseDownAtMs = world.ground.timeline.nowMs;
      return;
    case 'hide a commit':
      databaseFaults.commitsToHide += 1;
      world.hasHiddenCommit = true;
      return;
    case 'jump': {
      const host = hosts[pick(world, happening.replica).number];
      if (host !== undefined) host.skewMs = happening.ms;
      world.hasJumps = true;
      return;
    }
    default:
      throw new Error(`nothing can be disturbed by ${happening.do}`);
  }
}

function pick(world: World, number: number): Replica {
  const replica = world.replicas[number % world.replicas.length];
  if (replica === undefined) throw new Error('there is no Broker');
  return replica;
}

/** The database is back; every Broker that lives stores what waited for it within about a second. */
function endOutage(world: World): void {
  const { databaseFaults, ground, replicas } = world;
  databaseFaults.isDown = false;
  databaseFaults.downUntilMs = ground.timeline.nowMs;
  for (const replica of replicas) {
    void ground.timeline.sleep(1_300).then(() => (replica.isAlive ? storeUnsaved(world, replica) : undefined));
  }
}

/** Nothing goes wrong any more, and time passes. */
async function heal(world: World, choose: Choose): Promise<void> {
  const { authority, databaseFaults, hosts, ground } = world;
  const { timeline } = ground;
  authority.next.length = 0;
  authority.standing = 'fine';
  if (databaseFaults.isDown) {
    endOutage(world);
    world.databaseDownAtMs = timeline.nowMs;
  }
  databaseFaults.commitsToHide = 0;
  for (const host of hosts) host.skewMs = 0;
  await timeline.runUntil(timeline.nowMs + 60_000, choose);
  for (const replica of world.replicas) void storeUnsaved(world, replica);
  await timeline.runUntil(timeline.nowMs + 60_000, choose);
  await judgeMoment(world);
  const lifeMs = world.setup.accessTokenSeconds * 1_000 + (world.hasJumps ? longestJumpMs : 0);
  await timeline.runUntil(timeline.nowMs + longestPauseMs + lifeMs, choose);
  world.tell('all is well');
  for (const replica of world.replicas) {
    const seen = world.reads;
    void readToken(world, replica, 0);
    await timeline.runUntil(timeline.nowMs + 60_000, choose);
    if (world.row().status === 'active' && world.reads === seen) {
      world.violate('I14 every Broker reads once all is well', { by: replica.number });
    }
  }
}
