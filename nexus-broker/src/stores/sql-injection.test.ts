import { beforeAll, expect, it } from 'vitest';
import type { AuditEventType, AuditOutcome } from '../domain/audit-event.js';
import type { ConnectionStatus } from '../domain/connection.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import {
  createConnection,
  createCredentialInput,
  createEntry,
  createFlow,
  createKey,
  createProfile,
  createProvider,
  testTime,
} from './store-fixture.js';

const tables = ['provider', 'connection', 'flow', 'api_key', 'return_origin', 'audit_event', 'key_ring', 'migration'];

/** 25 shapes around 20 statements: 500 payloads. */
const shapes = [
  '%',
  "' %",
  '" %',
  "'; %; --",
  '"; %; --',
  "') %; --",
  "')) %; --",
  '`; %; --',
  "\\'; %; --",
  "''; %; --",
  '; %',
  "' or 1=1; %; --",
  "' or '1'='1' -- %",
  "' union select null; %; --",
  '1; %',
  '$1; %',
  '?; %',
  ':name; %',
  '@name; %',
  '$$; %; $$',
  "E'\\'; %; --",
  "'/*'; % /*",
  '\u02bc; %; --',
  "'\n;\n%\n--",
  "x' || (select 1) || '; %",
];
const statements = [
  ...tables.slice(0, 7).map((table) => `delete from ${table}`),
  ...tables.slice(0, 7).map((table) => `drop table ${table}`),
  "update api_key set role = 'admin'",
  "insert into api_key values ('k')",
  'select pg_sleep(10)',
  "attach database '/tmp/x' as x",
  'pragma writable_schema = 1',
  'commit; drop table flow; begin',
];
const payloads = shapes.flatMap((shape) => statements.map((statement) => shape.replace('%', () => statement)));

const atOnce = 10;
const timeoutMs = 120_000;

async function forEachPayload(work: (text: string) => Promise<void>): Promise<void> {
  for (let start = 0; start < payloads.length; start += atOnce) {
    await Promise.all(payloads.slice(start, start + atOnce).map(work));
  }
}

describeEachDatabase('K13: SQL in any string', (open, fixture) => {
  let database: Database;
  let url: string;
  beforeAll(async () => {
    url = await fixture.createUrl();
    database = await open({ url });
  });
  const countRows = async (): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const table of tables) {
      counts[table] = Number((await fixture.runSql(url, `select count(*) as n from ${table}`))[0]?.['n']);
    }
    return counts;
  };
  const provider = createProvider({ profile: createProfile({ name: 'host' }) });
  const connection = createConnection(provider.providerId, { connectionRef: 'host' });

  it('has 500 payloads', () => {
    expect(new Set(payloads).size).toBe(500);
  });

  it(
    'is stored as it is in every string column, and does nothing else',
    async () => {
      await database.transaction(async (stores) => {
        await stores.providers.insert(provider);
        await stores.connections.insert(connection, 600);
      });
      const before = await countRows();
      await forEachPayload((text) => writeEverywhere(database, text));
      const after = await countRows();
      expect(after).toEqual({
        ...before,
        ...Object.fromEntries(
          ['provider', 'connection', 'flow', 'api_key', 'return_origin', 'audit_event'].map((table) => [
            table,
            (before[table] ?? 0) + payloads.length,
          ]),
        ),
      });
      for (const text of payloads) {
        expect((await database.stores.keys.findById(text))?.name).toBe(text);
        expect((await database.stores.connections.findByRef(text))?.metadata).toEqual({ [text]: text });
        expect((await database.stores.providers.findById(text))?.profile.clientId).toBe(text);
        expect((await database.stores.flows.findById(text))?.loginHint).toBe(text);
      }
    },
    timeoutMs,
  );

  it(
    'selects nothing more, and changes nothing, in every filter and condition',
    async () => {
      const before = await countRows();
      await forEachPayload((text) => filterEverywhere(database, text));
      expect(await countRows()).toEqual(before);
    },
    timeoutMs,
  );
});

