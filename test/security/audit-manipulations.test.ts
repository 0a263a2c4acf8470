/**
 * A2 to A4, A13 and K3 of the threat model, on logs of random size and history; `npm run tampering -- --runs 5000` is the
 * long form.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeVerifierKey } from '@nexus/audit-chain/signed-note';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeLogFiles } from '../support/log-tampering/file-manipulations.js';
import { createRandomLog } from '../support/log-tampering/random-log.js';
import { manipulationNames, tamper } from '../support/log-tampering/tampered-log.js';
import { verifyFiles, verifyWithPython } from '../support/log-tampering/verifiers.js';
import { createSeededRandom } from '../support/seeded-random.js';

const { NEXUS_TAMPERING_RUNS: longRuns } = process.env;
const runs = Number(longRuns ?? 240);
/** Python takes some milliseconds for each signature; here it gets every kind once. */
const pythonRuns = longRuns === undefined ? manipulationNames.length : runs;
const seed = Number(process.env['NEXUS_TAMPERING_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const timeoutMs = 60_000 + runs * 200;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-tampering-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe(`A2 A3 A4 A13 K3 manipulated logs, seed ${seed}`, () => {
  const kinds = manipulationNames.length;
  it(`${runs} manipulations of ${kinds} kinds are found with the documented code, ${pythonRuns} by both verifiers`, {
    timeout: timeoutMs,
  }, async () => {
    const random = createSeededRandom(seed);
    const cases = Array.from({ length: runs }, (_, run) =>
      tamper(manipulationNames[run % manipulationNames.length] ?? '', random),
    );
    const expected = cases.map(({ manipulation, code }, run) => `${run} ${manipulation}: ${code}`);
    const reports = await Promise.all(cases.map(({ files, verifierKey }) => verifyFiles(files, verifierKey)));
    expect(reports.map(({ exitCode }, run) => `${run} ${cases[run]?.manipulation}: ${exitCode}`)).toEqual(expected);
    const codes = await verifyWithPython(cases.slice(0, pythonRuns), join(folder, 'manipulated'));
    expect(codes.map((code, run) => `${run} ${cases[run]?.manipulation}: ${code}`)).toEqual(
      expected.slice(0, pythonRuns),
    );
  });

  it('logs that nobody touched verify', { timeout: timeoutMs }, async () => {
    const random = createSeededRandom(seed);
    const cases = Array.from({ length: Math.ceil(runs / 10) }, () => {
      const log = createRandomLog(random);
      return { files: writeLogFiles(log), verifierKey: encodeVerifierKey(log.firstSigner) };
    });
    const reports = await Promise.all(cases.map(({ files, verifierKey }) => verifyFiles(files, verifierKey)));
    expect(reports.flatMap(({ problems }) => problems)).toEqual([]);
    expect(new Set(await verifyWithPython(cases, join(folder, 'honest')))).toEqual(new Set([0]));
  });
});
