export interface ReadinessDeps {
  readonly version: string;
  readonly isReady: () => Promise<boolean>;
}

export async function describeReadiness(deps: ReadinessDeps) {
  const isReady = await deps.isReady();
  return { status: isReady ? ('ok' as const) : ('unavailable' as const), version: deps.version };
}
