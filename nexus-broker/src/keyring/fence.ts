/**
 * What this Broker says of itself to the others: which key-encryption keys it proved to hold, how much of the key ring
 * it knows and which keys it seals with. A step that every replica must be ready for asks these reports.
 */
import { holdsKek } from '@nexus/vault/kek-probe';
import { type KeyProvider, VaultError } from '@nexus/vault/key-provider';
import type { Vault } from '@nexus/vault/vault';
import { goneSeconds, type Kek } from '../domain/key-rotation.js';
import type { Database } from '../stores/database.js';

export interface FenceDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly keyProvider: KeyProvider;
  /** Unique among all Brokers there ever were; operators read it. */
  readonly instanceId: string;
  readonly version: string;
  readonly onBackgroundError: (error: unknown) => void;
}

/** A key that was held is asked for again after this long: a provider may have lost or locked it. */
const proofMs = 60_000;

export class Fence {
  readonly instanceId: string;
  readonly #deps: FenceDeps;
  /** When each key was proved, by the clock of this process. */
  readonly #proofs = new Map<string, number>();
  /** Keys whose absence was reported, so that it is reported once. */
  readonly #absent = new Set<string>();
  #followed = '';
  #known = 0;

  constructor(deps: FenceDeps) {
    this.#deps = deps;
    this.instanceId = deps.instanceId;
  }

  /** The first report; a Broker is ready only after it. */
  async enter(): Promise<void> {
    const { database } = this.#deps;
    if (database.isExclusive) {
      // Whoever was at work before is dead, and so is what it had leased.
      await database.transaction(async (stores) => {
        await stores.brokerInstances.deleteAll();
        await stores.jobLeases.releaseAll();
      });
    }
    await this.prove();
    await this.beat();
  }

  async leave(): Promise<void> {
    await this.#deps.database.transaction((stores) => stores.brokerInstances.delete(this.instanceId));
  }

  /** Takes over what changed in the key ring and gives a sign of life. */
  async beat(): Promise<void> {
    const { database, vault, version } = this.#deps;
    // A Broker that cannot follow the ring goes on with the keys it has, and the others see that it lags.
    await this.#followRing().catch(this.#deps.onBackgroundError);
    await database.transaction(async (stores) => {
      await stores.brokerInstances.beat({
        id: this.instanceId,
        version,
        keks: [...this.#proofs.keys()].sort(),
        sealingKeys: { ...vault.sealingKeys(), known: this.#known },
      });
      await stores.brokerInstances.deleteUnseenFor(goneSeconds);
    });
  }

  /** Asks the key provider for proof of each key-encryption key that is not retired, where the last one is old. */
  async prove(): Promise<void> {
    const keks = (await this.#deps.database.stores.keks.list()).filter((kek) => kek.state !== 'retired');
    for (const id of this.#proofs.keys()) if (!keks.some((kek) => kek.id === id)) this.#proofs.delete(id);
    const due = keks.filter(
      (kek) => performance.now() - (this.#proofs.get(kek.id) ?? Number.NEGATIVE_INFINITY) > proofMs,
    );
    if (due.some((kek) => !this.#proofs.has(kek.id))) {
      await this.#deps.keyProvider.reload().catch((error: unknown) => this.#noteAbsent('', error));
    }
    await Promise.all(due.map((kek) => this.#proveOne(kek)));
  }

  async #proveOne(kek: Kek): Promise<void> {
    const { keyProvider } = this.#deps;
    try {
      if (await holdsKek(keyProvider, { kekId: kek.id, probe: kek.probe, probeKcv: kek.probeKcv })) {
        this.#proofs.set(kek.id, performance.now());
        this.#absent.clear();
        return;
      }
      this.#noteAbsent(
        kek.id,
        new VaultError(
          'missing_key',
          `The key provider "${keyProvider.id}" does not hold key ${JSON.stringify(kek.id)}.`,
        ),
      );
    } catch (error) {
      this.#noteAbsent(kek.id, error);
    }
    this.#proofs.delete(kek.id);
  }

  #noteAbsent(kekId: string, error: unknown): void {
    if (!this.#absent.has(kekId)) this.#deps.onBackgroundError(error);
    this.#absent.add(kekId);
  }

  async #followRing(): Promise<void> {
    const { database, vault } = this.#deps;
    const rows = await database.stores.keyRing.list();
    const state = rows.map((row) => `${row.id}:${row.state}`).join();
    if (state !== this.#followed) await vault.reload();
    this.#followed = state;
    this.#known = Math.max(...rows.map((row) => row.id).filter((id) => vault.knows(id)));
  }
}
