import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createScratchDatabase } from '@nexus/testkit/postgres';
import { describe, expect, it } from 'vitest';
import { createSeededRandom } from '../support/seeded-random.js';
import { reservePorts, type ServiceProcess, spawnService, startService } from '../support/service-process.js';
import { type Engine, engines } from '../support/stack.js';

const main = 'nexus-broker/dist/main.js';
/** Files a first start writes, in this order; the last one stands for the end of it. */
const written = ['kek.key', 'admin.key', 'gateway.key'] as const;

async function waitForFile(folder: string, name: string, service: ServiceProcess): Promise<void> {
  let isEnded = false;
  void service.ended.then(() => {
    isEnded = true;
  });
  while (!isEnded && !(await readdir(folder)).includes(name)) await new Promise((resolve) => setImmediate(resolve));
}

interface Start {
  readonly engine: Engine;
  /** Killed as soon as this file exists, or a moment later. */
  readonly name: string;
  readonly laterMs: number;
}

async function surviveKill({ engine, name, laterMs }: Start): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-first-'));
  await using scratch = engine === 'postgres' ? await createScratchDatabase() : null;
  const [port = 0] = await reservePorts(1);
  const env = {
    NEXUS_ENV: 'development',
    DATA_DIR: folder,
    BROKER_PORT: String(port),
    PUBLIC_URL: 'http://127.0.0.1:1',
    ...(scratch === null ? {} : { DATABASE_URL: scratch.url }),
  };
  try {
    const first = spawnService(main, env);
    await waitForFile(folder, name, first);
    if (laterMs > 0) await sleep(laterMs);
    await first.stop('SIGKILL');
    const origin = `http://127.0.0.1:${port}`;
    const second = await startService({ main, env, readyUrl: `${origin}/readyz` });
    try {
      for (const role of ['admin', 'gateway'] as const) {
        const key = (await readFile(join(folder, `${role}.key`), 'utf8')).trim();
        const path = role === 'admin' ? '/admin/v1/status' : '/internal/v1/connections/check';
        const answer = await fetch(origin + path, {
          method: role === 'admin' ? 'GET' : 'POST',
          headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
          ...(role === 'admin' ? {} : { body: JSON.stringify({ connection_id: 'none' }) }),
        });
        expect(answer.status, `the ${role} key works`).toBe(role === 'admin' ? 200 : 404);
      }
    } finally {
      expect(await second.stop('SIGTERM')).toBe(0);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe.each(engines)('a first start on %s that is killed', (engine) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = createSeededRandom(seed);
  const starts = written.flatMap((name) => [0, random.below(4)].map((laterMs) => ({ engine, name, laterMs })));

  it.each(starts)(`O2: is finished by the next one ($name + $laterMs ms, seed ${seed})`, surviveKill);
});
