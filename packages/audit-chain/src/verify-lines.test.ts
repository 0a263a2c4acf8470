import { describe, expect, it } from 'vitest';
import { LogFixture } from './log-fixture.js';
import { verifyLog } from './verify.js';

const log = new LogFixture();
for (let n = 0; n < 3; n++) log.append({ event_type: 'token.retrieved', data: { text: 'ü🔑' } });
log.checkpoint();
const text = log.export();
const closed = log.exportRange(1, 4);
const lines = text.trimEnd().split('\n');
const withLines = (change: (copy: string[]) => void) => {
  const copy = [...lines];
  change(copy);
  return copy.map((line) => `${line}\n`).join('');
};

/** The first byte of a character becomes another. */
function withByte(bytes: Buffer, character: string, byte: number): Uint8Array {
  bytes[bytes.indexOf(character)] = byte;
  return bytes;
}

async function* once(bytes: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
}

describe('an export', () => {
  it('is read with members nobody knows and with other line ends', async () => {
    for (const readable of [text, closed, text.replaceAll('\n', '\r\n'), text.replace('"seq":1', '"new":{},"seq":1')]) {
      expect(await verifyLog(once(readable))).toMatchObject({ exitCode: 0, entries: 4 });
    }
  });

  it.each<readonly [string, string | Uint8Array]>([
    ['is empty', ''],
    ['has only blank lines', '\n\n'],
    ['is cut at a line', withLines((copy) => copy.pop())],
    ['is cut in a line', text.slice(0, -20)],
    ['lacks its last newline', text.slice(0, -1)],
    ['lacks a line', withLines((copy) => copy.splice(2, 1))],
    ['has a line twice', withLines((copy) => copy.splice(2, 0, copy[2] ?? ''))],
    ['goes on after its end', text + text],
    ['has two headers', withLines((copy) => copy.splice(1, 0, copy[0] ?? ''))],
    ['does not begin with its header', withLines((copy) => copy.shift())],
    ['has a blank line', withLines((copy) => copy.splice(1, 0, ''))],
    ['is of another format', text.replace('nexus-audit/1', 'nexus-audit/2')],
    ['has a kind nobody knows', text.replace('"kind":"checkpoint"', '"kind":"other"')],
    ['has a list for a line', withLines((copy) => copy.splice(1, 1, '[]'))],
    ['has a number for a text', text.replace(/"prev_hash":"[0-9a-f]*"/, '"prev_hash":7')],
    ['has a text for a number', text.replace('"seq":2', '"seq":"2"')],
    ['has a number that is not exact', text.replace('"seq":2', '"seq":9007199254740993')],
    ['lacks a column', text.replace('"agent_id":null,', '')],
    ['has checkpoints before entries', withLines((copy) => copy.splice(1, 0, ...copy.splice(5, 1)))],
    ['has unsealed entries in a closed range', closed.replace('"kind":"sealed"', '"kind":"unsealed"')],
    ['has a time in a closed range', closed.replace('"exported_at":null', '"exported_at":"2026-01-01T00:00:00.000Z"')],
    ['has no time in an open range', text.replace(/"exported_at":"[^"]*"/, '"exported_at":null')],
    ['has a time that is none', text.replace(/"exported_at":"[^"]*"/, '"exported_at":"2026-13-01T00:00:00.000Z"')],
    ['has half a character', text.replace('🔑', '\\ud83d')],
    ['is not UTF-8', withByte(Buffer.from(text), 'ü', 0xff)],
  ])('cannot be read that %s', async (_what, unreadable) => {
    expect(unreadable).not.toBe(text);
    const report = await verifyLog(once(unreadable));
    expect(report.problems.map(({ code }) => code)).toContain(3);
    expect(report.exitCode).toBe(3);
  });
});
