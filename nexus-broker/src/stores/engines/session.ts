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

/**
 * What a statement may take. prompt: it waits for nobody · ordinary: for locks at most · long: it may go through, or
 * rewrite, whole tables
 */
export type Effort = 'prompt' | 'ordinary' | 'long';

/** One connection to one database, as thin as it gets. */
export interface Link {
  run(sql: string, parameters: readonly unknown[], effort: Effort): Rows | Promise<Rows>;
  isUniqueViolation(error: unknown): boolean;
  /** Whether the error leaves the link in a state that nobody knows, so that nothing can be asked over it again. */
  isLost(error: unknown): boolean;
}

export interface LinkSource {
  readonly begin: string;
  acquire(): Promise<Link>;
  /** `isBroken` says that the link is lost, or that its transaction could not be ended. */
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
      const { rows, affected } = await this.#run(query.sql, query.parameters, effortOf(query));
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
    await this.#control(statement, 'prompt');
    this.#state = 'open';
  }

  async commit(): Promise<void> {
    if (this.#state !== 'open') throw new Error('A failed transaction cannot be committed.');
    await this.#control('commit', 'ordinary');
    this.#state = 'idle';
  }

  async #control(statement: string, effort: Effort): Promise<void> {
    try {
      await this.#run(statement, [], effort);
    } catch (error) {
      throw translateOutage(error);
    }
  }

  async #run(sql: string, parameters: readonly unknown[], effort: Effort): Promise<Rows> {
    try {
      return await this.link.run(sql, parameters, effort);
    } catch (error) {
      if (this.link.isLost(error)) this.isBroken = true;
      throw error;
    }
  }

  /** Never throws: the error that led here is the one worth reporting. */
  async rollback(): Promise<void> {
    // The server rolls back by itself what it sees no end of.
    if (this.isBroken) return;
    try {
      await this.#run('rollback', [], 'prompt');
      this.#state = 'idle';
    } catch {
      this.isBroken = true;
    }
  }
}

function effortOf({ query }: CompiledQuery): Effort {
  const isOrdinary = ['SelectQueryNode', 'InsertQueryNode', 'UpdateQueryNode'].includes(query.kind);
  return isOrdinary ? 'ordinary' : 'long';
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
