import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { writeCheckpointRecord } from '@nexus/audit-chain/checkpoint-file';
import type { CheckpointList } from '@nexus/broker-api/audit';
import { type Api, openBroker } from '../broker.js';
import { defineCommand, exits } from '../command.js';
import { writeWhole } from '../files.js';

const pageSize = 5_000;

export const auditCheckpoints = defineCommand({
  options: {
    keys: {
      kind: 'flag',
      help: 'the public keys instead, one a line, the oldest first: an auditor keeps that one, because it vouches for the others',
    },
    to: { kind: 'text', value: 'FILE', help: 'takes the name when it is whole; standard output without it' },
  },
  args: {},
  description: [
    'Each line of the list is what a Broker writes to checkpoints.log. What the Broker says now proves nothing about the past: copies that were taken elsewhere when they were made do.',
  ],
  examples: ['audit checkpoints --keys --to auditor.keys'],
  roles: ['auditor', 'admin'],
  async run({ options }, context) {
    const broker = await openBroker(context);
    const lines = options.keys ? listKeys(broker) : listCheckpoints(broker);
    if (options.to !== null) await writeWhole(options.to, Readable.from(lines));
    else await pipeline(Readable.from(lines), context.stdout, { end: false });
    return exits.done;
  },
});

async function* listCheckpoints(broker: Api): AsyncGenerator<Buffer> {
  for await (const { checkpoints } of broker.pages<CheckpointList>('/audit/checkpoints', { limit: pageSize })) {
    for (const checkpoint of checkpoints) yield Buffer.from(writeCheckpointRecord(checkpoint));
  }
}

async function* listKeys(broker: Api): AsyncGenerator<Buffer> {
  const { verifier_keys: keys } = await broker.get<CheckpointList>('/audit/checkpoints', { limit: 1 });
  for (const key of keys) yield Buffer.from(`${key}\n`);
}