async function writeEverywhere(database: Database, text: string): Promise<void> {
  const connection = createConnection(text, {
    connectionRef: text,
    idHash: text,
    workspaceId: text,
    metadata: { [text]: text },
    requestedBy: text,
    requestedScopes: [text],
    issuedOrigin: text,
  });
  const flow = createFlow(connection, {
    flowId: text,
    ticketHash: text,
    completionChallenge: text,
    returnUrl: text,
    appName: text,
    scopes: [text],
    loginHint: text,
    expectedSubject: text,
    accountLabel: text,
    requestedBy: text,
    source: text,
  });
  const profile = createProfile({ name: text, displayName: text, clientId: text, params: { [text]: text } });
  const entry = createEntry({
    id: text,
    actorId: text,
    connectionRef: text,
    resourceId: text,
    agentId: text,
    workspaceId: text,
    entry: text,
  });
  await database.transaction(async (stores) => {
    await stores.providers.insert(createProvider({ providerId: text, profile }));
    await stores.connections.insert(connection, 600);
    await stores.flows.insert(flow);
    await stores.keys.insert(createKey({ keyId: text, keyHash: text, name: text, lastFour: text, agentId: text }));
    await stores.returnOrigins.insert({
      returnOriginId: text,
      origin: text,
      appName: text,
      completion: 'bound',
      pathPrefix: text,
      createdAt: testTime,
    });
    await stores.audit.insert([entry]);
    expect(
      await stores.flows.claim({
        flowId: text,
        cookieHash: text,
        stateHash: text,
        redirectUri: text,
        sealedSecrets: null,
      }),
    ).toBe(true);
    const account = { accountSubject: text, accountLabel: text, grantedScopes: [text], issuedOrigin: text };
    expect(await stores.connections.storeCredential(createCredentialInput(connection, account))).toBe(true);
    const intent = { intentId: text, countsAsCall: true, nextAttemptInSeconds: null, failures: 0 };
    const lease = { connectionRef: text, expectedVersion: 1, owner: text, leaseSeconds: 1, intent };
    expect(await stores.connections.claimRefreshLease(lease)).toBe(true);
  });
}

/** The text names one row at most, and is never a known status, type or time. */
async function filterEverywhere(database: Database, text: string): Promise<void> {
  const { audit, connections, flows, keys, providers, returnOrigins } = database.stores;
  const page = { limit: 500 };
  const atMostOne: readonly (readonly unknown[])[] = await Promise.all([
    audit.list({ ...page, connectionRef: text }),
    audit.list({ ...page, resourceId: text }),
    audit.list({ ...page, agentId: text }),
    audit.list({ ...page, actor: text }),
    audit.list({ ...page, workspaceId: text }),
    connections.list({ workspaceId: text }),
    connections.list({ providerId: text }),
    connections.list({ requestedBy: text }),
    connections.list({ connectionRef: text }),
    connections.findStatusesByRefs([text]),
    connections.listByIssuedOrigin(text, text),
  ]);
  expect(atMostOne.map((rows) => rows.length)).toEqual(atMostOne.map(() => 1));
  const none: readonly (readonly unknown[])[] = await Promise.all([
    audit.list({ ...page, outcome: text as AuditOutcome }),
    audit.list({ ...page, eventTypes: [text, `${text}.*`, text as AuditEventType] }),
    connections.list({ status: text as ConnectionStatus }),
  ]);
  expect(none.map((rows) => rows.length)).toEqual([0, 0, 0]);
  // As bounds these texts compare to instants and refs by code points; whatever they select, they change nothing.
  await audit.list({ ...page, since: text, until: text, cursor: { createdAt: text, id: text } });
  await audit.listUnsealed({ createdAt: text, id: text }, 10);
  await connections.list({ after: text, limit: 1 });
  await connections.hasLiveSibling({ providerId: text, accountSubject: text, exceptRef: text });
  await connections.countLive(text);
  await connections.holdCredentials(text);
  await flows.countFruitless(text);
  for (const find of [flows.findByTicketHash, flows.findByStateHash, keys.findByHash, providers.findByName]) {
    expect(await find(text)).not.toBeNull();
  }
  expect(await flows.findByHandleHash(text)).toBeNull();
  expect(await connections.findByIdHash(text)).not.toBeNull();
  expect(await providers.findAnyById(text)).not.toBeNull();
  expect(await returnOrigins.findById(text)).not.toBeNull();
}
