/** One run of the property: a world is built, things happen in it, and after each of them every promise is looked at. */
import { systemOrigin } from '../../domain/request-context.js';
import { purgeSessions, sweepSessions } from '../../services/sessions/sweep-sessions.js';
import type { BrokerUnderTest } from './broker-under-test.js';
import { buildWorld, markAttention, storeGrant } from './build-world.js';
import { checkLog } from './check-log.js';
import type { Command, CommandOf } from './command-plan.js';
import { closeMany, endGround, pickGrounds } from './end-grounds.js';
import { endSessions, judgeRead, type Session } from './model.js';
import { open, openTwice, race } from './open-session.js';
import { advance, count, demand, demandAnswer, type Trial } from './trial.js';
import {
  askAsPlanned,
  askState,
  close,
  introspect,
  introspectAsPlanned,
  read,
  readAsPlanned,
  revokeToken,
} from './use-session.js';
import type { WorldPlan } from './world-plan.js';

export interface Run {
  readonly name: string;
  readonly plan: WorldPlan;
  readonly commands: readonly Command[];
}

/** @throws BrokenPromise */
export async function runTrial(broker: BrokerUnderTest, { name, plan, commands }: Run, counts: Map<string, number>) {
  const trial = await buildWorld(broker, plan, { run: name, counts });
  for (const command of commands) {
    const before = new Map(trial.world.sessions.map((session) => [session, judgeRead(trial.world, session)]));
    await perform(trial, command);
    count(trial, `command: ${command.do}`);
    const changed = trial.world.sessions.filter((session) => before.get(session) !== judgeRead(trial.world, session));
    await Promise.all(changed.map((session) => examine(trial, session)));
  }
  await Promise.all(
    trial.world.sessions.map(async (session) => {
      await examine(trial, session);
      await introspect(trial, session);
    }),
  );
  await outlive(trial);
  await checkLog(trial);
  await purgeSessions(broker.deps);
  demand(broker.logged.length === 0, 'nothing goes wrong in the background', broker.logged);
}

async function examine(trial: Trial, session: Session): Promise<void> {
  await read(trial, session);
  const witness = trial.world.keys.find((key) => key.role === 'operator');
  if (witness !== undefined) await askState(trial, session, witness);
}

/** The longest session is over now. */
async function outlive(trial: Trial): Promise<void> {
  const { broker, world } = trial;
  advance(trial, 3_700);
  const isOver = (session: Session) => judgeRead(world, session) !== 'disclosed';
  demand(world.sessions.every(isOver), 'the model lets no session live for ever');
  await Promise.all(world.sessions.map((session) => read(trial, session)));
  await sweepSessions(broker.deps, systemOrigin('test'));
}

async function perform(trial: Trial, command: Command): Promise<void> {
  switch (command.do) {
    case 'open':
      return open(trial, command);
    case 'open twice':
      return openTwice(trial, command);
    case 'race':
      return race(trial, command);
    case 'read':
      return readAsPlanned(trial, command);
    case 'ask':
      return askAsPlanned(trial, command);
    case 'introspect':
      return introspectAsPlanned(trial, command);
    case 'close':
      return close(trial, command);
    case 'revoke token':
      return revokeToken(trial, command);
    case 'change agent':
      return changeAgent(trial, command);
    case 'end':
      return endGround(trial, command);
    case 'close many':
      return closeMany(trial, command);
    case 'wait':
      return advance(trial, command.seconds);
    case 'reconnect':
    case 'mark attention':
      return changeConnection(trial, command);
  }
}

/** Cutting takes away from open sessions and giving back returns it; a deactivation is for good. */
async function changeAgent(trial: Trial, command: CommandOf<'change agent'>): Promise<void> {
  const { agent } = pickGrounds(trial, command.target);
  if (agent === undefined) return;
  const { scopes, providers, active } = command;
  const body = { allowed_scopes: scopes, allowed_providers: providers, active };
  const answer = await trial.broker.direct('PATCH', `/admin/v1/agents/${agent.id}`, { body });
  if (!agent.isRegistered) {
    demand(answer.body['code'] === 'agent_not_found', 'who is not registered cannot be changed', answer);
    return;
  }
  demandAnswer(answer, 200, 'a change of an agent');
  if (scopes !== undefined) agent.scopes = new Set(scopes);
  if (providers !== undefined) agent.providers = providers === null ? null : new Set(providers);
  if (active !== undefined) agent.isActive = active;
  if (!agent.isActive) endSessions(trial.world, 'agent_deactivated', (session) => session.agent === agent);
}

async function changeConnection(trial: Trial, command: CommandOf<'reconnect' | 'mark attention'>): Promise<void> {
  const { connection } = pickGrounds(trial, command.target);
  if (connection === undefined || connection.status === 'revoked') return;
  if (command.do === 'reconnect') await storeGrant(trial.broker, connection, command.granted);
  else if (connection.status === 'active') await markAttention(trial.broker, connection);
}
