/** Uses sessions in every way there is, and compares the answer with what the model says. */
import type { CommandOf } from './command-plan.js';
import { isActive, isOpen, isUsable, isVisible, isWider, judgeRead, type Key, type Session } from './model.js';
import { count, demand, demandAnswer, ownKey, pick, type Trial } from './trial.js';

export async function readAsPlanned(trial: Trial, command: CommandOf<'read'>): Promise<void> {
  const session = pick(trial.world.sessions, command.session);
  if (session === undefined) return;
  if (!command.asAnother) return read(trial, session);
  const another = pick(trial.world.sessions, command.session + 1);
  if (another === session || another === undefined) return;
  const body = { session_id: session.id, session_token: another.token };
  const answer = await trial.broker.asGateway('/internal/v1/sessions/token', { body });
  demand(answer.body['code'] === 'invalid_session_token', 'a token opens no other session', answer);
}

export async function read(trial: Trial, session: Session): Promise<void> {
  const { broker, world } = trial;
  const expected = judgeRead(world, session);
  const body = { session_id: session.id, session_token: session.token };
  const answer = await broker.asGateway('/internal/v1/sessions/token', { body });
  count(trial, `read: ${expected}`);
  if (expected !== 'disclosed') {
    demand(answer.body['code'] === expected && answer.status >= 400, `a read is refused as ${expected}`, answer);
    return;
  }
  const { credentials, narrowed, connection_ref } = demandAnswer(answer, 200, 'a read');
  const values = Object.values(credentials as object);
  demand(values.includes(session.connection.secret), 'a read hands out the secret of its connection', answer);
  const foreign = world.connections.filter((connection) => connection !== session.connection);
  demand(!foreign.some(({ secret }) => values.includes(secret)), 'a read hands out nothing else', answer);
  demand(narrowed === false && connection_ref === session.connection.ref, 'a read says what it is', answer);
  session.disclosures += 1;
  if (isWider(session)) session.widerDisclosures += 1;
}

export async function askAsPlanned(trial: Trial, command: CommandOf<'ask'>): Promise<void> {
  const session = pick(trial.world.sessions, command.session);
  const key = pick(trial.world.keys, command.key);
  if (session !== undefined && key !== undefined) await askState(trial, session, key);
}

/** `key` is the asking one; without it an admin's. */
export async function askState(trial: Trial, session: Session, key: Key): Promise<void> {
  const { broker, world } = trial;
  const body = { session_id: session.id };
  const answer = await broker.asGateway('/internal/v1/sessions/view', { key: key.value, body });
  const refusal = judgeVisit(trial, session, key);
  if (refusal !== null) {
    demand(answer.body['code'] === refusal, `a state is refused as ${refusal}`, answer);
    return;
  }
  const state = demandAnswer(answer, 200, 'a state');
  const active = isActive(world, session);
  demand(state['active'] === active, `active is ${active}, as a read would find`, state);
  if (session.end !== null) demand(state['closed_at'] !== null, 'what was ended is closed', state);
  const isStillOpen = isOpen(world, session) && isUsable(world, session.key);
  if (isStillOpen) demand(state['closed_at'] === null, 'nothing else is closed', state);
  const scopes = state['scopes_granted'] as readonly string[];
  demand(
    scopes.length === session.scopes.size && scopes.every((scope) => session.scopes.has(scope)),
    'scopes never change',
    state,
  );
}

/** Why this key may not even look; null where it may. */
function judgeVisit({ world }: Trial, session: Session, key: Key): string | null {
  if (!isUsable(world, key)) return 'invalid_api_key';
  if (key.role === 'auditor') return 'forbidden';
  return isVisible(key, session) ? null : 'session_not_found';
}

export async function introspectAsPlanned(trial: Trial, command: CommandOf<'introspect'>): Promise<void> {
  const session = pick(trial.world.sessions, command.session);
  if (session !== undefined) await introspect(trial, session, chooseAsker(trial, session, command.byAnother));
}

/** The agent itself, or one that found its token. */
function chooseAsker({ world }: Trial, session: Session, isAnother: boolean): Key | undefined {
  if (!isAnother) return ownKey(world, session.agent);
  const another = world.agents.find((agent) => agent !== session.agent);
  return another === undefined ? undefined : ownKey(world, another);
}

export async function introspect(
  trial: Trial,
  session: Session,
  key = ownKey(trial.world, session.agent),
): Promise<void> {
  const { broker, world } = trial;
  if (key?.agent == null) return;
  const body = { agent_id: key.agent.id, token: session.token };
  const answer = await broker.asGateway('/internal/v1/sessions/introspect', { key: key.value, body });
  if (!isUsable(world, key)) {
    demand(answer.body['code'] === 'invalid_api_key', 'a key that ended introspects nothing', answer);
    return;
  }
  const active = key.agent === session.agent && isActive(world, session);
  const said = demandAnswer(answer, 200, 'an introspection');
  demand(said['active'] === active, `introspection says ${active}, as a read would find`, said);
  if (active) demand(said['session_id'] === session.id, 'introspection names the session', said);
  else demand(Object.keys(said).length === 1, 'introspection tells nothing of what is not active', said);
}

export async function close(trial: Trial, command: CommandOf<'close'>): Promise<void> {
  const { broker, world } = trial;
  const session = pick(world.sessions, command.session);
  const key = pick(world.keys, command.key);
  if (session === undefined || key === undefined) return;
  const body = { session_id: session.id };
  const answer = await broker.asGateway('/internal/v1/sessions/close', { key: key.value, body });
  const refusal = judgeVisit(trial, session, key);
  count(trial, `close: ${refusal ?? 200}`);
  if (refusal !== null) {
    demand(answer.body['code'] === refusal, `a closing is refused as ${refusal}`, answer);
    return;
  }
  demandAnswer(answer, 200, 'a closing');
  if (isOpen(world, session)) session.end = 'closed';
}

export async function revokeToken(trial: Trial, command: CommandOf<'revoke token'>): Promise<void> {
  const { broker, world } = trial;
  const session = pick(world.sessions, command.session);
  const key = session === undefined ? undefined : chooseAsker(trial, session, command.byAnother);
  if (session === undefined || key?.agent == null) return;
  const body = { agent_id: key.agent.id, token: session.token };
  const answer = await broker.asGateway('/internal/v1/sessions/revoke', { key: key.value, body });
  if (!isUsable(world, key)) {
    demand(answer.body['code'] === 'invalid_api_key', 'a key that ended revokes nothing', answer);
    return;
  }
  demandAnswer(answer, 200, 'a revocation of a token');
  if (key.agent === session.agent && isOpen(world, session)) session.end = 'closed';
}
