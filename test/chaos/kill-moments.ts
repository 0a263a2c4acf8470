/** Moments in which a step is half done, as a provider sees them. */
export const momentNames = [
  'any time',
  'any time',
  'token asked',
  'token answered',
  'token answered',
  'probe asked',
  'revocation asked',
  'revocation answered',
] as const;
export type MomentName = (typeof momentNames)[number];

export class KillMoments {
  readonly #waiting = new Map<MomentName, () => void>();

  reach(name: MomentName): void {
    const resolve = this.#waiting.get(name);
    this.#waiting.delete(name);
    resolve?.();
  }

  /** Resolves when the moment comes, or at the latest after `timeoutMs`. */
  async waitFor(name: MomentName, timeoutMs: number): Promise<void> {
    if (name === 'any time') return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.set(name, resolve);
      timer = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer);
    this.#waiting.delete(name);
  }
}
