import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { writeCheckpointRecord } from '@nexus/audit-chain/checkpoint-file';
import type { CheckpointList } from '@nexus/broker-api/audit';
import { Broker } from '../broker.js';
import { type Command, exits, readArgs } from '../command.js';
import { writeWhole } from '../files.js';
import { readSettings, settingsHelp } from '../settings.js';

const pageSize = 5_000;

export const auditCheckpoints: Command = {
  name: 'audit checkpoints',
  summary: 'List the signed checkpoints, or the public keys they are verified with.',
  help: `Usage: nexus-cli audit checkpoints [--keys] [--to FILE]

  --keys      the public keys instead, one a line, the oldest first: an auditor keeps that one, because it vouches for the
              others
  --to FILE   takes the name when it is whole; standard output without it

Each line of the list is what a Broker writes to checkpoints.log. What the Broker says now proves nothing about the past:
copies that were taken elsewhere when they were made do.

Example:
  NEXUS_API_KEY_FILE=data/auditor.key nexus-cli audit checkpoints --keys --to auditor.keys

Roles: auditor, admin.

${settingsHelp}`,
  async run(args, { env, stdout }) {
    const { values } = readArgs(args, { keys: { type: 'boolean', default: false }, to: { type: 'string' } });
    const broker = new Broker(readSettings(env));
    const lines = values.keys ? listKeys(broker) : listCheckpoints(broker);
    if (values.to !== undefined) await writeWhole(values.to, Readable.from(lines));
    else await pipeline(Readable.from(lines), stdout, { end: false });
    return exits.done;
  },
};

async function* listCheckpoints(broker: Broker): AsyncGenerator<Buffer> {
  let cursor: string | null = null;
  do {
    const page: CheckpointList = await broker.get('/audit/checkpoints', { limit: pageSize, cursor });
    for (const checkpoint of page.checkpoints) yield Buffer.from(writeCheckpointRecord(checkpoint));
    cursor = page.next_cursor ?? null;
  } while (cursor !== null);
}

async function* listKeys(broker: Broker): AsyncGenerator<Buffer> {
  const { verifier_keys: keys } = await broker.get<CheckpointList>('/audit/checkpoints', { limit: 1 });
  for (const key of keys) yield Buffer.from(`${key}\n`);
}
