/** Some Brokers' refresh engines over one real database, one connection they share, and a provider that guards it. */
import { type Clock, toInstant } from '@nexus/core/clock';
import { GrantFamilies, type IssuedGrant } from '@nexus/testkit/grant-families';
import type { Vault } from '@nexus/vault/vault';
import type Sqlite from 'better-sqlite3';
import type { AuditLog } from '../../audit/audit-log.js';
import type { Connection } from '../../domain/connection.js';
import type { OauthCredential } from '../../domain/credential.js';
import { refreshDueAt } from '../../domain/grant.js';
import type { Provider } from '../../domain/provider.js';
import { openCredential, sealCredential } from '../../grants/credential-custody.js';
import { RefreshEngine } from '../../refresh/refresh-engine.js';
import type { RenewalSpool, SpoolEntry } from '../../refresh/renewal-spool.js';
import { UnsavedRenewals } from '../../refresh/unsaved-renewals.js';
import type { Database } from '../../stores/database.js';
import { createCredentialInput, insertConnection } from '../../stores/store-fixture.js';
import { Authority, type Call, origin } from './authority.js';
import type { SetupPlan } from './refresh-plan.js';
import type { Replica } from './replica.js';
import { type DatabaseFaults, openReplicaDatabase } from './replica-database.js';
import type { Timeline } from './timeline.js';

/** What outlives a Broker: its clock and its disk. */
interface Host {
  skewMs: number;
  readonly spooled: Map<number, Uint8Array>;
}

/** What all runs share. */
export interface Ground {
  readonly database: Database;
  /** Reads the same database at once. */
  file: Sqlite.Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  /** The clock of the database, and true time. */
  timeline: Timeline;
  provider(setup: SetupPlan): Promise<Provider>;
}

/** Columns of the connection's row that no domain object has. */
export interface Row {
  readonly status: string;
  readonly reason: string | null;
  readonly version: number;
  readonly access_expires_at: number | null;
  readonly intent_id: string | null;
  readonly lease_until: string | null;
}

export class World {
  readonly ground: Ground;
  readonly setup: SetupPlan;
  readonly provider: Provider;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly connectionRef: string;
  readonly authority: Authority;
  readonly databaseFaults: DatabaseFaults = { isDown: false, downUntilMs: 0, commitsToHide: 0 };
  readonly replicas: Replica[] = [];
  readonly hosts: Host[] = [];
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  readonly backgroundErrors: unknown[] = [];
  /** The family of the last consent. */
  family = '';
  hasFaults = false;
  hasJumps = false;
  hasHiddenCommit = false;
  /** Whether somebody may have been kept from telling how a call ended. */
  hasOrphans = false;
  isDeletionAsked = false;
  isDeleted = false;
  isRevokedByUser = false;
  /** The highest version that any caller has seen. */
  seenVersion = 0;
  /** Reads that were answered with a credential. */
  reads = 0;
  /** When the database was out of reach last. */
  databaseDownAtMs = 0;

  static async open(ground: Ground, setup: SetupPlan, random: () => number): Promise<World> {
    const provider = await ground.provider(setup);
    const pending = await insertConnection(ground.database, provider.providerId);
    const world = new World(ground, { setup, provider, connectionRef: pending.connectionRef, random });
    await world.connect();
    for (let number = 0; number < setup.replicas; number++) {
      world.hosts.push({ skewMs: 0, spooled: new Map() });
      await world.boot(number);
    }
    while (world.replicas.some(({ isReady }) => !isReady)) await ground.timeline.goOn(0);
    return world;
  }

