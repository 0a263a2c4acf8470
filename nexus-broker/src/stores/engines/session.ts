/**
 * The part of a database driver that both engines share, so that they fail alike: after a failed statement a
 * transaction accepts no further one and cannot commit, as PostgreSQL has it; and a reading session refuses to write.
 */
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';
import { checkParameters } from '../codecs.js';
import { translateOutage } from './unavailable.js';

export interface Rows {
  readonly rows: unknown[];
  readonly affected: number;
}

/** One connection to one database, as thin as it gets. */
export interface Link {
  run(sql: string, parameters: readonly unknown[]): Rows | Promise<Rows>;
  isUniqueViolation(error: unknown): boolean;
}

export interface LinkSource {
  readonly begin: string;
  acquire(): Promise<Link>;
  /** `isBroken` says that the link's transaction could not be ended. */
  release(link: Link, isBroken: boolean): void;
}

/** A unique index refused the statement. */
export class UniqueViolation extends Error {
  override readonly name = 'UniqueViolation';
}

class Session implements DatabaseConnection {
  readonly link: Link;
  readonly #isReadOnly: boolean;
  #state: 'idle' | 'open' | 'failed' = 'idle';
  isBroken = false;

  constructor(link: Link, isReadOnly: boolean) {
    this.link = link;
    this.#isReadOnly = isReadOnly;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#isReadOnly && query.query.kind !== 'SelectQueryNode') throw new Error('Writing needs a transaction.');
    if (this.#state === 'failed') throw new Error('An earlier statement of this transaction failed.');
    try {
      checkParameters(query.parameters);
      const { rows, affected } = await this.link.run(query.sql, query.parameters);
      return { rows: rows as R[], numAffectedRows: BigInt(affected) };
    } catch (error) {
      if (this.#state === 'open') this.#state = 'failed';
      if (this.link.isUniqueViolation(error)) throw new UniqueViolation('The row exists already.', { cause: error });
      throw translateOutage(error);
    }
  }

  // biome-ignore lint/correctness/useYield: Kysely asks for the method; nothing here streams.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('Streaming is not supported.');
  }

  async begin(statement: string): Promise<void> {
    await this.#control(statement);
    this.#state = 'open';
  }

  async commit(): Promise<void> {
    if (this.#state !== 'open') throw new Error('A failed transaction cannot be committed.');
    await this.#control('commit');
    this.#state = 'idle';
  }

  async #control(statement: string): Promise<void> {
    try {
      await this.link.run(statement, []);
    } catch (error) {
      throw translateOutage(error);
    }
  }

  /** Never throws: the error that led here is the one worth reporting. */
  async rollback(): Promise<void> {
    try {
      await this.link.run('rollback', []);
      this.#state = 'idle';
    } catch {
      this.isBroken = true;
    }
  }
}

export function createDriver(source: LinkSource, options: { readonly isReadOnly: boolean }): Driver {
  const asSession = (connection: DatabaseConnection): Session => {
    if (!(connection instanceof Session)) throw new TypeError('a connection of another driver');
    return connection;
  };
  return {
    init: async () => undefined,
    acquireConnection: async () => {
      const link = await source.acquire().catch((error: unknown) => {
        throw translateOutage(error);
      });
      return new Session(link, options.isReadOnly);
    },
    beginTransaction: (connection) => asSession(connection).begin(source.begin),
    commitTransaction: (connection) => asSession(connection).commit(),
    rollbackTransaction: (connection) => asSession(connection).rollback(),
    releaseConnection: async (connection) => {
      const session = asSession(connection);
      source.release(session.link, session.isBroken);
    },
    destroy: async () => undefined,
  };
}
