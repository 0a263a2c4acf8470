/** The processes of a benchmark: services as they run in production, floors, and the load generator, each its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { root } from '../../packages/repo-tools/bin/ensure.mjs';

/** @typedef {{ readonly pid: number, stop(): Promise<void> }} Running */

const pollMs = 5;
const readyTimeoutMs = 30_000;

export async function findPort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * Starts a program and waits until a URL answers 200. Its log goes to a file, as a deployment would have it.
 *
 * @param {{ main: string, env: Record<string, string>, readyUrl: string, log: string, flags?: readonly string[] }} options
 * @returns {Promise<Running & { readyMs: number }>}
 */
export async function start(options) {
  const output = openSync(options.log, 'a');
  const startedAt = performance.now();
  const child = spawn(process.execPath, [...(options.flags ?? []), join(root, options.main)], {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', ...options.env },
    stdio: ['ignore', output, output],
  });
  const ended = once(child, 'exit');
  while (!(await answersOk(options.readyUrl))) {
    if (child.exitCode !== null || performance.now() - startedAt > readyTimeoutMs) {
      throw new Error(`${options.main} did not become ready:\n${await readFile(options.log, 'utf8')}`);
    }
    await sleep(pollMs);
  }
  return {
    pid: child.pid ?? 0,
    readyMs: performance.now() - startedAt,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** @param {string} url */
async function answersOk(url) {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** Resident memory in MB. @param {number} pid */
export async function readMemory(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024;
}

/**
 * Runs one load in a process of its own.
 *
 * @param {{ url: string, requests: readonly object[], seconds: number, connections: number }} load
 * @returns {Promise<{ perSecond: number, p50: number, p99: number, failed: number }>}
 */
export async function runLoad(load) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('load.mjs', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(load));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error('the load generator failed');
  const result = JSON.parse(output);
  if (result.failed > 0)
    throw new Error(`${result.failed} requests failed, such as with ${JSON.stringify(result.statuses)}`);
  return result;
}
