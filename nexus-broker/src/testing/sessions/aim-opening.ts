import type { OpenPlan, UserPlan } from './command-plan.js';
import { type Agent, type Connection, isUsable, judgeOpening, type Key, providerScopes, type World } from './model.js';

/**
 * The plan bent towards something that is allowed, as near to it as there is: by chance alone most openings would be
 * refused by several gates at once, and there would be few sessions to look at.
 */
export function aimOpening(world: World, plan: OpenPlan): OpenPlan {
  for (const agent of rotate(world.agents, plan.agent)) {
    for (const connection of rotate(world.connections, plan.connection)) {
      const scopes = chooseScopes(plan, agent, connection);
      for (const key of listKeys(world, plan, agent)) {
        const request = { key, agentId: agent.id, byId: connection, workspace: null, provider: null, ref: null };
        const verdict = judgeOpening(world, { ...request, scopes, ttlSeconds: null, user: null });
        if ('opens' in verdict) return aimAt(world, plan, { agent, connection, key, scopes });
      }
    }
  }
  return plan;
}

function rotate<T>(all: readonly T[], index: number): readonly T[] {
  const start = index % all.length;
  return [...all.slice(start), ...all.slice(0, start)];
}

function chooseScopes({ scopes, user }: OpenPlan, agent: Agent, connection: Connection): readonly string[] {
  const granted = providerScopes(connection);
  const permissions = new Set(user?.permissions ?? agent.scopes);
  const within = [...agent.scopes].filter((scope) => permissions.has(scope) && granted?.has(scope) !== false);
  const wanted = scopes.filter((scope) => within.includes(scope));
  return wanted.length > 0 ? wanted : within.length > 0 ? within : scopes;
}

/** The agent's own keys and those of others; which come first, the plan says. */
function listKeys(world: World, plan: OpenPlan, agent: Agent): readonly Key[] {
  const usable = world.keys.filter((key) => isUsable(world, key));
  const own = usable.filter((key) => key.agent === agent).slice(-1);
  const others = usable.filter(({ role }) => role !== 'agent');
  const first = typeof plan.key === 'number' ? rotate(others, plan.key) : own;
  return [...first, ...own, ...others];
}

interface Target {
  readonly agent: Agent;
  readonly connection: Connection;
  readonly key: Key;
  readonly scopes: readonly string[];
}

function aimAt(world: World, plan: OpenPlan, { agent, connection, key, scopes }: Target): OpenPlan {
  const others = world.keys.filter(({ role }) => role !== 'agent');
  const mayName = connection.startedBy !== null && (key.role !== 'agent' || plan.user !== null);
  return {
    ...plan,
    agent: world.agents.indexOf(agent),
    connection: world.connections.indexOf(connection),
    key: key.role === 'agent' ? 'own' : others.indexOf(key),
    selector: mayName && plan.selector.startsWith('names') ? 'names and ref' : 'id',
    scopes,
    user: plan.user === null ? null : aimUser(world, plan.user, connection),
  };
}

/** Whoever speaks for the workspace of the connection: the registered issuer with the longest prefix. A flaw stays. */
function aimUser({ issuers }: World, plan: UserPlan, { workspace }: Connection): UserPlan {
  const speaking = issuers
    .filter(({ isRegistered, prefix }) => isRegistered && workspace.startsWith(prefix))
    .toSorted((left, right) => right.prefix.length - left.prefix.length)[0];
  const issuer = speaking === undefined ? plan.issuer : issuers.indexOf(speaking);
  return { ...plan, issuer, claim: null, repeats: null };
}
