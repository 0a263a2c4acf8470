import type { SettingProblem } from './define.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The only read of the process environment in the product: a copy, so later changes cannot reach the configuration. */
export function readEnvironment(): Environment {
  return Object.freeze({ ...process.env });
}

/** Switches that would silently take away a protection the rest of the code relies on. */
const refusedOptions: readonly { readonly pattern: RegExp; readonly problem: string }[] = [
  { pattern: /(^|\s)--insecure-http-parser\b/, problem: 'must not carry --insecure-http-parser' },
  { pattern: /(^|\s)--tls-keylog\b/, problem: 'must not carry --tls-keylog: it writes the keys of every TLS session' },
  { pattern: /(^|\s)--tls-min-v1\.[01]\b/, problem: 'must not allow TLS below 1.2' },
];

/**
 * Refuses an environment that turns certificate checks off, sends our requests through an unconfigured proxy past the
 * address guard, or makes the runtime print request headers.
 */
export function checkEnvironment(environment: Environment): SettingProblem[] {
  const problems: SettingProblem[] = [];
  if (environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    problems.push({
      setting: 'NODE_TLS_REJECT_UNAUTHORIZED',
      problem: 'must not be 0: certificates would go unchecked',
    });
  }
  if (environment['NODE_USE_ENV_PROXY'] === '1') {
    problems.push({
      setting: 'NODE_USE_ENV_PROXY',
      problem: 'must not be 1: outgoing requests would pass the guard by',
    });
  }
  if (/\b(http|https|http2|tls|net|fetch|undici)\b|\*/i.test(environment['NODE_DEBUG'] ?? '')) {
    problems.push({ setting: 'NODE_DEBUG', problem: 'must not print traffic: it would show secrets' });
  }
  const options = environment['NODE_OPTIONS'] ?? '';
  for (const { pattern, problem } of refusedOptions) {
    if (pattern.test(options)) problems.push({ setting: 'NODE_OPTIONS', problem });
  }
  return problems;
}
