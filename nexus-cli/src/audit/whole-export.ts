import { CommandError, exits } from '../command.js';

/** Longer than the last line of an export. */
const tailBytes = 1_024;

/** Passes an export on. @throws CommandError at its end, unless that is the last line of one. */
export async function* wholeExport(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let tail: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    tail = Buffer.concat([tail, chunk.subarray(-tailBytes)]).subarray(-tailBytes);
    yield chunk;
  }
  if (!/\n\{"kind":"end",[^\n]*\}\n$/.test(Buffer.from(tail).toString('utf8'))) {
    throw new CommandError(exits.unreadable, 'the export ends before its last line: the transfer broke off');
  }
}
