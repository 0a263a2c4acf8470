/** Installs and compiles what is missing, runs the tests, and ends with the plain line `N passed, N failed`. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, install, PreparationError, root } from './ensure.mjs';

process.exitCode = await main(process.argv.slice(2));

async function main(args) {
  try {
    await install();
    await build();
  } catch (error) {
    if (!(error instanceof PreparationError)) throw error;
    console.error(error.message);
    return finish({ passed: 0, failed: 1 }, 1);
  }
  const folder = mkdtempSync(join(tmpdir(), 'nexus-test-'));
  try {
    const report = join(folder, 'report.json');
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const { status } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...args], {
      cwd: root,
      stdio: 'inherit',
    });
    return finish(readCounts(report), status ?? 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readCounts(report) {
  if (!existsSync(report)) return { passed: 0, failed: 0 };
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  if (numPendingTests > 0) console.log(`${numPendingTests} skipped`);
  // A file that cannot even be loaded has no tests to fail.
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
  );
  for (const { name } of broken) console.log(`broken test file: ${name}`);
  return { passed: numPassedTests, failed: numFailedTests + broken.length };
}

/** A run that went wrong without a failed test, such as an unhandled rejection, still counts as a failure. */
function finish({ passed, failed }, status) {
  const counted = status !== 0 && failed === 0 ? 1 : failed;
  console.log(`${passed} passed, ${counted} failed`);
  return status === 0 && counted === 0 ? 0 : 1;
}
