import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface ScratchDatabase {
  readonly url: string;
  /** Drops the database, closing what is still connected to it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Creates an empty PostgreSQL database of its own for the caller, on the server of `TEST_POSTGRES_URL` or else on the
 * one `postgres-global-setup.ts` starts for the test run. Without either it throws: no suite is skipped in silence.
 *
 * @param options.icuLocale gives the database that collation instead of the server's default.
 */
export async function createScratchDatabase(options: { readonly icuLocale?: string } = {}): Promise<ScratchDatabase> {
  const server = await findServer();
  const name = `nexus_test_${randomBytes(8).toString('hex')}`;
  const locale =
    options.icuLocale === undefined ? '' : ` locale_provider icu icu_locale ${pg.escapeLiteral(options.icuLocale)}`;
  await runOnServer(server, `create database ${name} template template0 encoding 'UTF8'${locale}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => runOnServer(server, `drop database if exists ${name} with (force)`),
  };
}

/** The environment variable by which the global setup tells the workers where to ask for the server. */
export const coordinatorVariable = 'NEXUS_TEST_POSTGRES_COORDINATOR';

async function findServer(): Promise<string> {
  const given = process.env['TEST_POSTGRES_URL'];
  if (given !== undefined && given !== '') return given;
  const coordinator = process.env[coordinatorVariable];
  if (coordinator === undefined) {
    throw new Error('No PostgreSQL for tests: set TEST_POSTGRES_URL, or run vitest with postgres-global-setup.ts.');
  }
  const answer = await fetch(coordinator);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`PostgreSQL for tests did not start: ${text}`);
  return text;
}

async function runOnServer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
