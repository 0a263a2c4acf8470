/** What happens while somebody waits: a line that is replaced, and lines that stay. On standard error. */
import type { CommandContext } from '../command.js';
import { print, startProgress } from '../print.js';

export interface News {
  /** How long it may still take; only where somebody watches. */
  waiting(text: string): void;
  tell(text: string): void;
  end(): void;
}

export function startNews(context: CommandContext): News {
  const progress = startProgress(context);
  return {
    waiting: (text) => progress.show(text),
    tell(text) {
      progress.end();
      print(context.stderr, text);
    },
    end: () => progress.end(),
  };
}
