import type { KeyProvider } from './key-provider.js';
import { VaultError } from './key-provider.js';
import type { KeyRingRow } from './key-ring.js';
import { createMemoryKeyProvider } from './memory-key-provider.js';
import { openVault, type Vault } from './vault.js';
import { createRow, createRows, type ExampleRow } from './vault-fixture.js';

/** A vault over rows and a provider that a test may change behind its back. */
export class LiveVault {
  readonly provider: KeyProvider;
  rows: readonly KeyRingRow[] = [];
  loads = 0;
  unwraps: number[] = [];
  /** The arrays in which the provider gave keys away. */
  readonly handedOut: Uint8Array[] = [];
  /** Thrown by the next loads of the rows. */
  failure: Error | null = null;
  isProviderAway = false;
  vault!: Vault;

  private constructor(provider: KeyProvider) {
    this.provider = {
      id: provider.id,
      keys: () => this.#ask(() => provider.keys()),
      primary: () => provider.primary(),
      wrap: (...input) => provider.wrap(...input),
      unwrap: async (...input) => {
        this.unwraps.push(Number(input[2]['dek_id']));
        const key = await this.#ask(() => provider.unwrap(...input));
        this.handedOut.push(key);
        return key;
      },
      reload: () => this.#ask(() => provider.reload()),
    };
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.isProviderAway) throw new VaultError('provider_failed', 'away');
    return question();
  }

  static async open(more: readonly ExampleRow[] = [], provider = createMemoryKeyProvider()): Promise<LiveVault> {
    const live = new LiveVault(provider);
    live.rows = await createRows(provider, more);
    live.vault = await openVault({
      provider: live.provider,
      loadRows: async () => {
        live.loads += 1;
        if (live.failure !== null) throw live.failure;
        return live.rows;
      },
    });
    live.unwraps = [];
    live.loads = 0;
    return live;
  }

  async add(row: ExampleRow): Promise<void> {
    this.rows = [...this.rows, await createRow(this.provider, row)];
  }

  edit(id: number, edit: Partial<KeyRingRow>): void {
    this.rows = this.rows.map((row) => (row.id === id ? { ...row, ...edit } : row));
  }
}
