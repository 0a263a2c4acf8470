/** Storage of one oidc-provider instance; the library's own is shared by every instance of a process. */
type Payload = Record<string, unknown>;

interface StoredEntry {
  readonly payload: Payload;
  readonly endsAtMs: number;
}

export interface OpenidProviderStore {
  /** For the `adapter` setting of oidc-provider. */
  createAdapter(model: string): object;
  /** Deletes what was issued to an account: grants, codes and tokens. */
  deleteIssuedTo(accountId: string): void;
  count(model: string): number;
}

const issuedModels = ['Grant', 'AuthorizationCode', 'AccessToken', 'RefreshToken'];

export function createOpenidProviderStore(): OpenidProviderStore {
  const entries = new Map<string, StoredEntry>();
  const find = (key: string): Payload | undefined => {
    const entry = entries.get(key);
    return entry !== undefined && entry.endsAtMs > Date.now() ? entry.payload : undefined;
  };
  const findWhere = (model: string, name: string, value: unknown): Payload | undefined => {
    for (const key of entries.keys()) {
      const payload = key.startsWith(`${model}:`) ? find(key) : undefined;
      if (payload?.[name] === value) return payload;
    }
    return undefined;
  };
  const deleteWhere = (models: readonly string[], name: string, value: unknown): void => {
    for (const [key, { payload }] of entries) {
      if (models.includes(key.slice(0, key.indexOf(':'))) && payload[name] === value) entries.delete(key);
    }
  };
  return {
    createAdapter: (model) => ({
      async upsert(id: string, payload: Payload, expiresIn?: number) {
        const endsAtMs = expiresIn === undefined ? Number.POSITIVE_INFINITY : Date.now() + expiresIn * 1000;
        entries.set(`${model}:${id}`, { payload, endsAtMs });
      },
      find: async (id: string) => find(`${model}:${id}`),
      findByUid: async (uid: string) => findWhere(model, 'uid', uid),
      findByUserCode: async (userCode: string) => findWhere(model, 'userCode', userCode),
      async consume(id: string) {
        const payload = find(`${model}:${id}`);
        if (payload !== undefined) payload['consumed'] = Math.floor(Date.now() / 1000);
      },
      async destroy(id: string) {
        entries.delete(`${model}:${id}`);
      },
      async revokeByGrantId(grantId: string) {
        deleteWhere([model], 'grantId', grantId);
      },
    }),
    deleteIssuedTo: (accountId) => deleteWhere(issuedModels, 'accountId', accountId),
    count: (model) => [...entries.keys()].filter((key) => key.startsWith(`${model}:`) && find(key)).length,
  };
}
