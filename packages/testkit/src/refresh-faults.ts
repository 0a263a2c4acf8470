/** What goes wrong between a provider and whoever refreshes a grant there. */
import type { ScriptedAnswer } from './scripted-provider.js';

/**
 * slow: answered after so long, or when it is let · lost: acted, and the connection ends without an answer · partial: acted, and half of the
 * body arrives · silent: acted, and nothing ever arrives · malformed: acted, and the body is one of `malformedBodies` ·
 * oversized: acted, and the body has no end in sight · scopes: the answer names other scopes ·
 * throttled: 429, refused before anything happened · failing: a 5xx, before anything happened ·
 * html: a page with 200, before anything happened · error_with_200: as GitHub does, before anything happened
 */
export type RefreshFault =
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'slow'; readonly until: Promise<void> }
  | { readonly kind: 'lost' | 'partial' | 'silent' | 'oversized' | 'html' }
  | { readonly kind: 'malformed'; readonly body: number }
  | { readonly kind: 'scopes'; readonly scope: string }
  | { readonly kind: 'throttled'; readonly retryAfter: RetryAfter }
  | { readonly kind: 'failing'; readonly status: number }
  | { readonly kind: 'error_with_200'; readonly error: string };

/** A number of seconds, the same as an HTTP date, a word that means nothing, or no header at all. */
export type RetryAfter =
  | { readonly form: 'seconds' | 'date'; readonly seconds: number }
  | { readonly form: 'absurd' | 'missing' };

/** Bodies with status 200 that grant nothing (R22). */
export const malformedBodies: readonly string[] = [
  '{"access_token":',
  '',
  '[{"access_token":"a"}]',
  'null',
  '"access_token"',
  '7',
  '{}',
  '{"refresh_token":"r","token_type":"bearer"}',
  '{"access_token":"","token_type":"bearer"}',
  '{"access_token":{"a":1},"token_type":"bearer"}',
  '{"access_token":"a\\nb","token_type":"bearer"}',
  '<html><body>Service under maintenance</body></html>',
];

const oversizedBytes = 512 * 1_024;

/** Whether the provider has done what it was asked before this goes wrong. */
export function hasActed({ kind }: RefreshFault): boolean {
  return kind !== 'throttled' && kind !== 'failing' && kind !== 'html' && kind !== 'error_with_200';
}

/** What is sent instead of `answer`. @param nowMs the provider's own clock, which its dates show. */
export function spoil(answer: ScriptedAnswer, fault: RefreshFault, nowMs: number): ScriptedAnswer {
  switch (fault.kind) {
    case 'slow':
      return 'ms' in fault ? { ...answer, delayMs: fault.ms } : { ...answer, heldUntil: fault.until };
    case 'lost':
      return { drop: 'before' };
    case 'partial':
      return { ...answer, drop: 'midway' };
    case 'silent':
      return { ...answer, endless: 'silent' };
    case 'malformed':
      return { headers: { 'content-type': 'application/json' }, body: malformedBodies[fault.body] ?? '' };
    case 'oversized':
      return { body: { ...(answer.body as object), padding: 'x'.repeat(oversizedBytes) } };
    case 'scopes':
      return { ...answer, body: { ...(answer.body as object), scope: fault.scope } };
    case 'throttled':
      return { status: 429, headers: describeRetryAfter(fault.retryAfter, nowMs), body: { error: 'slow_down' } };
    case 'failing':
      return { status: fault.status, body: { error: 'invalid_grant' } };
    case 'html':
      return { headers: { 'content-type': 'text/html' }, body: '<html><body>Service under maintenance</body></html>' };
    case 'error_with_200':
      return { body: { error: fault.error } };
  }
}

function describeRetryAfter(retryAfter: RetryAfter, nowMs: number): Readonly<Record<string, string>> {
  switch (retryAfter.form) {
    case 'seconds':
      return { 'retry-after': String(retryAfter.seconds) };
    case 'date':
      return { 'retry-after': new Date(nowMs + retryAfter.seconds * 1_000).toUTCString() };
    case 'absurd':
      return { 'retry-after': '99999999999999999999' };
    case 'missing':
      return {};
  }
}

interface ChoiceOptions {
  /** At least 0, less than 1. */
  readonly random: () => number;
  /** How many of all requests go wrong, 0 to 1. */
  readonly share: number;
  /** The longest a slow answer takes. */
  readonly slowMs: number;
}

/** Chooses among all faults but `silent`, which would keep whoever asks waiting for its whole patience. */
export function createFaultChoice({ random, share, slowMs }: ChoiceOptions): () => RefreshFault | null {
  const below = (limit: number): number => Math.floor(random() * limit);
  const forms = ['seconds', 'date', 'absurd', 'missing'] as const;
  const kinds: readonly (() => RefreshFault)[] = [
    () => ({ kind: 'slow', ms: below(slowMs) }),
    () => ({ kind: 'lost' }),
    () => ({ kind: 'partial' }),
    () => ({ kind: 'malformed', body: below(malformedBodies.length) }),
    () => ({ kind: 'oversized' }),
    () => ({ kind: 'scopes', scope: 'read' }),
    () => ({ kind: 'throttled', retryAfter: { form: forms[below(forms.length)] ?? 'missing', seconds: 1 } }),
    () => ({ kind: 'failing', status: 500 + below(5) }),
    () => ({ kind: 'html' }),
    () => ({ kind: 'error_with_200', error: 'temporarily_unavailable' }),
  ];
  return () => (random() < share ? (kinds[below(kinds.length)]?.() ?? null) : null);
}
