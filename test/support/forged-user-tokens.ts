/** User tokens that must open nothing: forged, stale, meant for others, or no user token at all. */
import { randomBytes } from 'node:crypto';
import {
  breakSignature,
  type Claims,
  createTokenSigner,
  forgeSymmetric,
  forgeUnsigned,
  replaceClaims,
} from '@nexus/testkit/scripted-id-tokens';
import type { TestAgent } from './agents.js';
import type { UserIssuer } from './user-issuer.js';

/** What a forger has seen. */
export interface Forger {
  readonly issuer: UserIssuer;
  /** The agent whose key asks. */
  readonly agent: TestAgent;
  readonly connectionId: string;
  /** Of an open session. */
  readonly sessionToken: string;
  /** A fit token that opened that session. */
  readonly spent: string;
}

/** `fault` is how the audit log names what is wrong with it. */
type ForgedToken = readonly [name: string, fault: string, forge: (forger: Forger) => string | Promise<string>];

const user = { sub: 'victim', scope: 'read write' };
/** Begins a workspace of the forger's issuer that belongs to another one. */
export const foreignPrefix = 'foreign:';
export const maxTokenLength = 16_384;

function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}

export function signFit({ issuer }: Pick<Forger, 'issuer'>, changes: Claims = {}): Promise<string> {
  return issuer.sign({ ...user, ...changes });
}

function encodeHeader(header: object): string {
  return Buffer.from(JSON.stringify(header)).toString('base64url');
}

function randomText(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}

/** Tokens the issuer signed, with claims that make them unfit. */
const unfitClaims: readonly (readonly [name: string, fault: string, changes: (forger: Forger) => Claims])[] = [
  ['an issuer nobody registered', 'unknown_issuer', () => ({ iss: 'https://id.example' })],
  ['its issuer with a trailing slash', 'unknown_issuer', ({ issuer }) => ({ iss: `${issuer.issuer}/` })],
  ['its issuer in capitals', 'unknown_issuer', ({ issuer }) => ({ iss: issuer.issuer.toUpperCase() })],
  ['no issuer', 'malformed', () => ({ iss: undefined })],
  ['the audience of somebody else', 'wrong_audience', () => ({ aud: 'somebody-else' })],
  ['an audience that ours begins', 'wrong_audience', ({ issuer }) => ({ aud: [`${issuer.audience}2`, 'other'] })],
  ['no audience', 'wrong_audience', () => ({ aud: undefined })],
  ['an end in the past', 'expired', () => ({ iat: inSeconds(-600), exp: inSeconds(-1) })],
  ['an end exactly now', 'expired', () => ({ exp: inSeconds(0) })],
  ['no end', 'lifetime_too_long', () => ({ exp: undefined })],
  ['a life that is too long', 'lifetime_too_long', () => ({ exp: inSeconds(3_660) })],
  ['an end written as text', 'bad_claim', () => ({ exp: String(inSeconds(300)) })],
  ['a time of issue in the future', 'not_yet_valid', () => ({ iat: inSeconds(120) })],
  ['a beginning in the future', 'not_yet_valid', () => ({ nbf: inSeconds(120) })],
  ['another agent that may act', 'may_act_mismatch', () => ({ may_act: { sub: 'another-agent' } })],
  [
    'our agent, of another issuer, that may act',
    'may_act_mismatch',
    ({ agent }) => ({ may_act: { sub: agent.agentId, iss: 'https://id.example' } }),
  ],
  ['an actor, but nobody that may act', 'may_act_mismatch', ({ agent }) => ({ act: { sub: agent.agentId } })],
  [
    'an actor already, beside may_act',
    'may_act_mismatch',
    ({ agent }) => ({ may_act: { sub: agent.agentId }, act: { sub: 'c', act: { sub: 'b', act: { sub: 'a' } } } }),
  ],
  ['a key that its holder must prove', 'sender_constrained', () => ({ cnf: { jkt: randomText(32) } })],
  ['a security event', 'wrong_type', () => ({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} } })],
  ['no subject', 'missing_subject', () => ({ sub: undefined })],
  ['an empty subject', 'missing_subject', () => ({ sub: '' })],
  ['a subject that is a number', 'bad_claim', () => ({ sub: 42 })],
  ['a subject with a line break', 'bad_claim', () => ({ sub: 'victim\n' })],
  ['a scope of the wrong form', 'bad_claim', () => ({ scope: { read: true } })],
  ['a clearance that is no integer', 'bad_claim', () => ({ clearance_level: 1.5 })],
  ['a clearance written as text', 'bad_claim', () => ({ clearance_level: '9' })],
  ['a tenant that is a list', 'bad_claim', () => ({ tenant_id: ['acme'] })],
  ['an id of the wrong form', 'bad_claim', () => ({ jti: 7 })],
  ["a subject in another issuer's workspaces", 'foreign_workspace', () => ({ sub: `${foreignPrefix}victim` })],
];

