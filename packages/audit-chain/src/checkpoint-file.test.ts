import { expect, it } from 'vitest';
import { readCheckpointFile, readVerifierKeys, writeCheckpointRecord } from './checkpoint-file.js';
import { createSigner } from './log-rows-fixture.js';
import { encodeVerifierKey } from './signed-note.js';

it('a checkpoint file may be a log among whose lines checkpoints are', () => {
  const text = [
    writeCheckpointRecord({ size: 4, created_at: '2026-01-01T00:00:00.000Z', note: 'one' }).trimEnd(),
    '{"level":"info","sequence":7,"note":"two","message":"audit.checkpoint"}',
    '{"level":"info","note":"three","size":3,"message":"something else"}',
    '{"note":"no size, no message"}',
    '{"size":4,"note":7}',
    'plain text with "note" in it',
    '{"size":4,"created_at":"2026-01-01T00:00:00.000Z","note":"one"}\r',
    '{"size":5,"created_at":"cut o',
  ];
  expect(readCheckpointFile(text.join('\n'))).toEqual(['one', 'two']);
});

it('a key file holds keys only', () => {
  const [one, two] = ['nexus-1', 'nexus-2'].map((name) => encodeVerifierKey(createSigner(name, name)));
  expect(readVerifierKeys(`${one}\n\n  ${two}\r\n`)?.map(({ name }) => name)).toEqual(['nexus-1', 'nexus-2']);
  expect([readVerifierKeys(`${one}\nwhat`), readVerifierKeys(''), readVerifierKeys('\n')]).toEqual([null, null, null]);
});
