/** How a provider treats refresh tokens and how often it may be asked: what drives the refresh engine. */
import { type FieldReader, toPathPart } from './field-reader.js';
import { type ErrorClass, errorClasses, type RefreshPolicy, rotationModes } from './provider.js';

/** What holds for a provider of which nothing is known. */
export const defaultRefreshPolicy: RefreshPolicy = {
  rotation: null,
  graceSeconds: null,
  idleLifetimeSeconds: null,
  concurrency: 8,
  callsPerSecond: 20,
};

export type WireRefreshPolicy = {
  readonly rotation: RefreshPolicy['rotation'];
  readonly grace_seconds: number | null;
  readonly idle_lifetime: number | null;
  readonly concurrency: number;
  readonly calls_per_second: number;
};

const maxGraceSeconds = 86_400;
const maxIdleSeconds = 10 * 365 * 86_400;
const maxErrors = 50;

export function readRefreshPolicy(fields: FieldReader): RefreshPolicy {
  const refresh = fields.nested('refresh');
  if (refresh === null) return defaultRefreshPolicy;
  refresh.refuseUnknown(['rotation', 'grace_seconds', 'idle_lifetime', 'concurrency', 'calls_per_second']);
  return {
    rotation: refresh.choice('rotation', rotationModes),
    graceSeconds: refresh.integer('grace_seconds', 0, maxGraceSeconds),
    idleLifetimeSeconds: refresh.integer('idle_lifetime', 60, maxIdleSeconds),
    concurrency: refresh.integer('concurrency', 1, 100) ?? defaultRefreshPolicy.concurrency,
    callsPerSecond: refresh.integer('calls_per_second', 1, 1_000) ?? defaultRefreshPolicy.callsPerSecond,
  };
}

export function toWireRefreshPolicy(policy: RefreshPolicy): WireRefreshPolicy {
  return {
    rotation: policy.rotation,
    grace_seconds: policy.graceSeconds,
    idle_lifetime: policy.idleLifetimeSeconds,
    concurrency: policy.concurrency,
    calls_per_second: policy.callsPerSecond,
  };
}

/** Words of the provider for what went wrong, and what each means for the engine. */
export function readErrorMap(fields: FieldReader): { [code: string]: ErrorClass } {
  const errors = fields.nested('errors');
  if (errors === null) return {};
  const codes = errors.names();
  if (codes.length > maxErrors) fields.refuse('errors', `must hold at most ${maxErrors} codes`);
  const map: [string, ErrorClass][] = [];
  for (const code of codes.slice(0, maxErrors)) {
    if (!/^[A-Za-z0-9_.-]{1,100}$/.test(code)) {
      errors.refuse(toPathPart(code), 'must be letters, digits, dots, hyphens and underscores, at most 100');
      continue;
    }
    const errorClass = errors.choice(code, errorClasses);
    if (errorClass !== null) map.push([code, errorClass]);
  }
  return Object.fromEntries(map);
}