/** Tokens with fit claims that the issuer did not sign, or not as tokens of users. */
const forgedSignatures: readonly ForgedToken[] = [
  ['no signature', 'algorithm_not_allowed', ({ issuer }) => forgeUnsigned(issuer.claims(user))],
  [
    'HMAC keyed with the public key',
    'algorithm_not_allowed',
    ({ issuer }) => forgeSymmetric(issuer.claims(user), issuer.publicPem, issuer.kid),
  ],
  ['an algorithm the issuer may not use', 'algorithm_not_allowed', ({ issuer }) => issuer.sign(user, { alg: 'RS512' })],
  ['a broken signature', 'bad_signature', async (forger) => breakSignature(await signFit(forger))],
  [
    'the signature of other claims',
    'bad_signature',
    async (forger) => replaceClaims(await signFit(forger, { sub: 'nobody' }), forger.issuer.claims(user)),
  ],
  [
    'the signature of another key of the same name',
    'bad_signature',
    ({ issuer }) => createTokenSigner('RS256', issuer.kid).sign(issuer.claims(user)),
  ],
  [
    'a key of its own in the header',
    'bad_signature',
    ({ issuer }) => {
      const own = createTokenSigner('RS256', issuer.kid);
      return own.sign(issuer.claims(user), { jwk: own.publicJwk });
    },
  ],
  ['a key nobody publishes', 'unknown_key', ({ issuer }) => issuer.sign(user, { kid: 'another-key' })],
  ['the type of a logout token', 'wrong_type', ({ issuer }) => issuer.sign(user, { typ: 'logout+jwt' })],
  ['a very long claim', 'bad_signature', async (forger) => breakSignature(await signFit(forger, longClaim))],
  [
    'another spelling of the signature',
    'malformed',
    async (forger) => {
      const token = await signFit(forger);
      const bytes = Buffer.from(token.split('.')[2] ?? '', 'base64url');
      const variants = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].map(
        (last) => token.slice(0, -1) + last,
      );
      // The last character holds bits that belong to no byte.
      const isSame = (text: string) => Buffer.from(text.split('.')[2] ?? '', 'base64url').equals(bytes);
      return variants.find((text) => text !== token && isSame(text)) ?? '';
    },
  ],
  ['a signature cut off', 'malformed', async (forger) => (await signFit(forger)).split('.').slice(0, 2).join('.')],
  ['a fourth part', 'malformed', async (forger) => `${await signFit(forger)}.${randomText(24)}`],
  [
    'five parts, as if it were encrypted',
    'malformed',
    ({ issuer }) =>
      [encodeHeader({ alg: 'RSA-OAEP', enc: 'A256GCM', iss: issuer.issuer }), 256, 12, 400, 16]
        .map((part) => (typeof part === 'number' ? randomText(part) : part))
        .join('.'),
  ],
];

/** Base64url makes four thirds of it, and the rest of the token has room. */
const longClaim = { profile: 'x'.repeat(11_000) };

const otherValues: readonly ForgedToken[] = [
  ['a token that was used before', 'replayed', ({ spent }) => spent],
  ['the token of a session', 'not_a_user_token', ({ sessionToken }) => sessionToken],
  ['the key of an agent', 'not_a_user_token', ({ agent }) => agent.key],
  ['the id of a connection', 'not_a_user_token', ({ connectionId }) => connectionId],
  ['the key of an agent in other text', 'not_a_user_token', ({ agent }) => `token=${agent.key};`],
  ['plain garbage', 'malformed', () => randomText(40)],
  // Hex: in so much base64url the shape of a token of ours may turn up by chance.
  ['a very long text', 'malformed', () => randomBytes(maxTokenLength / 2).toString('hex')],
  ['a header line', 'malformed', async (forger) => `Bearer ${await signFit(forger)}`],
];

export const forgedTokens: readonly ForgedToken[] = [
  ...forgedSignatures,
  ...unfitClaims.map(
    ([name, fault, change]): ForgedToken => [name, fault, (forger) => signFit(forger, change(forger))],
  ),
  ...otherValues,
];
