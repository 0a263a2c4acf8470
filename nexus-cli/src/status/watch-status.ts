/** The dashboard again and again, until somebody has seen enough. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandContext, CommandError, exits } from '../command.js';
import { print, toJsonText } from '../print.js';
import { columnsOf, renderLine, styled } from '../views/screen.js';
import { cut } from '../views/width.js';
import type { Dashboard, StatusReader } from './read-status.js';
import { viewStatus } from './view-status.js';

interface Watch {
  readonly isJson: boolean;
  readonly signal: AbortSignal;
  /** From the end of one reading to the beginning of the next. */
  readonly intervalMs: number;
}

/** What one tick brought: a status, or why there is none, with the last one there was. */
interface Tick {
  readonly status: Dashboard | null;
  readonly problem: string | null;
}

interface Board extends Disposable {
  show(tick: Tick): void;
}

/** Outlives an outage; a Broker that says no ends it. @throws CommandError */
export async function watchStatus(
  reader: StatusReader,
  { isJson, signal, intervalMs }: Watch,
  context: CommandContext,
): Promise<void> {
  using board = !isJson && context.screen.isTerminal ? openScreen(context) : openPipe(isJson, context);
  while (!signal.aborted) {
    const tick = await readTick(reader, signal);
    if (tick !== null) board.show(tick);
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

async function readTick(reader: StatusReader, signal: AbortSignal): Promise<Tick | null> {
  try {
    return { status: await reader.read(), problem: null };
  } catch (error) {
    if (signal.aborted) return null;
    if (!(error instanceof CommandError) || error.exitCode !== exits.unreadable) throw error;
    return { status: null, problem: error.message };
  }
}

/** One after the other; an outage is told once, on the other stream. */
function openPipe(isJson: boolean, { stdout, stderr, screen }: CommandContext): Board {
  let isOut = false;
  return {
    show({ status, problem }) {
      if (problem !== null && !isOut) print(stderr, `nexus-cli: ${problem}; trying again`);
      isOut = problem !== null;
      if (status === null) return;
      if (isJson) stdout.write(`${toJsonText(status)}\n`);
      else
        stdout.write(
          `${viewStatus(status, screen)
            .map((line) => renderLine(line, screen))
            .join('\n')}\n\n`,
        );
    },
    [Symbol.dispose]() {},
  };
}

const escapes = {
  /** The screen programs draw on, without a cursor. */
  enter: '\u001b[?1049h\u001b[?25l',
  leave: '\u001b[?25h\u001b[?1049l',
  home: '\u001b[H',
  restOfLine: '\u001b[K',
  restOfScreen: '\u001b[J',
};

/** Drawn in place; what was seen last stays on the terminal. */
function openScreen({ stdout, screen }: CommandContext): Board {
  let latest: Dashboard | null = null;
  let drawn: readonly string[] = [];
  stdout.write(escapes.enter);
  return {
    show({ status, problem }) {
      latest = status ?? latest;
      // Whoever turns the terminal into another size gets the next picture in it.
      const columns = columnsOf(stdout) ?? 80;
      const rows = (stdout as { rows?: number }).rows || 24;
      const told = problem === null ? [] : [styled('red', cut(problem, columns)), ''];
      const lines = [...told, ...(latest === null ? [] : viewStatus(latest, { ...screen, columns }))];
      drawn = lines.map((line) => renderLine(line, screen));
      const shown = drawn.slice(0, rows - 1).map((line) => `${line}${escapes.restOfLine}\n`);
      stdout.write(`${escapes.home}${shown.join('')}${escapes.restOfScreen}`);
    },
    [Symbol.dispose]() {
      stdout.write(`${escapes.leave}${drawn.map((line) => `${line}\n`).join('')}`);
    },
  };
}
