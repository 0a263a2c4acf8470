/** The application's requests while the Broker comes and goes: each waits until it is said to be up, and may be lost. */
import { randomUUID } from 'node:crypto';
import type { Page } from '../support/person.js';
import type { Answer, RequestOptions, Stack } from '../support/stack.js';
import type { Ledger } from './ledger.js';

export type Outcome =
  | { readonly kind: 'answered'; readonly requestId: string; readonly answer: Answer }
  /** Nobody knows what became of it. */
  | { readonly kind: 'lost'; readonly requestId: string };

export class GatedClient {
  readonly #stack: Stack;
  readonly #ledger: Ledger;
  #opened: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;
  #underWay = 0;
  #idle: (() => void)[] = [];

  constructor(stack: Stack, ledger: Ledger) {
    this.#stack = stack;
    this.#ledger = ledger;
  }

  /** From now on requests wait. Resolves when those under way have ended. */
  async shut(): Promise<void> {
    this.holdNew();
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** From now on requests wait; those under way go on. */
  holdNew(): void {
    this.#open();
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  reopen(): void {
    this.#open();
  }

  async send(method: string, path: string, options: RequestOptions = {}): Promise<Outcome> {
    await this.#opened;
    return this.sendAtOnce(method, path, options);
  }

  /** The same without waiting, for examinations while everybody else waits. */
  async sendAtOnce(method: string, path: string, options: RequestOptions = {}): Promise<Outcome> {
    const requestId = randomUUID();
    const headers = { ...options.headers, 'X-Request-Id': requestId };
    const answer = await this.#track(() => this.#stack.gateway(method, path, { ...options, headers }));
    if (answer === null) return { kind: 'lost', requestId };
    if (answer.status === 500) this.#ledger.violate('no request ends in 500', { method, path, body: answer.body });
    // 502 and 503 say that somebody behind could not be asked, or did not get to answer.
    return answer.status >= 500 ? { kind: 'lost', requestId } : { kind: 'answered', requestId, answer };
  }

  /** A step of a person's browser; null when no page of ours came back. */
  async browse(step: () => Promise<Page>): Promise<Page | null> {
    await this.#opened;
    const page = await this.#track(step);
    if (page?.status === 500) this.#ledger.violate('no page ends in 500', { text: page.text.slice(0, 300) });
    return page === null || page.status >= 500 ? null : page;
  }

  async #track<T>(work: () => Promise<T>): Promise<T | null> {
    this.#underWay += 1;
    try {
      return await work();
    } catch {
      return null;
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }
}
