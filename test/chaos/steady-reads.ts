/** Applications that read credentials at a steady rate, whatever happens to the Brokers. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../support/seeded-random.js';
import type { Answer, RequestOptions } from '../support/stack.js';
import type { SeededConnection } from './seed-connections.js';

/** A Broker behind its Gateway. */
export interface ReadTarget {
  readonly name: string;
  gateway(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** Nobody is sent to it while it is down. */
  isUp: boolean;
  /** Counts its kills: a request that saw one may be lost. */
  kills: number;
}

interface ReadsInput {
  readonly targets: readonly ReadTarget[];
  readonly connections: readonly SeededConnection[];
  readonly perSecond: number;
  readonly random: SeededRandom;
}

/** More than this many at once would only measure the machine. */
const maxUnderWay = 500;
const tickMs = 20;

export class SteadyReads {
  readonly violations: string[] = [];
  readonly counts = { answered: 0, 'cut by a kill': 0, 'held while nobody was up': 0, 'held by the machine': 0 };
  readonly #input: ReadsInput;
  /** The newest token of each account that was read. */
  readonly #newest = new Map<string, number>();
  readonly #underWay = new Set<Promise<void>>();
  #isStopping = false;
  #loop: Promise<void> | null = null;

  constructor(input: ReadsInput) {
    this.#input = input;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#loop;
    await Promise.all(this.#underWay);
  }

  /** The number in the newest access token of the account that a reader was given. */
  newest(secret: string): number {
    return this.#newest.get(secret) ?? 0;
  }

  async #run(): Promise<void> {
    const startedAt = performance.now();
    let sent = 0;
    while (!this.#isStopping) {
      const due = Math.floor(((performance.now() - startedAt) / 1_000) * this.#input.perSecond);
      for (; sent < due; sent++) this.#send();
      await sleep(tickMs);
    }
  }

  #send(): void {
    const { targets, connections, random } = this.#input;
    const up = targets.filter(({ isUp }) => isUp);
    const target = up[random.below(Math.max(1, up.length))];
    const connection = connections[random.below(connections.length)];
    if (target === undefined || connection === undefined) this.counts['held while nobody was up'] += 1;
    else if (this.#underWay.size >= maxUnderWay) this.counts['held by the machine'] += 1;
    else {
      const read = this.#read(target, connection).finally(() => this.#underWay.delete(read));
      this.#underWay.add(read);
    }
  }

  async #read(target: ReadTarget, connection: SeededConnection): Promise<void> {
    const { kills } = target;
    const problem = await target
      .gateway('GET', `/v1/token/${connection.id}`)
      .then((answer) => this.#judge(connection, answer))
      .catch((error: unknown) => String(error));
    if (problem === null) this.counts.answered += 1;
    else if (target.kills !== kills) this.counts['cut by a kill'] += 1;
    else this.violations.push(`${target.name}, ${connection.kind} ${connection.ref}: ${problem}`);
  }

  #judge({ kind, secret }: SeededConnection, { status, body }: Answer): string | null {
    if (status !== 200) return `${status} ${JSON.stringify(body)}`;
    if (kind === 'static') return body.credentials.api_key === secret ? null : 'another credential than it had';
    const token = String(body.credentials.access_token);
    const [, , account = ''] = /^(at)-(.+)-\d+$/.exec(token) ?? [];
    if (account !== secret) return 'a token of another account';
    const number = Number(token.split('-').at(-1));
    // Reads overlap, so an older answer may arrive later; what counts is that the end is not older than any of them.
    this.#newest.set(secret, Math.max(this.newest(secret), number));
    return null;
  }
}
