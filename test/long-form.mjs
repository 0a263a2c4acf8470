/**
 * The long form of a test: `npm run NAME -- --runs 500 --seed 1` runs the test's file with what it reads from its
 * environment set from the command line. A seed is drawn where none is given; the test prints it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, install, root } from '../packages/repo-tools/bin/ensure.mjs';

const memory = '/dev/shm';

/**
 * Ends the process with 2 for a command line it does not understand, else with what vitest ends with.
 *
 * @param {object} form
 * @param {string} form.command as it is called: `npm run …`
 * @param {readonly string[]} form.files tests, from the root
 * @param {string} form.prefix of the variables: `--kills` becomes `PREFIX_KILLS`
 * @param {Record<string, number>} [form.numbers] options with their defaults
 * @param {Record<string, readonly string[]>} [form.choices] options that may be left out, with what they may be
 * @param {Record<string, string>} [form.preset] which of the choices is made for whoever makes none
 * @param {boolean} [form.startsServices] whether the test starts what `npm run build` compiles
 * @param {boolean} [form.inMemory] whether its databases lie in memory: where the disk is not what is measured
 */
export async function runLongForm(form) {
  const { numbers = {}, choices = {}, preset = {}, startsServices = false, inMemory = false } = form;
  const settings = readSettings(form.command, numbers, choices, preset);
  await install();
  if (startsServices) await build();
  process.exitCode = runVitest([...form.files], {
    ...(inMemory && existsSync(memory) ? { TMPDIR: memory } : {}),
    ...Object.fromEntries(settings.map(([name, value]) => [`${form.prefix}_${name.toUpperCase()}`, value])),
  });
}

/** @param {readonly string[]} args @param {Record<string, string>} env @returns the exit code */
export function runVitest(args, env) {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const options = { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } };
  return spawnSync(process.execPath, [vitest, 'run', ...args], options).status ?? 1;
}

/** @returns {[string, string][]} */
function readSettings(command, numbers, choices, preset) {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const defaults = { ...numbers, seed };
  const options = Object.fromEntries([...Object.keys(defaults), ...Object.keys(choices)].map((name) => [name, string]));
  const usage = [
    ...Object.keys(defaults).map((name) => `[--${name} N]`),
    ...Object.entries(choices).map(([name, values]) => `[--${name} ${values.join('|')}]`),
  ];
  try {
    const { values } = parseArgs({ options });
    const given = Object.entries({ ...defaults, ...preset, ...values }).map(([name, value]) => [name, String(value)]);
    if (given.every(([name, value]) => choices[name]?.includes(value) ?? /^\d+$/.test(value))) return given;
  } catch {
    // An option it does not know; the usage tells which there are.
  }
  process.stderr.write(`usage: ${command} -- ${usage.join(' ')}\n`);
  process.exit(2);
}

const string = /** @type {const} */ ({ type: 'string' });
