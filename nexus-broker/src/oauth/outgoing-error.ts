/** Why an outgoing request brought no answer. */
export type OutgoingReason =
  | 'unsafe_url'
  | 'unsafe_address'
  | 'invalid_request'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'aborted'
  | 'reset'
  | 'too_large'
  | 'undecodable';

const sentences: Record<OutgoingReason, string> = {
  unsafe_url: 'the URL is refused by the outgoing guard',
  unsafe_address: 'the host resolves to an address the outgoing guard refuses',
  invalid_request: 'the request cannot be sent as HTTP',
  dns: 'the host name did not resolve',
  connect: 'no connection was made',
  tls: 'the TLS handshake failed',
  timeout: 'the time ran out',
  aborted: 'the caller gave up',
  reset: 'the connection ended before the answer did',
  too_large: 'the answer is larger than allowed',
  undecodable: 'the answer is not readable HTTP',
};

interface OutgoingErrorOptions {
  readonly wasSent: boolean;
  /** HTTP status, when the head of the answer arrived. */
  readonly status?: number;
  readonly cause?: unknown;
}

/**
 * An outgoing request that brought no answer. `wasSent` decides what may follow: while false, no byte of the request
 * left this process and the caller may simply try again; once true, the other side may have acted on it.
 */
export class OutgoingError extends Error {
  override readonly name = 'OutgoingError';
  readonly reason: OutgoingReason;
  readonly wasSent: boolean;
  readonly status: number | null;

  constructor(reason: OutgoingReason, options: OutgoingErrorOptions) {
    super(sentences[reason], { cause: options.cause });
    this.reason = reason;
    this.wasSent = options.wasSent;
    this.status = options.status ?? null;
  }
}

/** Finds the outgoing failure a library has wrapped. */
export function findOutgoingError(error: unknown): OutgoingError | null {
  let current = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    if (current instanceof OutgoingError) return current;
    current = current.cause;
  }
  return null;
}
