import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { CommandError, exits } from '../command.js';
import { readScreen } from '../views/screen.js';
import type { Dashboard } from './read-status.js';
import { watchStatus } from './watch-status.js';

const dashboard = {
  version: '0.1.0',
  environment: 'development',
  uptime_seconds: 7_263,
  database: 'sqlite',
  migrations: [],
  connections: { active: 2 },
  attention: {},
  refresh: { backlog: 0, in_doubt: 0, unsaved: 0, closest: [], blocked: [], calls: [] },
  audit_grants: false,
  keys: [],
  sealing: { sealed: 1, lag_seconds: 0, refused: 0, checkpoint_size: null, checkpoint_at: null },
  webhooks: null,
  read_at: '2026-01-01T00:00:00.000Z',
} as const satisfies Dashboard;

const down = new CommandError(exits.unreadable, 'the Broker at http://broker.example cannot be reached: ECONNREFUSED');

/** One answer a tick; the last stops the watch. */
async function watch(
  answers: readonly (Dashboard | CommandError)[],
  terminal: { columns: number; rows: number } | null,
) {
  const stdout = Object.assign(new PassThrough(), { isTTY: terminal !== null, ...terminal });
  const stderr = new PassThrough();
  const controller = new AbortController();
  const left = [...answers];
  const reader = {
    async read(): Promise<Dashboard> {
      const next = left.shift();
      if (left.length === 0) setImmediate(() => controller.abort());
      if (next === undefined || next instanceof CommandError) throw next;
      return next;
    },
  };
  const screen = readScreen({ env: {}, stream: stdout, noColour: true });
  const context = {
    env: {},
    stdin: new PassThrough(),
    stdout,
    stderr,
    screen,
    profile: null,
    outputLost: controller.signal,
  };
  await watchStatus(reader, { isJson: terminal === null, signal: controller.signal, intervalMs: 1 }, context);
  await sleep(0);
  return [String(stdout.read() ?? '').replaceAll('\u001b', '␛'), String(stderr.read() ?? '')] as const;
}

it('draws in place on a terminal, in its size, and leaves what was seen last', async () => {
  const [text] = await watch([dashboard], { columns: 60, rows: 10 });
  const [entered, shown = '', left = ''] = text.split(/␛\[H|␛\[J␛\[\?25h␛\[\?1049l/);
  expect(entered).toBe('␛[?1049h␛[?25l');
  expect(shown.split('␛[K\n')).toHaveLength(10);
  expect(shown).toMatch(/^Broker +0\.1\.0, up 2 h 1 min␛\[K\n/);
  expect(left).toMatch(/^Broker +0\.1\.0[\s\S]*\nRefreshes\n[\s\S]*\n$/);
});

it('draws on a terminal that does not know its size', async () => {
  const [text] = await watch([dashboard], { columns: 0, rows: 0 });
  expect(text).toMatch(/␛\[HBroker +0\.1\.0, up 2 h 1 min␛\[K\n/);
});

it('writes a line a tick into a pipe, and outlives an outage, which it tells once', async () => {
  const turned = { ...dashboard, migrations: ['\u202e'] };
  const [text, told] = await watch([dashboard, down, down, turned], null);
  expect(
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).version),
  ).toEqual(['0.1.0', '0.1.0']);
  expect(text).not.toContain('\u202e');
  expect(told).toBe(`nexus-cli: ${down.message}; trying again\n`);
});

it('ends with a refusal', async () => {
  const refusal = new CommandError(exits.refused, 'refused by the Broker');
  await expect(watch([refusal, dashboard], null)).rejects.toBe(refusal);
});
