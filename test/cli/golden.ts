/**
 * What nexus-cli shows, compared with files: the same command on a terminal of 80 columns, on one of 160 and in a pipe, in
 * one file of test/cli/golden. `npm run golden` writes the files anew; what changed then shows in the diff.
 */
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { main } from '@nexus/cli/main';
import { expect } from 'vitest';

interface GoldenCase {
  /** Or what makes them, for each screen anew: what was deleted on one must be there on the next. */
  readonly args: readonly string[] | (() => Promise<readonly string[]>);
  readonly env?: Readonly<Record<string, string>>;
  /** What is typed or piped in. */
  readonly input?: string;
  /** More to hide, beside what `mask` knows; a replacement must be as long as what it stands for. */
  readonly masks?: readonly (readonly [RegExp, string])[];
}

interface ScreenCase extends Pick<GoldenCase, 'env' | 'input'> {
  readonly args: readonly string[];
}

interface Shown {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Columns of a terminal; null is a pipe. */
type Columns = number | null;

const screens: readonly (readonly [title: string, columns: Columns])[] = [
  ['80 columns', 80],
  ['160 columns', 160],
  ['pipe', null],
];

/** @param name of the file, such as `providers-list` */
export async function expectGolden(name: string, golden: GoldenCase): Promise<void> {
  const parts: string[] = [];
  for (const [title, columns] of screens) {
    const args = typeof golden.args === 'function' ? await golden.args() : golden.args;
    if (parts.length === 0) parts.push(`$ nexus-cli ${args.join(' ')}\n`);
    const { code, stdout, stderr } = await runOnScreen(columns, { ...golden, args });
    const stderrPart = stderr === '' ? '' : `--- stderr\n${stderr}`;
    parts.push(`=== ${title}\n${stdout}${stderrPart}${code === 0 ? '' : `--- exit code ${code}\n`}`);
  }
  const file = fileURLToPath(new URL(`golden/${name}.txt`, import.meta.url));
  await expect(mask(parts.join('\n'), golden.masks)).toMatchFileSnapshot(file);
}

/** In this process, as `bin/nexus-cli.mjs` starts it. */
export async function runOnScreen(columns: Columns, { args, env = {}, input = '' }: ScreenCase): Promise<Shown> {
  const terminal = { isTTY: columns !== null, columns: columns ?? undefined };
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()] as const;
  const [out, err] = [collect(stdout), collect(stderr)];
  stdin.end(input);
  const code = await main({
    args,
    // No profile of whoever runs the tests.
    env: { XDG_CONFIG_HOME: '/nonexistent', ...env },
    stdin: Object.assign(stdin, { isTTY: columns !== null }),
    stdout: Object.assign(stdout, terminal),
    stderr: Object.assign(stderr, terminal),
  });
  return { code, stdout: out(), stderr: err() };
}

function collect(stream: PassThrough): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  return () => text;
}

/** Puts what differs from run to run into one form, of the same length so that columns stay where they are. */
function mask(text: string, masks: GoldenCase['masks'] = []): string {
  const ids = new Map<string, string>();
  const nameId = (id: string) => {
    const known = ids.get(id) ?? `01ID${String(ids.size + 1).padStart(id.length - 4, '0')}`;
    ids.set(id, known);
    return known;
  };
  const common = text
    .replaceAll('\u001b', '␛')
    .replaceAll(/(?<![0-9A-Z])01[0-9A-HJKMNP-TV-Z]{24}\b/g, nameId)
    .replaceAll(/(?<!\d)20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (time) =>
      '2000-01-01T00:00:00.000000Z'.slice(0, time.length - 1).concat('Z'),
    )
    .replaceAll(/(?<!\d)20\d\d-\d\d-\d\d \d\d:\d\d\b/g, '2000-01-01 00:00')
    .replaceAll(/\bkek-20\d\d-\d\d-\d\d-[0-9a-f]{8}\b/g, 'kek-2000-01-01-00000000')
    .replaceAll(/127\.0\.0\.1:\d{5}\b/g, '127.0.0.1:00000');
  return masks.reduce((masked, [pattern, replacement]) => masked.replaceAll(pattern, replacement), common);
}
