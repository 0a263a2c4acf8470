/** Asks for sessions and compares the answer with what the model says, and with what must hold whatever it says. */
import { createToken } from '@nexus/core/tokens';
import { aimOpening } from './aim-opening.js';
import type { Answer } from './broker-under-test.js';
import type { CommandOf, OpenPlan } from './command-plan.js';
import { planEnding } from './end-grounds.js';
import {
  type Agent,
  type Connection,
  judgeOpening,
  type Key,
  type OpenRequest,
  providerScopes,
  type Session,
  type UserToken,
  type Verdict,
} from './model.js';
import { count, demand, ownKey, pick, slackMs, type Trial } from './trial.js';
import { takeUserToken } from './user-tokens.js';

export async function open(trial: Trial, { plan }: CommandOf<'open'>): Promise<void> {
  const { request } = await buildRequest(trial, plan);
  const verdict = judgeOpening(trial.world, request);
  settle(trial, request, [verdict], await ask(trial, request));
}

/** Of two sessions for one user token only one may open, and neither when it may not. */
export async function openTwice(trial: Trial, { plan }: CommandOf<'open twice'>): Promise<void> {
  const { request } = await buildRequest(trial, plan);
  const verdict = judgeOpening(trial.world, request);
  const answers = await trial.broker.crowd(() => Promise.all([ask(trial, request), ask(trial, request)]));
  const opened = answers.filter(({ status }) => status === 201);
  demand(opened.length === ('opens' in verdict ? 1 : 0), 'a user token opens one session', answers);
  if (opened.length > 0) count(trial, 'opened once of two');
  const refusal = 'opens' in verdict ? { refusedWith: new Set(['invalid_user_context_token']) } : verdict;
  for (const answer of answers) settle(trial, request, [answer.status === 201 ? verdict : refusal], answer);
}

/** Whichever comes first: no session may be left that rests on what has ended. */
export async function race(trial: Trial, { plan, ending, headStart }: CommandOf<'race'>): Promise<void> {
  const { world } = trial;
  const { request, agent, connection } = await buildRequest(trial, plan);
  const issuer = request.user?.issuer ?? pick(world.issuers, plan.agent);
  const planned = planEnding(trial, ending, { agent, connection, issuer, key: request.key });
  if (planned === null) return;
  const before = judgeOpening(world, request);
  const [answer, closed] = await trial.broker.crowd(async () => {
    const asked = ask(trial, request);
    for (let turn = 0; turn < headStart; turn++) await new Promise(setImmediate);
    return Promise.all([asked, planned.perform()]);
  });
  const expected = planned.remember();
  const late = answer.status === 201 ? 1 : 0;
  demand(closed >= expected.least && closed <= expected.most + late, 'an end counts the sessions it closes', closed);
  const verdicts = [before, judgeOpening(world, request), { refusedWith: new Set(planned.meanwhile) }];
  const session = settle(trial, request, verdicts, answer);
  if (session === null) return;
  if (planned.ends(session)) session.end = planned.reason;
  count(trial, `opened during "${ending}", ${session.end === null ? 'and stays' : 'and is closed'}`);
}

/** The parts of a world that a plan names, and the request they make. */
async function buildRequest(
  trial: Trial,
  planned: OpenPlan,
): Promise<{ readonly request: OpenRequest; readonly agent: Agent; readonly connection: Connection }> {
  const { world } = trial;
  const plan = planned.isAimed ? aimOpening(world, planned) : planned;
  const agent = pick(world.agents, plan.agent);
  const connection = pick(world.connections, plan.connection);
  if (agent === undefined || connection === undefined) throw new Error('a world has agents and connections');
  const user = plan.user === null ? null : await takeUserToken(trial, plan.user, { agent, connection });
  const request: OpenRequest = {
    key: chooseKey(trial, plan, agent),
    agentId: agent.id,
    scopes: plan.scopes,
    ttlSeconds: plan.ttlSeconds,
    user,
    ...select(trial, plan, connection),
  };
  return { request, agent, connection };
}

function chooseKey({ world }: Trial, { key, agent: index }: OpenPlan, agent: Agent): Key | null {
  switch (key) {
    case 'none':
      return null;
    case 'own':
      return ownKey(world, agent) ?? null;
    case 'own of another':
      return ownKey(world, pick(world.agents, index + 1) ?? agent) ?? null;
    default:
      return (
        pick(
          world.keys.filter(({ role }) => role !== 'agent'),
          key,
        ) ?? null
      );
  }
}

type Selector = Pick<OpenRequest, 'byId' | 'workspace' | 'provider' | 'ref'>;

function select({ world }: Trial, plan: OpenPlan, connection: Connection): Selector {
  const { workspace, provider, ref } = connection;
  const nothing: Selector = { byId: null, workspace: null, provider: null, ref: null };
  const another = pick(world.connections, plan.connection + 1)?.workspace ?? workspace;
  switch (plan.selector) {
    case 'id':
      return { ...nothing, byId: connection };
    case 'names':
      return { ...nothing, workspace, provider };
    case 'names and ref':
      return { ...nothing, workspace, provider, ref };
    case 'names of another workspace':
      return { ...nothing, workspace: another, provider };
    case 'provider only':
      return { ...nothing, provider };
    case 'id and provider':
      return { ...nothing, byId: connection, provider };
    case 'id and another workspace':
      return { ...nothing, byId: connection, workspace: another };
    case 'unknown id':
      return { ...nothing, byId: 'unknown' };
    case 'nothing':
      return nothing;
  }
}