  private constructor(ground: Ground, input: Pick<World, 'setup' | 'provider' | 'connectionRef' | 'random'>) {
    this.ground = ground;
    ({ setup: this.setup, provider: this.provider, connectionRef: this.connectionRef, random: this.random } = input);
    const { rotation, graceSeconds, graceAnswer, accessTokenSeconds } = this.setup;
    const { timeline } = ground;
    const rules = { rotation, graceSeconds, graceAnswer, accessTokenSeconds };
    const families = new GrantFamilies({ ...rules, now: () => timeline.nowMs, random: input.random });
    this.authority = new Authority({ families, timeline, onSend: (call) => this.#judgeSending(call) });
  }

  /** Starts a Broker where there is none, or in the place of one that died. */
  async boot(number: number): Promise<void> {
    const { database, vault, audit, timeline } = this.ground;
    const host = this.hosts[number];
    if (host === undefined) throw new Error('there is no such host');
    const mortal = { isAlive: true };
    const clock: Clock = { now: () => timeline.nowMs + host.skewMs };
    const isExclusive = this.setup.replicas === 1;
    const own = openReplicaDatabase(database, mortal, { timeline, faults: this.databaseFaults, isExclusive });
    const onError = (error: unknown) => this.backgroundErrors.push(error);
    const unsaved = new UnsavedRenewals({ spool: createSpool(host), vault, onError });
    const replica = Object.assign(mortal, { number, clock, database: own, unsaved, isReady: false }) as Replica;
    const providerClient = this.authority.createClient(replica);
    const monotonicMs = () => timeline.nowMs;
    const { random } = this;
    const time = { clock, random, monotonicMs, sleep: (ms: number) => timeline.sleep(ms) };
    const engine = new RefreshEngine({ database: own, vault, audit, providerClient, unsaved, ...time });
    Object.assign(replica, { engine });
    this.replicas[number] = replica;
    const start = async () => {
      await engine.forgetEarlierBoots();
      await unsaved.recover(own.stores);
    };
    // One that cannot reach its database ends, and is started again.
    const serve = async (): Promise<void> => {
      await start().catch(async () => {
        await timeline.sleep(1_000);
        await serve();
      });
      replica.isReady = true;
    };
    serve().catch(onError);
  }

  /** Ends a Broker at once; what it sent is on its way. */
  crash(number: number): void {
    const replica = this.replicas[number];
    if (replica === undefined) return;
    replica.isAlive = false;
    const isSpooled = (this.hosts[number]?.spooled.size ?? 0) > 0;
    for (const call of this.authority.calls) {
      if (call.by !== replica || (isSpooled && !call.isOpen)) continue;
      // Whether its answer was stored shows in the version.
      if (this.row().version === call.version) call.isLost = true;
      call.isOpen = false;
    }
  }

  /** A person consents, for the first time or again. */
  async connect(): Promise<boolean> {
    const { database, vault, timeline } = this.ground;
    const connection = await this.read();
    if (connection.status === 'revoked') return false;
    const grant = this.authority.families.issue();
    const held = toCredential(grant);
    const { connectionRef, version } = connection;
    const sealed = sealCredential(vault, connection, held, version + 1, origin);
    await database.transaction(({ connections }) =>
      connections.storeCredential({
        ...createCredentialInput(connection),
        // Another connection of the same account would keep a deletion from revoking.
        accountSubject: connectionRef,
        from: ['pending', 'active', 'attention'],
        sealed,
        grantedScopes: ['read', 'write'],
        accessExpiresAt: held.expiresAt,
        refreshAfter: refreshDueAt(held, timeline.nowMs, connectionRef, version + 1),
        issuedOrigin: origin,
        at: toInstant(timeline.nowMs),
      }),
    );
    this.family = grant.family;
    this.isRevokedByUser = false;
    return true;
  }

  row(): Row {
    const select = this.ground.file.prepare<[string], Row>('select * from connection where connection_ref = ?');
    const row = select.get(this.connectionRef);
    if (row === undefined) throw new Error('the connection is gone');
    return row;
  }

  async read(): Promise<Connection> {
    const found = await this.ground.database.stores.connections.findByRef(this.connectionRef);
    if (found === null) throw new Error('the connection is gone');
    return found;
  }

  /** What the row holds; null where it holds nothing. */
  async held(): Promise<OauthCredential | null> {
    const connection = await this.read();
    const { sealedCredential } = connection;
    if (sealedCredential === null) return null;
    return (await openCredential(this.ground.vault, { ...connection, sealedCredential })) as OauthCredential;
  }

  violate(invariant: string, detail: unknown = null): void {
    this.violations.push(`${invariant}: ${JSON.stringify(detail)}`);
    this.tell(`VIOLATION ${invariant}`);
  }

  tell(line: string): void {
    this.trace.push(`${((this.ground.timeline.nowMs - startMs) / 1_000).toFixed(3)} ${line}`);
  }

  #judgeSending({ kind, family, tokenIndex, by }: Pick<Call, 'kind' | 'family' | 'tokenIndex' | 'by'>) {
    const { calls } = this.authority;
    const { nowMs } = this.ground.timeline;
    const row = this.row();
    this.tell(`replica ${by.number} sends rt ${family}/${tokenIndex} to ${kind} (version ${row.version})`);
    const open = calls.find((call) => call.family === family && call.isOpen && call.by.isAlive);
    if (open !== undefined) this.violate('I1 one request is open at a time', { family, tokenIndex, kind });
    // Whoever replaces or ends the credential meanwhile takes the intent with it.
    const isReplaced = family !== this.family || row.status !== 'active';
    if (row.intent_id === null && !isReplaced)
      this.violate('I12 a call is made under an intent', { family, tokenIndex, kind });
    const isExpired = row.access_expires_at !== null && row.access_expires_at * 1_000 <= nowMs;
    // A call whose answer was lost, whatever it was for, is repeated once; that one counts as a part of it.
    const recent = calls.filter((call) => call.family === family && nowMs - call.sentAtMs < 30_000);
    const isRetry =
      recent.at(-1)?.isLost === true && recent.filter(({ isLost, wasRepeated }) => isLost && !wasRepeated).length === 1;
    const isSoon = recent.some((call) => call.kind === 'refresh');
    if (kind === 'refresh' && isSoon && !isRetry && !isExpired && !this.hasJumps) {
      this.violate('I17 at most one call in 30 s', { recent: recent.length });
    }
    const { isKnown, rotation, graceSeconds } = this.setup;
    const isDangerous = isKnown && rotation === 'strict' && graceSeconds === 0;
    const wasLost = calls.some((call) => call.family === family && call.tokenIndex === tokenIndex && call.isLost);
    const hasTime = (row.access_expires_at ?? 0) * 1_000 - nowMs >= 60_000;
    if (isDangerous && wasLost && hasTime && !this.hasJumps) {
      this.violate('I1 a strict provider is not asked again while the token lives', { tokenIndex });
    }
    return { intentId: isReplaced ? null : row.intent_id, version: row.version };
  }
}

export const startMs = Date.UTC(2030, 0, 1);

function toCredential({ accessToken, refreshToken, expiresAt }: IssuedGrant): OauthCredential {
  const scope = 'read write';
  return { kind: 'oauth2', accessToken, refreshToken, tokenType: 'Bearer', idToken: null, scope, expiresAt };
}

/** The spool of a host without its file: what it takes is there at the next boot. */
function createSpool({ spooled }: Host): RenewalSpool {
  const found: readonly SpoolEntry[] = [...spooled].map(([slot, content]) => ({ slot, content }));
  const spool: Pick<RenewalSpool, 'write' | 'erase' | 'listFound'> = {
    listFound: () => found,
    write: async (content) => {
      const slot = Math.max(-1, ...spooled.keys()) + 1;
      spooled.set(slot, content);
      return slot;
    },
    erase: async (slot) => {
      spooled.delete(slot);
    },
  };
  return spool as RenewalSpool;
}
