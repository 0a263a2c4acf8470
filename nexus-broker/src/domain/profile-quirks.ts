/** What a provider does otherwise than the standards, as data; the format of templates (docs/guides/write-a-template.md). */
import { FieldReader } from './field-reader.js';
import { findHostRuleProblem, findPatternProblem, findPlaceNameProblem } from './place-rules.js';
import {
  blocksByName,
  choice,
  flag,
  integer,
  integerOr,
  integers,
  nested,
  optional,
  type Read,
  readBlock,
  requiredText,
  scalar,
  text,
  textOr,
  texts,
  textsByName,
} from './profile-block.js';
import {
  findHeaderNameProblem,
  findHeaderValueProblem,
  findParameterNameProblem,
  findPathProblem,
  findTextProblem,
  findValueProblem,
  findWordProblem,
} from './profile-texts.js';

const nothing = new FieldReader({}, '', []);

const maxDays = 10 * 365 * 86_400;
const parameters = { maxEntries: 30, name: findParameterNameProblem, value: findValueProblem };
const headers = { maxEntries: 10, name: findHeaderNameProblem, value: findHeaderValueProblem };
const path = findPathProblem;

const renamed = [
  'client_id',
  'client_secret',
  'response_type',
  'redirect_uri',
  'scope',
  'code',
  'refresh_token',
  'grant_type',
];
const findRenamedProblem = (name: string) => (renamed.includes(name) ? null : `must be one of ${renamed.join(', ')}`);
const findNewNameProblem = (name: string) => (name === '' ? null : findParameterNameProblem(name));

const inputBlock = {
  title: requiredText('title', findTextProblem(80)),
  description: text('description', findTextProblem(1_000)),
  pattern: text('pattern', findPatternProblem),
  options: texts('options', 50, findTextProblem(253)),
  default: text('default', findTextProblem(253)),
  allowedHosts: texts('allowed_hosts', 50, findHostRuleProblem),
};
/** A value that a person gives for one connection, such as the subdomain of a tenant. */
export type InputDeclaration = Read<typeof inputBlock>;

const tokenRequestBlock = {
  bodyFormat: choice('body_format', ['form', 'json'], 'form'),
  params: textsByName('params', parameters),
  headers: textsByName('headers', headers),
  sendsScope: flag('sends_scope', false),
  acceptsAnySuccess: flag('accept_any_success', false),
};

const upgradeBlock = {
  url: requiredText('url', () => null),
  method: choice('method', ['GET', 'POST'], 'POST'),
  grantType: requiredText('grant_type', findTextProblem(255)),
  tokenParam: requiredText('token_param', findParameterNameProblem),
  client: flag('client', false),
  params: textsByName('params', parameters),
};

const matchBlock = { path: requiredText('path', path), equals: scalar('equals') };
/** Whether what stands at a path of a JSON answer is this value. */
export type AnswerMatch = Read<typeof matchBlock>;

const tokenAnswerBlock = {
  bodyFormat: choice('body_format', ['json', 'form'], 'json'),
  successWhen: optional('success_when', matchBlock),
  errorPath: text('error_path', path),
  paths: nested(
    'paths',
    {
      accessToken: textOr('access_token', path, 'access_token'),
      refreshToken: textOr('refresh_token', path, 'refresh_token'),
      expires: textOr('expires', path, 'expires_in'),
      scope: textOr('scope', path, 'scope'),
      tokenType: textOr('token_type', path, 'token_type'),
      idToken: textOr('id_token', path, 'id_token'),
    },
    nothing,
  ),
  expiryUnit: choice('expiry_unit', ['seconds', 'milliseconds', 'iso'], 'seconds'),
  expiryBase: choice('expiry_base', ['relative', 'absolute'], 'relative'),
  scopeSeparator: choice('scope_separator', [' ', ',', ';', '|', '+'], null),
  defaultLifetimeSeconds: integer('default_lifetime', 1, maxDays),
  whenExpiryMissing: choice('when_expiry_missing', ['never', 'unknown', 'introspect'], 'never'),
  tokenType: text('token_type', findWordProblem),
};

const refreshBlock = {
  isSupported: flag('supported', true),
  rotation: choice('rotation', ['never', 'always', 'sometimes', 'strict'], null),
  /** How long a rotated refresh token is still accepted; null where it is not known. */
  graceSeconds: integer('grace_seconds', 0, 86_400),
  /** How long a refresh token may go unused before the provider forgets it; null: for ever, as far as is known. */
  idleLifetimeSeconds: integer('idle_lifetime', 60, maxDays),
  /** Seconds from the consent after which the refresh token ends whatever happens; null where it is not known. */
  absoluteLifetimeSeconds: integer('absolute_lifetime', 60, maxDays),
  /** Calls of one Broker to the token endpoint at any moment. */
  concurrency: integerOr('concurrency', 1, 100, 8),
  /** Calls of all Brokers together. */
  callsPerSecond: integerOr('calls_per_second', 1, 1_000, 20),
  /** Seconds before the end from which the provider accepts a refresh; null: always. */
  earliestSeconds: integer('earliest', 1, maxDays),
  /** Seconds a token must have lived before the provider accepts a refresh; null: none. */
  minAgeSeconds: integer('min_age', 1, maxDays),
  /** Seconds before the end at which a refresh is due, where the usual share of the lifetime is not wanted. */
  marginSeconds: integer('margin', 1, maxDays),
  params: textsByName('params', parameters),
  method: choice('method', ['POST', 'GET'], 'POST'),
  grantType: textOr('grant_type', findTextProblem(255), 'refresh_token'),
  tokenParam: textOr('token_param', findParameterNameProblem, 'refresh_token'),
  sends: choice('sends', ['refresh_token', 'access_token'], 'refresh_token'),
};
/** How a provider treats refresh tokens and how often it may be asked: what drives the refresh engine. */
export type RefreshPolicy = Read<typeof refreshBlock>;
/** What holds for a provider of which nothing is known. */
export const defaultRefreshPolicy: RefreshPolicy = readBlock(refreshBlock, nothing);

