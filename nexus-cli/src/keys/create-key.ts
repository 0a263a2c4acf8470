import type { KeyCreated } from '@nexus/broker-api/administration';
import type { Options } from '../arguments.js';
import type { CommandContext } from '../command.js';
import { createWithSecret } from '../create-with-secret.js';
import { secretOptions } from '../secret-output.js';

export const createKeyOptions = {
  'expires-at': { kind: 'time', help: 'when the key ends; never without it' },
  ...secretOptions,
} as const satisfies Options;

interface CreateKeyInput {
  /** Of the keys. */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly options: {
    readonly 'expires-at': string | null;
    readonly out: string | null;
    readonly exec: string | null;
    readonly stdout: boolean;
  };
}

/** @throws CommandError; then no live key is left that nobody holds. */
export function createKey({ path, body, options }: CreateKeyInput, context: CommandContext): Promise<number> {
  return createWithSecret<KeyCreated>(
    {
      path,
      body: { ...body, expires_at: options['expires-at'] },
      options,
      secretOf: ({ key }) => key,
      describe: ({ id, name, role, last_four }) => `key ${id} (${name}, ${role}), which ends in ${last_four},`,
    },
    context,
  );
}
