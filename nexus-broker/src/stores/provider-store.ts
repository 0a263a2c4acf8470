import type { Instant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { Insertable, Selectable } from 'kysely';
import { plainProbe, plainQuirks } from '../domain/profile-quirks.js';
import type { Provider, ProviderProfile } from '../domain/provider.js';
import { decodeJson, decodeSealed, encodeJson, type JsonText } from './codecs.js';
import { UniqueViolation } from './engines/session.js';
import type { ProviderTable } from './schema.js';
import { hasWon, type StoreContext } from './store-context.js';

/** Names are kept in lower case, whatever case they come in. Deleted providers stay, so that history can name them. */
export function createProviderStore({ db, compiled }: StoreContext) {
  const selectLive = () => db.selectFrom('provider').selectAll().where('deleted_at', 'is', null);
  return {
    /** @throws NexusError `provider_exists` while a live provider has the name. */
    async insert(provider: Provider): Promise<void> {
      const result = await db
        .insertInto('provider')
        .values(toRow(provider))
        .onConflict((conflict) => conflict.column('name').where('deleted_at', 'is', null).doNothing())
        .executeTakeFirst();
      if (result.numInsertedOrUpdatedRows !== 1n) throw createExistsError();
    },

    async findById(providerId: string): Promise<Provider | null> {
      const row = await selectLive().where('provider_id', '=', providerId).executeTakeFirst();
      return row === undefined ? null : toProvider(row);
    },

    async findByName(name: string): Promise<Provider | null> {
      const row = await selectLive().where('name', '=', name.toLowerCase()).executeTakeFirst();
      return row === undefined ? null : toProvider(row);
    },

    async findAnyById(providerId: string): Promise<Provider | null> {
      const build = () => db.selectFrom('provider').selectAll().where('provider_id', '=', providerId);
      const { rows } = await db.executeQuery(compiled.get('provider by id', build, [providerId]));
      return rows[0] === undefined ? null : toProvider(rows[0]);
    },

    async list(): Promise<Provider[]> {
      const rows = await selectLive().orderBy('name').execute();
      return rows.map(toProvider);
    },

    /**
     * Replaces the provider unless somebody else did so since `expectedVersion`.
     *
     * @throws NexusError `provider_exists` when another live provider has the name; the transaction is lost then.
     */
    async update(provider: Provider, expectedVersion: number): Promise<boolean> {
      const { provider_id, ...columns } = toRow(provider);
      try {
        const result = await db
          .updateTable('provider')
          .set(columns)
          .where('provider_id', '=', provider_id)
          .where('version', '=', expectedVersion)
          .where('deleted_at', 'is', null)
          .executeTakeFirst();
        return hasWon(result);
      } catch (error) {
        if (error instanceof UniqueViolation) throw createExistsError();
        throw error;
      }
    },

    /**
     * Whether the provider is live, kept so until the transaction ends: a deletion waits for it, and it for a deletion.
     * Written as an update because that is the one lock both databases spell alike.
     */
    async holdLive(providerId: string): Promise<boolean> {
      const result = await db
        .updateTable('provider')
        .set((provider) => ({ version: provider.ref('version') }))
        .where('provider_id', '=', providerId)
        .where('deleted_at', 'is', null)
        .executeTakeFirst();
      return hasWon(result);
    },

    async markDeleted(providerId: string, at: Instant): Promise<boolean> {
      const result = await db
        .updateTable('provider')
        .set({ deleted_at: at, updated_at: at })
        .where('provider_id', '=', providerId)
        .where('deleted_at', 'is', null)
        .executeTakeFirst();
      return hasWon(result);
    },
  };
}

function createExistsError(): NexusError {
  return new NexusError('provider_exists', 'A provider of this name exists already.');
}

function toProvider(row: Selectable<ProviderTable>): Provider {
  return {
    providerId: row.provider_id,
    version: row.version,
    profile: toProfile(decodeJson(row.profile)),
    sealedSecrets: decodeSealed(row.sealed_secrets),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
  };
}

type StoredProfile = Selectable<ProviderTable>['profile'] extends JsonText<infer P> ? P : never;

/** A profile stored by an earlier release does not name what that release did not know. */
function toProfile({ revocationKills, ...stored }: StoredProfile): ProviderProfile {
  return {
    downscope: null,
    errors: {},
    refreshUrl: null,
    introspectionEndpoint: null,
    template: null,
    ...plainQuirks,
    ...(revocationKills === undefined ? {} : { revoke: { ...plainQuirks.revoke, kills: revocationKills } }),
    ...stored,
    refresh: { ...plainQuirks.refresh, ...stored.refresh },
    probe: stored.probe ? { ...plainProbe, ...stored.probe } : null,
  };
}

/** Every read of a credential reads a profile, so a row holds no block that says nothing. */
function withoutPlain(profile: ProviderProfile): StoredProfile {
  const plain: Readonly<Record<string, unknown>> = plainQuirks;
  const telling = Object.entries(profile).filter(
    ([name, value]) => !Object.hasOwn(plain, name) || JSON.stringify(value) !== JSON.stringify(plain[name]),
  );
  return Object.fromEntries(telling) as unknown as StoredProfile;
}

function toRow(provider: Provider): Insertable<ProviderTable> {
  const profile = { ...provider.profile, name: provider.profile.name.toLowerCase() };
  return {
    provider_id: provider.providerId,
    version: provider.version,
    name: profile.name,
    auth_type: profile.authType,
    profile: encodeJson(withoutPlain(profile)),
    sealed_secrets: provider.sealedSecrets,
    created_at: provider.createdAt,
    updated_at: provider.updatedAt,
    deleted_at: provider.deletedAt,
  };
}