const revokeBlock = {
  /** What a revocation at the provider kills; decides whether a sibling connection is in danger. */
  kills: choice('kills', ['token', 'grant', 'unknown'], 'unknown'),
  via: choice('via', ['rfc7009', 'http', 'none'], 'rfc7009'),
  request: optional('request', {
    method: choice('method', ['GET', 'POST', 'PUT', 'DELETE'], 'POST'),
    url: requiredText('url', () => null),
    token: choice('token', ['access_token', 'refresh_token'], 'access_token'),
    auth: choice('auth', ['bearer', 'client_basic', 'client_body', 'none'], 'none'),
    bodyFormat: choice('body_format', ['form', 'json', 'none'], 'none'),
    params: textsByName('params', parameters),
    headers: textsByName('headers', headers),
  }),
};
export type RevokeRecipe = Read<typeof revokeBlock>;

const labelBlock = {
  from: choice('from', ['userinfo', 'token', 'callback'], 'userinfo'),
  path: requiredText('path', path),
};
export type Located = Read<typeof labelBlock>;

/** A person's own browser carries the callback and could change it, so it proves nobody's account. */
const subjectBlock = { ...labelBlock, from: choice('from', ['userinfo', 'token'], 'userinfo') };

/** A value that the provider tells once; it is kept with the connection. */
const liftedBlock = {
  from: choice('from', ['userinfo', 'token', 'callback'], 'token'),
  path: requiredText('path', path),
  pattern: text('pattern', findPatternProblem),
  allowedHosts: texts('allowed_hosts', 50, findHostRuleProblem),
  default: text('default', findTextProblem(512)),
  isRequired: flag('required', false),
};

const accountBlock = {
  request: optional('request', {
    method: choice('method', ['GET', 'POST'], 'GET'),
    url: requiredText('url', () => null),
    headers: textsByName('headers', headers),
    body: text('body', findTextProblem(4_096)),
  }),
  subject: optional('subject', subjectBlock),
  label: optional('label', labelBlock),
  values: blocksByName('values', liftedBlock, { maxEntries: 10, name: findPlaceNameProblem }),
};

const probeBlock = {
  method: choice('method', ['GET', 'POST', 'HEAD'], 'GET'),
  /** Absolute, or relative to `apiBaseUrl`. */
  path: requiredText('path', () => null),
  headers: textsByName('headers', headers),
  body: text('body', findTextProblem(4_096)),
  acceptedWhen: optional('accepted_when', matchBlock),
  refusedWhen: optional('refused_when', {
    status: integers('status', 20, 100, 599),
    path: text('path', path),
    equals: scalar('equals'),
  }),
};
/** A live check of a static credential, made with the provider's own strategy. */
export type Probe = Read<typeof probeBlock>;

/** A probe that says no more than where it goes. */
export const plainProbe: Omit<Probe, 'path'> = readBlock(probeBlock, new FieldReader({ path: '/' }, '', []));

/** The fields of a profile that are blocks of their own, by the names they have in a body. */
export const quirkFields = {
  inputs: blocksByName('inputs', inputBlock, { maxEntries: 10, name: findPlaceNameProblem }),
  scopeParam: textOr('scope_param', findParameterNameProblem, 'scope'),
  paramNames: textsByName('param_names', { maxEntries: 8, name: findRenamedProblem, value: findNewNameProblem }),
  isIssExpected: flag('iss_expected', false),
  tokenRequest: nested('token_request', tokenRequestBlock, nothing),
  upgrade: optional('upgrade', upgradeBlock),
  tokenAnswer: nested('token_answer', tokenAnswerBlock, nothing),
  refresh: nested('refresh', refreshBlock, nothing),
  retryHeaders: texts('retry_headers', 5, findHeaderNameProblem),
  revoke: nested('revoke', revokeBlock, nothing),
  account: nested('account', accountBlock, nothing),
  probe: optional('probe', probeBlock),
};
export type Quirks = Read<typeof quirkFields>;
/** What a profile that names none of them has. */
export const plainQuirks: Quirks = readBlock(quirkFields, nothing);

/** These fields alone, of whatever else stands beside them. */
export function readQuirks(fields: FieldReader): Quirks {
  const own = Object.values(quirkFields).map(({ name }) => name);
  return readBlock(quirkFields, fields.only(own));
}
