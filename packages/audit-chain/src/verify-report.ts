/** What a verification finds, and the exit code that stands for it. */

/** The exit codes of everything that verifies a log; docs/audit/format.md describes each. */
export const exitCodes = {
  good: 0,
  usage: 2,
  unreadable: 3,
  entry: 10,
  chain: 11,
  checkpoint: 12,
  history: 13,
  store: 14,
  archive: 15,
} as const;

export type ProblemKind = Exclude<keyof typeof exitCodes, 'good' | 'usage'>;

/** The order in which kinds are looked for: the first that was found decides the exit code. */
const kindsInOrder: readonly ProblemKind[] = [
  'unreadable',
  'entry',
  'chain',
  'checkpoint',
  'history',
  'archive',
  'store',
];

export interface Problem {
  readonly code: number;
  /** The sequence number it was found at; null where it has none. */
  readonly seq: number | null;
  readonly message: string;
}

const listedOfEachKind = 100;

export class Problems {
  readonly #found = new Map<ProblemKind, Problem[]>();
  readonly #counts = new Map<ProblemKind, number>();
  #count = 0;

  add(kind: ProblemKind, seq: number | null, message: string): void {
    this.#count += 1;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    const listed = this.#found.get(kind);
    const problem = { code: exitCodes[kind], seq, message };
    if (listed === undefined) this.#found.set(kind, [problem]);
    else if (listed.length < listedOfEachKind) listed.push(problem);
  }

  /** Takes over what another verification found, in its own kinds. */
  addAll(others: Problems, prefix: string): void {
    for (const [kind, problems] of others.#found) {
      for (const { seq, message } of problems) this.add(kind, seq, `${prefix}${message}`);
    }
  }

  get count(): number {
    return this.#count;
  }

  get exitCode(): number {
    const first = kindsInOrder.find((kind) => this.#found.has(kind));
    return first === undefined ? exitCodes.good : exitCodes[first];
  }

  /** How many of each code there are, listed or not. */
  countByCode(): Readonly<Record<number, number>> {
    return Object.fromEntries([...this.#counts].map(([kind, count]) => [exitCodes[kind], count]));
  }

  /** At most a hundred, those that decide the exit code first. */
  list(): readonly Problem[] {
    return kindsInOrder.flatMap((kind) => this.#found.get(kind) ?? []).slice(0, listedOfEachKind);
  }
}

/** The entries of a period, by their time. */
export interface PeriodCount {
  readonly entries: number;
  readonly first_seq: number | null;
  readonly last_seq: number | null;
}

export interface Report {
  readonly exitCode: number;
  readonly problems: readonly Problem[];
  /** May be more than are listed. */
  readonly problemCount: number;
  /** How many there are of each code. */
  readonly problemsByCode: Readonly<Record<number, number>>;
  /** Sealed entries that were read, archives included. */
  readonly entries: number;
  readonly unsealed: number;
  readonly checkpoints: number;
  /** Sequence numbers of what was read, archives included; null for a log without a sealed entry. */
  readonly range: { readonly first: number; readonly last: number } | null;
  /** The last entry that a valid checkpoint covers; what comes after it is proved by nothing yet. */
  readonly checkpointed: number;
  /** The keys that were trusted, as auditors keep them. */
  readonly verifierKeys: readonly string[];
  /** Values of the store that were compared; null where none was given. */
  readonly stored: number | null;
  /** Null where no period was asked for. */
  readonly period: PeriodCount | null;
  readonly notices: readonly string[];
}
