import { describeConnectionRequest } from './connection-link.js';
import type { Layout } from './layout.js';
import type { Terminal } from './terminal.js';

const jsonHeader = "-H 'Content-Type: application/json'";

function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function describeTokenCall(layout: Layout, connectionId: string): string {
  return `curl -s ${layout.gatewayUrl}/v1/token/${connectionId}`;
}

function describeRequestCall(layout: Layout, returnUrl: string, providerName: string): string {
  const body = JSON.stringify(describeConnectionRequest(returnUrl, providerName));
  return `curl -s ${layout.gatewayUrl}/v1/request-connection ${jsonHeader} \\\n       -d '${body}'`;
}

function listPlaces(terminal: Terminal, layout: Layout): string[] {
  const rows: (readonly [string, string])[] = [
    ['Gateway', `${layout.gatewayUrl}    API docs: ${layout.gatewayUrl}/docs`],
    ['Broker', `${layout.brokerUrl}    API docs: ${layout.brokerUrl}/docs`],
    ...(layout.demo === null ? [] : [['Demo', `${layout.demo.url}    a demo OpenID provider`] as const]),
    ['Admin key', layout.adminKeyFile],
    ['Gateway key', layout.gatewayKeyFile],
    ['Logs', layout.logDirectory ?? 'this terminal'],
  ];
  return rows.map(([label, value]) => `  ${terminal.faint(label.padEnd(12))} ${value}`);
}

function listDemoCalls(terminal: Terminal, layout: Layout, returnUrl: string): string[] {
  const capture = JSON.stringify({ state: '<state>', credentials: { api_key: 'demo-123' } });
  return [
    terminal.strong('The same by hand'),
    '  1. Ask for a connection, then open the auth_url of the answer in a browser:',
    `     ${describeRequestCall(layout, returnUrl, 'demo')}`,
    '  2. Wait until its status is active (connection_id is in the first answer):',
    `     curl -s '${layout.gatewayUrl}/v1/check-connection/<connection_id>?wait=30'`,
    '  3. Read its token:',
    `     ${describeTokenCall(layout, '<connection_id>')}`,
    '',
    terminal.strong('A static key, without a browser'),
    '  Ask, hand in a key (the demo takes any that starts with demo-), read it back; state and connection_id are in the',
    '  first answer:',
    `     ${describeRequestCall(layout, returnUrl, 'demo-key')}`,
    `     curl -s ${layout.gatewayUrl}/v1/capture-credential ${jsonHeader} \\\n       -d '${capture}'`,
    `     ${describeTokenCall(layout, '<connection_id>')}`,
  ];
}

function listRegistrationCall(terminal: Terminal, layout: Layout): string[] {
  const profile = {
    name: 'acme',
    auth_type: 'oauth2',
    issuer: 'https://login.acme.example',
    enable_discovery: true,
    client_id: '<client id>',
    client_secret: '<client secret>',
    scopes: ['openid', 'offline_access'],
  };
  return [
    terminal.strong('No demo provider was started; register one of your own'),
    `  At the provider, allow the redirect URI ${layout.publicUrl}/auth/callback/acme, then:`,
    `     curl -s ${layout.brokerUrl}/admin/v1/providers ${jsonHeader} \\`,
    `       -H "X-API-Key: $(cat ${quote(layout.adminKeyFile)})" \\`,
    `       -d '${JSON.stringify(profile)}'`,
  ];
}

/** What a newcomer needs once everything runs. */
export function describeStart(terminal: Terminal, layout: Layout): string {
  return [
    '',
    `${terminal.good('Nexus is ready')} ${terminal.faint('(development mode: plain http, this machine only)')}`,
    '',
    ...listPlaces(terminal, layout),
    '',
    ...(layout.demo === null
      ? listRegistrationCall(terminal, layout)
      : listDemoCalls(terminal, layout, layout.demo.returnUrl)),
    '',
    terminal.faint('Stop everything with Ctrl-C. What you did is kept for the next start.'),
  ].join('\n');
}

export function describeLink(terminal: Terminal, authUrl: string): string {
  return [
    '',
    terminal.strong('Connect the demo account: open this link in a browser (good once, for 10 minutes)'),
    `     ${authUrl}`,
  ].join('\n');
}

export function describeReplacedLink(reason: string, authUrl: string): string {
  const why =
    reason === 'expired' ? 'The link ran out unused.' : `The link was used, but nothing was connected (${reason}).`;
  return `\n${why} A new one, good for 10 minutes:\n     ${authUrl}`;
}

export function describeConnected(terminal: Terminal, layout: Layout, connectionId: string): string {
  return [
    '',
    `${terminal.good('Connected:')} the demo account is active. Read its token with:`,
    `     ${describeTokenCall(layout, connectionId)}`,
  ].join('\n');
}

export function describeActivation(
  terminal: Terminal,
  layout: Layout,
  activation: { readonly connectionRef: string; readonly providerName: string | null; readonly isReconnect: boolean },
): string {
  const provider = activation.providerName === null ? '' : ` at ${activation.providerName}`;
  return [
    '',
    `${terminal.good(activation.isReconnect ? 'Reconnected:' : 'Connected:')} connection ${activation.connectionRef}${provider} is active. With its id, read its credential:`,
    `     ${describeTokenCall(layout, '<connection_id>')}`,
  ].join('\n');
}
