/** Refresh engines over one real database, vault and provider client, at a provider that guards its refresh tokens. */
import { type Clock, systemClock, toInstant } from '@nexus/core/clock';
import { type ScriptedAnswer, type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { createKeyRing } from '@nexus/vault/key-ring';
import { createMemoryKeyProvider } from '@nexus/vault/memory-key-provider';
import { openVault, type Vault } from '@nexus/vault/vault';
import { AuditLog } from '../audit/audit-log.js';
import type { Connection } from '../domain/connection.js';
import type { OauthCredential } from '../domain/credential.js';
import { plainQuirks, type RevokeRecipe } from '../domain/profile-quirks.js';
import type { Provider, ProviderProfile } from '../domain/provider.js';
import type { RequestContext } from '../domain/request-context.js';
import { openCredential, sealCredential } from '../grants/credential-custody.js';
import { sealClientSecrets } from '../grants/provider-secrets.js';
import { createTestClient, type TestClient } from '../oauth/provider-fixture.js';
import type { Database } from '../stores/database.js';
import {
  createCredentialInput,
  createId,
  createProfile,
  insertConnection,
  insertProvider,
} from '../stores/store-fixture.js';
import type { NarrowedToken, NarrowOutcome } from './narrow-outcome.js';
import { RefreshEngine } from './refresh-engine.js';

export const context: RequestContext = {
  requestId: 'request',
  principal: null,
  sessionId: 'sess_1',
  callerIp: null,
  userAgent: null,
};

/**
 * Refresh tokens are `rt-<family>-<n>` and access tokens `at-<family>-<n>`. Whoever shows a refresh token that is not
 * the newest of its family ends the family, as a provider with reuse detection does.
 */
export class StrictAuthority {
  readonly upstream: ScriptedProvider;
  rotates = true;
  /** Families that ended because an old refresh token came back. */
  readonly ended = new Set<string>();
  readonly #newest = new Map<string, number>();
  #minted = 0;

  constructor(upstream: ScriptedProvider) {
    this.upstream = upstream;
    upstream.answer('/token', ({ form }) => this.answer(form));
    upstream.answer('/revoke', { status: 200 });
  }

  answer(form: URLSearchParams): ScriptedAnswer {
    const [, family = '', shown = ''] = (form.get('refresh_token') ?? form.get('subject_token') ?? '').split('-');
    const newest = this.#newest.get(family) ?? 0;
    if (form.has('refresh_token') && newest !== Number(shown)) this.ended.add(family);
    if (this.ended.has(family)) return { status: 400, body: { error: 'invalid_grant' } };
    const next = this.rotates && form.has('refresh_token') ? newest + 1 : newest;
    this.#newest.set(family, next);
    this.#minted += 1;
    const scope = form.get('scope') ?? 'read write';
    const accessToken = `at-${family}-minted${this.#minted}`;
    const body = { access_token: accessToken, scope, token_type: 'bearer', expires_in: 3_600 };
    return { body: form.has('refresh_token') ? { ...body, refresh_token: `rt-${family}-${next}` } : body };
  }

  /** Refresh tokens in the order in which they were shown. */
  shown(family: string): readonly string[] {
    const tokens = this.upstream.requests('/token').map(({ form }) => form.get('refresh_token') ?? '');
    return tokens.filter((token) => token.startsWith(`rt-${family}-`));
  }

  revoked(family: string): readonly string[] {
    const tokens = this.upstream.requests('/revoke').map(({ form }) => form.get('token') ?? '');
    return tokens.filter((token) => token.split('-')[1] === family);
  }
}

type EngineDeps = ConstructorParameters<typeof RefreshEngine>[0];

/** A recipe whose revocations kill this much. */
export function revoking(kills: RevokeRecipe['kills']): RevokeRecipe {
  return { ...plainQuirks.revoke, kills };
}

export interface Connected {
  readonly connection: Connection;
  readonly provider: Provider;
  /** Names its tokens at the authority. */
  readonly family: string;
}

export class EngineRig {
  readonly database: Database;
  readonly vault: Vault;
  readonly authority: StrictAuthority;
  readonly client: TestClient;
  readonly #audit: AuditLog;

  constructor(parts: Pick<EngineRig, 'database' | 'vault' | 'authority' | 'client'>) {
    ({ database: this.database, vault: this.vault, authority: this.authority, client: this.client } = parts);
    const { database, vault } = parts;
    this.#audit = new AuditLog({ database, vault, clock: systemClock, onError: () => undefined });
  }

  /** As in another Broker at the same database. */
  createEngine(clock: Clock = systemClock, changes: Partial<EngineDeps> = {}): RefreshEngine {
    const { database, vault, client } = this;
    return new RefreshEngine({ database, vault, audit: this.#audit, clock, providerClient: client, ...changes });
  }

  /** An active connection with scopes read and write, whose token has an hour to live. */
  async connect(
    profile: Partial<ProviderProfile> = {},
    credential: Partial<OauthCredential> = {},
    sealedVersion = 1,
  ): Promise<Connected> {
    const { database, vault } = this;
    const { upstream } = this.authority;
    const providerId = createId();
    const provider = await insertProvider(database, {
      providerId,
      sealedSecrets: sealClientSecrets(vault, providerId, 1, ['fixture-secret']),
      profile: createProfile({
        tokenUrl: upstream.url('/token'),
        revocationEndpoint: upstream.url('/revoke'),
        downscope: 'refresh',
        ...profile,
      }),
    });
    const pending = await insertConnection(database, providerId);
    const family = createId();
    const held: OauthCredential = {
      kind: 'oauth2',
      accessToken: `at-${family}-own`,
      refreshToken: `rt-${family}-0`,
      tokenType: 'Bearer',
      idToken: null,
      scope: 'read write',
      expiresAt: Math.floor(systemClock.now() / 1_000) + 3_600,
      ...credential,
    };
    await database.transaction(({ connections }) =>
      connections.storeCredential(
        createCredentialInput(pending, {
          sealed: sealCredential(vault, pending, held, sealedVersion, upstream.origin),
          grantedScopes: ['read', 'write'],
          accessExpiresAt: held.expiresAt,
          refreshAfter: held.expiresAt === null ? null : (held.expiresAt - 600) * 1_000,
          hasRefreshToken: held.refreshToken !== null,
          issuedOrigin: upstream.origin,
        }),
      ),
    );
    return { connection: await this.read(pending.connectionRef), provider, family };
  }

  async read(connectionRef: string): Promise<Connection> {
    const connection = await this.database.stores.connections.findByRef(connectionRef);
    if (connection === null) throw new Error('the connection is gone');
    return connection;
  }

  async open(connection: Connection): Promise<OauthCredential> {
    const { sealedCredential } = connection;
    if (sealedCredential === null) throw new Error('the connection holds nothing');
    return (await openCredential(this.vault, { ...connection, sealedCredential })) as OauthCredential;
  }

  narrow(
    engine: RefreshEngine,
    { connection, provider }: Connected,
    store: (token: NarrowedToken) => Promise<boolean> | boolean = () => true,
    scopes: readonly string[] = ['read'],
  ): Promise<NarrowOutcome> {
    const request = { connection, provider, scopes, context, about: { sessionId: 'sess_test' } };
    return engine.narrow({ ...request, store: async (_stores, token) => store(token) });
  }

  /** Entries about the connection, oldest first, as they are stored. */
  async entries(connectionRef: string): Promise<readonly Record<string, unknown>[]> {
    const rows = await this.database.stores.audit.list({ connectionRef, limit: 100 });
    return rows.map(({ entry }) => JSON.parse(entry.entry) as Record<string, unknown>).reverse();
  }

  async close(): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.authority.upstream.close();
  }
}

export async function createEngineRig(database: Database): Promise<EngineRig> {
  const keys = createMemoryKeyProvider();
  const rows = await createKeyRing({ provider: keys, now: toInstant(systemClock.now()) });
  return new EngineRig({
    database,
    vault: await openVault({ provider: keys, loadRows: async () => rows }),
    authority: new StrictAuthority(await startScriptedProvider()),
    client: createTestClient(),
  });
}
