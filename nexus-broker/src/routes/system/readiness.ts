export interface ReadinessDeps {
  readonly version: string;
  readonly findObstacle: () => Promise<string | null>;
}

export async function describeReadiness({ version, findObstacle }: ReadinessDeps) {
  const reason = await findObstacle();
  return reason === null ? { status: 'ok' as const, version } : { status: 'unavailable' as const, version, reason };
}
