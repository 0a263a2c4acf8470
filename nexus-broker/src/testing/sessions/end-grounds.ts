/** Takes away what sessions rest on: each ending as the request that brings it about, and as the model remembers it. */
import { registerAgent, registerIssuer } from './build-world.js';
import type { CloseFilter, CommandOf, Ending, Target } from './command-plan.js';
import {
  type Agent,
  type Connection,
  endSessions,
  type Issuer,
  isOpen,
  isUsable,
  type Key,
  type Session,
} from './model.js';
import { count, demand, demandAnswer, pick, type Trial } from './trial.js';

export interface PlannedEnding {
  /** The session's `end` where this one ends it. */
  readonly reason: string;
  readonly ends: (session: Session) => boolean;
  /** Codes of a request that meets the ending half way. */
  readonly meanwhile: readonly string[];
  /** Sends the request; resolves with the number of sessions it says it closed. */
  perform(): Promise<number>;
  /** Lets it happen in the model; gives the bounds of that number. */
  remember(): ClosedCount;
}

/** The sweeper may already have closed those whose key ran out. */
interface ClosedCount {
  readonly least: number;
  readonly most: number;
}

interface Grounds {
  readonly agent: Agent | undefined;
  readonly key: Key | null | undefined;
  readonly connection: Connection | undefined;
  readonly issuer: Issuer | undefined;
}

/** Null where there is nothing left to end. */
export function planEnding(trial: Trial, ending: Ending, grounds: Grounds): PlannedEnding | null {
  const { agent, key, connection, issuer } = grounds;
  switch (ending) {
    case 'deactivate':
      return agent?.isRegistered ? deactivation(trial, agent) : null;
    case 'deregister':
      return agent?.isRegistered ? deregistration(trial, agent) : null;
    case 'revoke key':
      return key == null ? null : revocation(trial, key);
    case 'delete connection':
      return connection === undefined ? null : deletion(trial, connection);
    case 'delete issuer':
      return issuer?.isRegistered ? issuerDeletion(trial, issuer) : null;
  }
}

function remember({ world }: Trial, { reason, ends }: Pick<PlannedEnding, 'reason' | 'ends'>): ClosedCount {
  const closed = world.sessions.filter((session) => isOpen(world, session) && ends(session));
  endSessions(world, reason, ends);
  return { least: closed.filter(({ key }) => isUsable(world, key)).length, most: closed.length };
}

function deactivation(trial: Trial, agent: Agent): PlannedEnding {
  const what = { reason: 'agent_deactivated', ends: (session: Session) => session.agent === agent };
  return {
    ...what,
    meanwhile: ['agent_inactive'],
    perform: async () => {
      const answer = await trial.broker.direct('PATCH', `/admin/v1/agents/${agent.id}`, { body: { active: false } });
      demandAnswer(answer, 200, 'a deactivation');
      return trial.world.sessions.filter((session) => isOpen(trial.world, session) && what.ends(session)).length;
    },
    remember: () => {
      agent.isActive = false;
      return remember(trial, what);
    },
  };
}

function deregistration(trial: Trial, agent: Agent): PlannedEnding {
  const what = { reason: 'agent_deregistered', ends: (session: Session) => session.agent === agent };
  return {
    ...what,
    meanwhile: ['agent_not_found', 'invalid_api_key'],
    perform: async () => {
      const answer = await trial.broker.direct('DELETE', `/admin/v1/agents/${agent.id}`);
      const body = demandAnswer(answer, 200, 'a deregistration');
      const own = trial.world.keys.filter((key) => key.agent === agent && !key.isRevoked);
      demand(body['keys_revoked'] === own.length, 'a deregistration revokes the keys of the agent', body);
      return Number(body['sessions_closed']);
    },
    remember: () => {
      const closed = remember(trial, what);
      agent.isRegistered = false;
      for (const key of trial.world.keys) if (key.agent === agent) key.isRevoked = true;
      return closed;
    },
  };
}

function revocation(trial: Trial, key: Key): PlannedEnding {
  const what = { reason: 'key_revoked', ends: (session: Session) => session.key === key };
  const path = key.agent?.isRegistered ? `/admin/v1/agents/${key.agent.id}/keys/${key.id}` : `/admin/v1/keys/${key.id}`;
  return {
    ...what,
    meanwhile: ['invalid_api_key'],
    perform: async () => {
      const body = demandAnswer(await trial.broker.direct('DELETE', path), 200, 'a revocation of a key');
      return Number(body['sessions_closed']);
    },
    remember: () => {
      const closed = remember(trial, what);
      key.isRevoked = true;
      return closed;
    },
  };
}

