/** The Broker's limit for an id; ours are far shorter. */
const maxLength = 128;

/**
 * An id of a path as it goes to the Broker. One that is too long is cut: what is left is no id either, so the Broker
 * answers, counts and limits it like every other miss.
 */
export function clipId(id: string): string {
  return id.slice(0, maxLength);
}

/** The same for the id of a session, for which the Broker's limit is lower. */
export function clipSessionId(id: string): string {
  return id.slice(0, 64);
}
