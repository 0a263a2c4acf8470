import { describe, expect, it } from 'vitest';
import { planLayout } from './layout.js';
import { describeStart } from './messages.js';
import { createTerminal } from './terminal.js';

function plan(demoPort: number | null, environment: Record<string, string> = {}) {
  return planLayout({
    options: { dataDirectory: '/data', gatewayPort: 1, brokerPort: 2, demoPort, readyFile: null },
    ports: new Map([['gateway', 1], ['broker', 2], ...(demoPort === null ? [] : ([['demo', demoPort]] as const))]),
    environment,
    workingDirectory: '/',
  });
}

function describePlan(layout: ReturnType<typeof plan>, terminal = createTerminal({ write: () => true }, {})): string {
  return describeStart(terminal, layout);
}

describe('describeStart', () => {
  it('has the addresses, key files, logs and the calls a newcomer needs', () => {
    const text = describePlan(plan(3));
    for (const part of [
      'http://127.0.0.1:1/docs',
      'http://127.0.0.1:2/docs',
      '/data/admin.key',
      '/data/gateway.key',
      '/data/logs',
      '/v1/request-connection',
      '/v1/check-connection/<connection_id>?wait=30',
      '/v1/token/<connection_id>',
      '/v1/capture-credential',
      '"provider_name":"demo-key"',
      'Ctrl-C',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('shows how to register a provider where there is no demo', () => {
    const text = describePlan(plan(null, { PUBLIC_URL: 'https://nexus.example/' }));
    expect(text).toContain('https://nexus.example/auth/callback/acme');
    expect(text).toContain('http://127.0.0.1:2/admin/v1/providers');
    expect(text).toContain('$(cat /data/admin.key)');
    expect(text).not.toContain('demo-key');
  });

  it('has no colours unless a terminal shows them and NO_COLOR does not forbid them', () => {
    const write = () => true;
    const colour = '\u001b[';
    expect(describePlan(plan(3))).not.toContain(colour);
    expect(describePlan(plan(3), createTerminal({ write, isTTY: true }, { NO_COLOR: '1' }))).not.toContain(colour);
    expect(describePlan(plan(3), createTerminal({ write, isTTY: true }, {}))).toContain(colour);
  });
});
