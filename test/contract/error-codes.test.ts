import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorCodes } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

function readSources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('.test.'))
    .map((file) => readFileSync(join(root, folder, file), 'utf8'));
}

describe('the error codes', () => {
  const sources = [
    'nexus-broker/src',
    'nexus-gateway/src',
    ...['http', 'broker-api', 'strategies'].map((name) => `packages/${name}/src`),
  ]
    .flatMap(readSources)
    .join('\n');

  it.each(Object.keys(errorCodes))('%s is given somewhere', (code) => {
    expect(sources).toMatch(new RegExp(`(?:NexusError|super)\\(\\s*'${code}'`));
  });

  it.each(Object.entries(errorCodes))('%s tells the reader what to do in one sentence', (code, entry) => {
    expect(entry.advice).toMatch(/^[A-Z`].*[.]$/);
    expect(entry.status).toBeGreaterThanOrEqual(400);
    // A conflict stays until somebody acts, but for the step that waits for other replicas.
    expect(entry.retryable).toBe([429, 502, 503].includes(entry.status) || code === 'replicas_behind');
  });
});
