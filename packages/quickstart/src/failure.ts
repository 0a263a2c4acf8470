/** The command line cannot be followed; ends the launcher with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The services cannot be started or kept running; ends the launcher with exit code 1. The message is for a person. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
