import type { NexusError } from '@nexus/core/errors';
import { describeFailure } from './failure-messages.js';
import { pageHeaders } from './layout.js';
import { renderMessagePage } from './message-page.js';

export function answerPage(page: string, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(page, { status, headers: { ...pageHeaders, ...headers } });
}

/** 303, so that the browser goes on with GET; the address it leaves, which may hold a code, is not told. */
export function answerRedirect(location: string, cookie: string | null = null): Response {
  const headers = new Headers({ Location: location, 'Referrer-Policy': 'no-referrer', 'Cache-Control': 'no-store' });
  if (cookie !== null) headers.append('Set-Cookie', cookie);
  return new Response(null, { status: 303, headers });
}

export function describeRetry(error: NexusError): Record<string, string> {
  return error.retryAfter === null ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(error.retryAfter))) };
}

interface FailureInput {
  readonly error: NexusError;
  readonly requestId: string;
  /** Whether sending the page's own form again can help. */
  readonly canRetry: boolean;
}

/** The page for a person when something fails. Nothing of the request or of the error's message enters it. */
export function answerFailure({ error, requestId, canRetry }: FailureInput): Response {
  const message = describeFailure(error.code);
  const page = renderMessagePage({ ...message, requestId, canRetry });
  return answerPage(page, message.status, describeRetry(error));
}
