/** Tokens of users as their identity providers would sign them, and as they would not. */

import { audience } from './build-world.js';
import type { UserPlan } from './command-plan.js';
import type { Agent, Connection, UserToken } from './model.js';
import { pick, type Trial } from './trial.js';
import { claimNames } from './world-plan.js';

/** `agent` is the one that will show it, `connection` what it will be shown for. */
export async function takeUserToken(
  trial: Trial,
  plan: UserPlan,
  { agent, connection }: { readonly agent: Agent; readonly connection: Connection },
): Promise<UserToken> {
  const { world } = trial;
  const earlier = plan.repeats === null ? undefined : pick(world.userTokens, plan.repeats);
  if (earlier !== undefined) return earlier;
  const token = await signUserToken(trial, plan, { agent, connection });
  world.userTokens.push(token);
  return token;
}

async function signUserToken(
  { broker, world, run }: Trial,
  plan: UserPlan,
  { agent, connection }: { readonly agent: Agent; readonly connection: Connection },
): Promise<UserToken> {
  const issuer = world.issuers[plan.issuer];
  const signers = broker.identityProviders;
  const signer = signers[plan.issuer]?.signer;
  const foreign = signers[1 - plan.issuer]?.signer;
  if (issuer === undefined || signer === undefined || foreign === undefined) throw new Error('two issuers are needed');
  const fitting = connection.workspace.startsWith(issuer.prefix)
    ? connection.workspace.slice(issuer.prefix.length)
    : null;
  const named = `${claimNames[plan.claim ?? 0]}-${run}`;
  const claim = plan.claim === null ? (fitting ?? named) : named;
  // The claim that does not decide leads into a workspace too.
  const decoy = `${claimNames[claim.startsWith('1') ? 1 : 0]}-${run}`;
  const subject = issuer.workspaceFrom === 'sub' ? claim : decoy;
  const tenant = plan.flaw === 'no tenant' ? null : issuer.workspaceFrom === 'tenant' ? claim : decoy;
  const mayAct = { anyone: null, 'this agent': agent.id, 'another agent': `${agent.id}-other` }[plan.mayAct];
  const issuedSeconds = Math.floor(world.nowMs / 1_000);
  const expiresSeconds = issuedSeconds + plan.lifeSeconds;
  const claims = {
    iss: issuer.url,
    aud: plan.flaw === 'other audience' ? 'https://elsewhere.example' : [audience],
    sub: subject,
    iat: issuedSeconds,
    exp: expiresSeconds,
    n: world.userTokens.length,
    ...(plan.hasId ? { jti: `${run}-${world.userTokens.length}` } : {}),
    ...(tenant === null ? {} : { tenant_id: tenant }),
    ...(mayAct === null ? {} : { may_act: { sub: mayAct } }),
    ...(plan.permissionsAs === 'scope' ? { scope: plan.permissions.join(' ') } : { permissions: plan.permissions }),
  };
  const isForeign = plan.flaw === 'foreign signature';
  return {
    text: await (isForeign ? foreign : signer).sign(claims, { kid: signer.kid }),
    issuer,
    subject,
    tenant,
    permissions: new Set(plan.permissions),
    issuedSeconds,
    expiresSeconds,
    mayAct,
    isGenuine: !isForeign && plan.flaw !== 'other audience',
  };
}