function deletion(trial: Trial, connection: Connection): PlannedEnding {
  const what = { reason: 'connection_revoked', ends: (session: Session) => session.connection === connection };
  return {
    ...what,
    meanwhile: ['connection_not_active', 'connection_revoked'],
    perform: async () => {
      const path = `/admin/v1/connections/${connection.ref}`;
      demandAnswer(await trial.broker.direct('DELETE', path), 200, 'the end of a connection');
      return trial.world.sessions.filter((session) => isOpen(trial.world, session) && what.ends(session)).length;
    },
    remember: () => {
      connection.status = 'revoked';
      return remember(trial, what);
    },
  };
}

function issuerDeletion(trial: Trial, issuer: Issuer): PlannedEnding {
  const what = { reason: 'issuer_deleted', ends: (session: Session) => session.user?.issuer === issuer };
  return {
    ...what,
    meanwhile: ['invalid_user_context_token'],
    perform: async () => {
      const answer = await trial.broker.direct('DELETE', `/admin/v1/issuers/${issuer.id}`);
      return Number(demandAnswer(answer, 200, 'the end of an issuer')['sessions_closed']);
    },
    remember: () => {
      issuer.isRegistered = false;
      return remember(trial, what);
    },
  };
}

/** Something of the same name may return; nothing of the one before comes back with it. */
export async function endGround(trial: Trial, { ending, target, returns }: CommandOf<'end'>): Promise<void> {
  const grounds = pickGrounds(trial, target);
  const planned = planEnding(trial, ending, grounds);
  if (planned === null) return;
  const closed = await planned.perform();
  const { least, most } = planned.remember();
  demand(closed >= least && closed <= most, 'an end counts the sessions it closes', { closed, least, most });
  count(trial, `end: ${ending}`);
  const { agent, issuer } = grounds;
  if (returns && ending === 'deregister' && agent !== undefined) await registerAgent(trial, agent, null);
  if (returns && ending === 'delete issuer' && issuer !== undefined) await registerIssuer(trial, issuer);
}

export function pickGrounds({ world }: Trial, { of, index }: Target): Grounds {
  const session = of === 'a session' ? pick(world.sessions, index) : undefined;
  return {
    agent: session?.agent ?? pick(world.agents, index),
    key: session?.key ?? pick(world.keys, index),
    connection: session?.connection ?? pick(world.connections, index),
    issuer: session?.user?.issuer ?? pick(world.issuers, index),
  };
}

/** As an operator ends sessions: by whatever one of them has in common with others. */
export async function closeMany(trial: Trial, { by, session: index }: CommandOf<'close many'>): Promise<void> {
  const { world, broker } = trial;
  const ofUsers = by === 'issuer' || by === 'user';
  const example = pick(
    world.sessions.filter(({ user }) => user !== null || !ofUsers),
    index,
  );
  const filter = example === undefined ? null : describeFilter(by, example);
  if (filter === null) return;
  const answer = await broker.direct('POST', '/admin/v1/sessions/close', { body: filter.body });
  const { closed } = demandAnswer(answer, 200, 'a closing of many');
  const expected = remember(trial, { reason: 'closed_by_admin', ends: filter.matches });
  const seen = { by, closed, expected };
  demand(Number(closed) >= expected.least && Number(closed) <= expected.most, 'what matches is closed', seen);
  count(trial, `closed many by ${by}`);
}

interface Filter {
  readonly body: object;
  readonly matches: (session: Session) => boolean;
}

function describeFilter(by: CloseFilter, { agent, connection, key, user }: Session): Filter | null {
  switch (by) {
    case 'agent':
      return { body: { agent_id: agent.id }, matches: (session) => session.agent === agent };
    case 'connection':
      return { body: { connection_ref: connection.ref }, matches: (session) => session.connection === connection };
    case 'agent and connection':
      return {
        body: { agent_id: agent.id, connection_ref: connection.ref },
        matches: (session) => session.agent === agent && session.connection === connection,
      };
    case 'key':
      return { body: { key_id: key.id }, matches: (session) => session.key === key };
    case 'issuer':
      if (user === null) return null;
      return {
        body: { issuer: user.issuer.url },
        matches: (session) => session.user?.issuer === user.issuer,
      };
    case 'user':
      if (user === null) return null;
      return {
        body: { issuer: user.issuer.url, sub: user.subject },
        matches: (session) => session.user?.issuer === user.issuer && session.user.subject === user.subject,
      };
  }
}