function ask({ broker }: Trial, request: OpenRequest): Promise<Answer> {
  const { byId, workspace, provider, ref, ttlSeconds, user } = request;
  const connectionId = byId === 'unknown' ? createToken('nxc') : byId?.id;
  const body = {
    agent_id: request.agentId,
    scopes: request.scopes,
    ...(connectionId === undefined ? {} : { connection_id: connectionId }),
    ...(workspace === null ? {} : { workspace_id: workspace }),
    ...(provider === null ? {} : { provider_name: provider }),
    ...(ref === null ? {} : { connection_ref: ref }),
    ...(ttlSeconds === null ? {} : { ttl_seconds: ttlSeconds }),
    ...(user === null ? {} : { user_context_token: user.text }),
  };
  const path = `/internal/v1/sessions/${user === null ? 'create' : 'obo'}`;
  return broker.asGateway(path, { key: request.key?.value, body });
}

/** The answer must be what one of the verdicts allows. Returns the session it opened, if it did. */
function settle(trial: Trial, request: OpenRequest, verdicts: readonly Verdict[], answer: Answer): Session | null {
  const kind = request.user === null ? 'open' : 'open for a user';
  const seen = { answer, verdicts: verdicts.map(describeVerdict), request: describeRequest(request) };
  if (answer.status === 201) {
    const connection = verdicts
      .flatMap((verdict) => ('opens' in verdict ? [verdict.opens] : []))
      .find(({ ref }) => ref === answer.body['connection_ref']);
    demand(connection !== undefined, 'a session opens only where every gate lets it pass', seen);
    count(trial, `${kind}: 201`);
    return adopt(trial, request, connection as Connection, answer.body);
  }
  const code = String(answer.body['code']);
  const isExpected = verdicts.some((verdict) => 'refusedWith' in verdict && verdict.refusedWith.has(code));
  demand(isExpected, 'an opening is refused for a reason there is, and only then', seen);
  count(trial, `${kind}: ${code}`);
  const { key } = request;
  // Who may not even ask is refused, and recorded, before any service.
  if (key !== null && key.role !== 'auditor' && code !== 'invalid_api_key') trial.refusals.push(`${key.id} ${code}`);
  return null;
}

function describeVerdict(verdict: Verdict): object {
  return 'opens' in verdict ? { opens: verdict.opens.ref } : { refusedWith: [...verdict.refusedWith] };
}

function describeRequest({ key, byId, user, ...request }: OpenRequest): object {
  const connection = byId === null || byId === 'unknown' ? byId : byId.ref;
  return { ...request, byId: connection, key: key?.role, permissions: user === null ? null : [...user.permissions] };
}

/** What holds of every session there is, whatever else the model believes: the headline of the contract. */
function adopt(trial: Trial, request: OpenRequest, connection: Connection, body: Answer['body']): Session {
  const { world } = trial;
  const { key, user } = request;
  const agent = world.agents.find(({ id }) => id === body['agent_id']);
  if (agent === undefined || key === null) throw new Error('a session is of an agent and a key');
  const scopes = body['scopes_granted'] as readonly string[];
  const isWithin = (owned: ReadonlySet<string>) => scopes.every((scope) => owned.has(scope));
  demand(agent.id === request.agentId, 'a session is of the agent it was asked for', body);
  demand(new Set(scopes).size === scopes.length, 'granted scopes are a set', body);
  demand(
    isWithin(new Set(request.scopes)) && request.scopes.every((scope) => scopes.includes(scope)),
    'granted is what was requested',
    body,
  );
  demand(isWithin(agent.scopes), 'granted ⊆ agent', body);
  if (user !== null) demand(isWithin(user.permissions), 'granted ⊆ user', body);
  demand(isWithin(providerScopes(connection) ?? new Set(scopes)), 'granted ⊆ connection', body);
  if (key.role === 'app') demand(connection.startedBy === key, 'an application reaches its own connections', body);
  if (key.role === 'agent') demand(key.agent === agent, 'a key of an agent speaks for it alone', body);
  const isElsewhere = request.workspace !== null && request.workspace !== connection.workspace;
  demand(!isElsewhere, 'a session reaches no other workspace than the one it was asked for', body);
  checkDelegation(user, connection, body);
  const expiresMs = Date.parse(String(body['expires_at']));
  checkLifetime(trial, request, expiresMs);
  if (user !== null) world.spent.add(user);
  const { session_id: id, access_token: token } = body;
  const session: Session = {
    id: String(id),
    token: String(token),
    agent,
    key,
    connection,
    scopes: new Set(scopes),
    user,
    expiresMs,
    end: null,
    disclosures: 0,
    widerDisclosures: 0,
  };
  world.sessions.push(session);
  return session;
}

function checkDelegation(user: UserToken | null, { workspace }: Connection, body: Answer['body']): void {
  demand(body['obo'] === (user !== null), 'a session says whether it is for a user', body);
  if (user === null) return;
  const claim = user.issuer.workspaceFrom === 'sub' ? user.subject : user.tenant;
  demand(workspace === `${user.issuer.prefix}${claim}`, 'a user reaches connections of one workspace', body);
  demand(body['acting_for'] === user.subject && body['tenant_id'] === user.tenant, 'a session names its user', body);
}

function checkLifetime({ world }: Trial, { ttlSeconds, user }: OpenRequest, expiresMs: number): void {
  const longestMs = world.nowMs + Math.min(ttlSeconds ?? 900, 3_600) * 1_000;
  const userMs = (user?.expiresSeconds ?? Number.POSITIVE_INFINITY) * 1_000;
  const seen = { now: world.nowMs, expiresMs, userMs };
  demand(expiresMs <= userMs, 'no session outlives the token of its user', seen);
  demand(expiresMs <= longestMs + slackMs, 'no session is longer than it may be', seen);
  demand(expiresMs >= Math.min(longestMs, userMs) - slackMs, 'a session is as long as it may be', seen);
}
