import { afterAll, beforeAll, describe, it } from 'vitest';
import { registerStaticProvider, requestConnection } from '../support/fixtures.js';
import { type Stack, startStack } from '../support/stack.js';
import { connectStatically, registerForConnections } from '../support/static-connections.js';
import { expectGolden } from './golden.js';

type Masks = readonly (readonly [RegExp, string])[];

/** What is shown of a running installation. */
describe('nexus-cli shows', () => {
  let stack: Stack;
  let env: Readonly<Record<string, string>>;
  let connectionId: string;

  beforeAll(async () => {
    stack = await startStack({ engine: 'sqlite' });
    env = { NEXUS_BROKER_URL: stack.brokerUrl, NEXUS_GATEWAY_URL: stack.gatewayUrl, NEXUS_API_KEY: stack.adminKey };
    await registerForConnections(stack);
    await registerStaticProvider(stack, { display_name: 'Acme, by key' });
    [{ connection_id: connectionId } = { connection_id: '' }] = await connectStatically(stack, 2);
    await requestConnection(stack, { provider_name: 'acme-key' });
    const body = { url: 'http://127.0.0.1:1/hook', events: ['connection.attention'] };
    await stack.broker('POST', '/admin/v1/webhooks', { body });
  });
  afterAll(() => stack.close());

  const versions: Masks = [[/0\.1\.0/g, '0.0.0']];
  const times: Masks = [
    [/\bup \d+ s\b/g, 'up 0 s'],
    [/(active +)\d+ s\b/g, '$10 s'],
    [/\d+ migrations, newest \S+/g, 'N migrations, newest NAME'],
    [/\d+ (entries, all sealed|migrations)/g, 'N $1'],
    [/(checkpoint\s+(?:␛\[0m)?)(at \d+, \S+|none yet)/g, '$1WHERE'],
    [/(audit log\s+(?:␛\[0m)?).*/g, '$1STATE'],
  ];

  it('its status', () => expectGolden('status', { args: ['status'], env, masks: [...versions, ...times] }));

  it('what the doctor finds', async () => {
    const masks: Masks = [
      ...versions,
      ...times,
      [/\d+ entries sealed, .*|\d+ entries, all sealed/g, 'N entries, all sealed'],
    ];
    await expectGolden('doctor', { args: ['doctor'], env, masks });
    const elsewhere = { NEXUS_BROKER_URL: 'http://127.0.0.1:9', NEXUS_API_KEY: 'nxa_fixture' };
    await expectGolden('doctor-unreachable', { args: ['doctor'], env: elsewhere });
  });

  it('a credential, masked', () => expectGolden('token', { args: ['token', '-'], env, input: `${connectionId}\n` }));

  it('a link and a code for whoever connects', async () => {
    const masks: Masks = [
      [/nx([ct])_\w{49}/g, 'nx$1_EXAMPLE'],
      [/(␛\[97;40m)[█▀▄ ]+/g, '$1CODE'],
      [/\r?␛\[2K(waiting [^\r␛]*)?/g, ''],
    ];
    const flow = ['connect', 'acme-key', '--workspace', 'workspace-1', '--wait', '1', '--reveal', '--json'];
    await expectGolden('connect', { args: [...flow, '--return-url', 'http://127.0.0.1:1/done'], env, masks });
  });

  it('entries of the log', async () => {
    const masks: Masks = [
      [/by key [0-9A-Za-z]{4}\b/g, 'by key 0000'],
      [/\d\d-\d\d \d\d:\d\d:\d\d/g, '01-01 00:00:00'],
      [/\b01[0-9A-Z]{0,23}…/g, '01…'],
      [/ \d+ +(provider|connection)\./g, ' N      $1.'],
    ];
    // Those of nobody in particular are counted by the minute.
    const args = ['--event-type', 'provider.*', '--event-type', 'connection.activated'];
    await expectGolden('audit-query', {
      args: ['audit', 'query', '--order', 'asc', '--limit', '6', ...args],
      env,
      masks,
    });
    await expectGolden('audit-tail', {
      args: ['audit', 'tail', '-n', '2', '--event-type', 'provider.created'],
      env,
      masks,
    });
  });
});

describe('nexus-cli shows of the catalogue', () => {
  it('what a search finds', () => expectGolden('catalogue-search', { args: ['catalogue', 'search', 'gmail'] }));

  it('a template, and what there is when there is none of that name', async () => {
    await expectGolden('catalogue-show', { args: ['catalogue', 'show', 'google'] });
    await expectGolden('catalogue-show-unknown', { args: ['catalogue', 'show', 'googol'] });
  });
});
