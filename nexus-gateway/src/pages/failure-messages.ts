import type { ErrorCode } from '@nexus/core/errors';
import { errorCodes } from '@nexus/core/errors';

interface FailureMessage {
  /** Status of the page, where it differs from the status of the code. */
  readonly status: number;
  readonly title: string;
  readonly whatHappened: string;
  readonly whatToDo: string;
}

const startAgain = 'Go back to the application and start the connection there again.';
const waitAndRetry = 'Wait a moment, then go back to the application and start again.';

const unavailable: FailureMessage = {
  status: 503,
  title: 'The service is not available',
  whatHappened: 'A part of the service does not answer at the moment. Your account was not connected.',
  whatToDo: waitAndRetry,
};

const unexpected: FailureMessage = {
  status: 500,
  title: 'Something went wrong',
  whatHappened: 'The service ran into an error it did not expect. Your account was not connected.',
  whatToDo: 'Go back to the application and try once more. If it happens again, tell its operator.',
};

const unusable: Omit<FailureMessage, 'status'> = {
  title: 'This link cannot be used',
  whatHappened: 'The connection cannot be made in its present state. Nothing was connected.',
  whatToDo: startAgain,
};

/** Sentences for people; nothing of what the provider or the address bar said is repeated in them. */
const messages: Partial<Record<ErrorCode, FailureMessage>> = {
  invalid_request: {
    status: 400,
    title: 'This answer cannot be used',
    whatHappened:
      'The answer of the provider does not belong to a connection that was started in this browser. Nothing was connected.',
    whatToDo: startAgain,
  },
  forbidden: {
    status: 403,
    title: 'This page was not opened by you',
    whatHappened: 'The request came from another website and was refused. Nothing was connected.',
    whatToDo: 'If you wanted to connect an account, go back to the application and start there.',
  },
  not_found: {
    status: 404,
    title: 'This page does not exist',
    whatHappened: 'There is nothing at this address.',
    whatToDo: 'Check the link, or go back to the application and start there.',
  },
  method_not_allowed: {
    status: 405,
    title: 'This page does not exist',
    whatHappened: 'This address cannot be used in this way.',
    whatToDo: startAgain,
  },
  flow_expired: {
    status: 410,
    title: 'This link has expired',
    whatHappened: 'The link is no longer valid: it is too old, was opened in another browser, or never existed.',
    whatToDo: startAgain,
  },
  flow_already_used: {
    status: 410,
    title: 'This link was already used',
    whatHappened: 'Each link works once, and this one has done its work.',
    whatToDo: 'If the account is not connected, go back to the application and start again.',
  },
  capture_refused: {
    status: 410,
    title: 'Too many attempts',
    whatHappened: 'The entries were refused too often, so this link was closed. Nothing was connected.',
    whatToDo: startAgain,
  },
  connection_revoked: {
    status: 410,
    title: 'This connection was removed',
    whatHappened: 'The connection was deleted while it was being made.',
    whatToDo: startAgain,
  },
  payload_too_large: {
    status: 413,
    title: 'The entry is too large',
    whatHappened: 'The form carried more than the service accepts. Nothing was stored.',
    whatToDo: 'Go back, shorten the entries and send the form again.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The form could not be read',
    whatHappened: 'The request was not sent by our form. Nothing was stored.',
    whatToDo: startAgain,
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    whatHappened: 'There were too many attempts from your network in a short time.',
    whatToDo: 'Wait a minute, then open the link again.',
  },
  provider_unavailable: {
    status: 502,
    title: 'The provider does not answer',
    whatHappened: 'The provider you want to connect cannot be reached at the moment. Your account was not connected.',
    whatToDo: 'Wait a moment and try again.',
  },
  audit_unavailable: unavailable,
  broker_unavailable: unavailable,
};

/** The page for a code; a code no page expects keeps its own status. */
export function describeFailure(code: ErrorCode): FailureMessage {
  const known = messages[code];
  if (known !== undefined) return known;
  const { status } = errorCodes[code];
  return status < 500 ? { ...unusable, status } : unexpected;
}
