import type { Environment } from './environment.js';

export interface TerminalOutput {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Plain text for a person; emphasis only where a terminal shows it and NO_COLOR does not forbid it. */
export interface Terminal {
  print(text: string): void;
  strong(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

export function createTerminal(output: TerminalOutput, environment: Environment): Terminal {
  const isColoured = output.isTTY === true && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
  const paint =
    (code: number) =>
    (text: string): string =>
      isColoured ? `\u001b[${code}m${text}\u001b[0m` : text;
  return {
    print: (text) => {
      output.write(`${text}\n`);
    },
    strong: paint(1),
    faint: paint(2),
    good: paint(32),
    bad: paint(31),
  };
}
