import { describe, expect, it } from 'vitest';
import { renderLine, type Screen } from '../views/screen.js';
import { widthOf } from '../views/width.js';
import type { Change } from './changes.js';
import { viewPlan } from './view-plan.js';

const moved: Change = {
  section: 'providers',
  address: 'providers/acme',
  action: 'update',
  fields: [
    {
      path: 'token_url',
      before: 'https://login.accounts.example.com/oauth2/v2/token',
      after: 'https://login.accounts.example.com.evil.example/oauth2/v2/token',
    },
    { path: 'allowed_origins', before: [], after: ['https://login.accounts.example.com.evil.example'], template: true },
  ],
  notes: ['connections stay bound to the origin they were made at: connect them again, or rebind the provider'],
  impact: { connections: 1, pending: 2, agents: ['clerk'], keys: 0, sessions: 0 },
  refused: null,
};

function view(change: Change, columns: number): string[] {
  const screen: Screen = { columns, colour: false, isTerminal: true };
  const untouched = [{ address: 'keys/ci', note: 'ci.key is not on this machine; --rotate keys/ci makes a new one' }];
  return viewPlan({ changes: [change], untouched }, screen).map((line) => renderLine(line, screen));
}

describe('a plan on a narrow screen', () => {
  it.each([40, 80, 120])('shows all of a change, in %d columns', (columns) => {
    for (const action of ['update', 'create'] as const) {
      const lines = view({ ...moved, action }, columns);
      expect(lines.filter((line) => widthOf(line) > columns)).toEqual([]);
      const text = lines.map((line) => line.replace(/^ +([-+] )?/, '')).join('');
      expect(text).toContain('"https://login.accounts.example.com.evil.example/oauth2/v2/token"');
      expect(text).not.toContain('…');
      if (action === 'update') expect(text).toContain('"https://login.accounts.example.com/oauth2/v2/token"');
    }
  });

  it('tells what lives from what was only begun', () => {
    expect(view(moved, 80).join()).toContain('concerns 1 live connection, 2 pending, 1 agent (clerk)');
  });
});
