/** Whether what only this person should read, or write, is kept so. */
import { stat } from 'node:fs/promises';
import type { CommandContext } from '../command.js';
import { profilesPath } from '../profiles.js';
import type { Setting, Sources } from '../settings.js';
import { type Finding, fail, ok, skipped } from './finding.js';

const groupAndOthers = { read: 0o044, write: 0o022 };
const notAFile = 'not a file';

export async function checkFiles(sources: Sources, env: CommandContext['env']): Promise<Finding[]> {
  return [
    await checkProfileFile(profilesPath(env)),
    sources.apiKey === null
      ? await checkSecretFile('key file', sources.apiKeyFile)
      : ok('key file', `the key is in ${sources.apiKey.from}`),
    ...(sources.keyFile === null ? [] : [await checkSecretFile('TLS key file', sources.keyFile)]),
  ];
}

/** It holds no secret, but says to whom the key is sent. */
async function checkProfileFile(path: string): Promise<Finding> {
  const mode = await readMode(path);
  if (mode === null) return ok('profile file', 'there is none');
  if (mode === notAFile)
    return fail('profile file', `${path} is not a file`, 'Put the profiles into a file of that name.');
  if ((mode & groupAndOthers.write) === 0) return ok('profile file', path);
  return fail('profile file', `others may write ${path}, and have keys sent elsewhere`, `Run chmod go-w ${path}.`);
}

async function checkSecretFile(check: string, setting: Setting | null): Promise<Finding> {
  if (setting === null) return skipped(check, 'none is named');
  const { value: path, from } = setting;
  const mode = await readMode(path);
  if (mode === null) return fail(check, `${path} is not there`, `Correct ${from}.`);
  if (mode === notAFile) return fail(check, `${path} is not a file`, `Correct ${from}.`);
  if ((mode & (groupAndOthers.read | groupAndOthers.write)) === 0) return ok(check, path);
  return fail(
    check,
    `others may read or write ${path}`,
    `Run chmod 600 ${path}, and have the key replaced if somebody did.`,
  );
}

async function readMode(path: string): Promise<number | typeof notAFile | null> {
  try {
    const file = await stat(path);
    return file.isDirectory() ? notAFile : file.mode & 0o777;
  } catch {
    return null;
  }
}
