/** Plants secrets and keeps everything the services answered, each answer with the values that belong into it. */
import { randomBytes } from 'node:crypto';
import type { ScriptedRequest } from '@nexus/testkit/scripted-provider';
import type { Page } from './person.js';
import type { Place, PlantedSecret } from './secret-search.js';
import type { Answer, RequestOptions, Stack } from './stack.js';

/** Characters that URLs, JSON and HTML each write in another way. */
const awkward = '"\\/+&%=<';

/** Values that belong into an answer, where they are known only by it, read from it. */
type MayCarry = readonly string[] | ((answer: Answer) => readonly string[]);

export interface Sent {
  readonly method: string;
  readonly url: URL;
  readonly status: number;
}

export class PlantedTraffic {
  readonly stack: Stack;
  readonly #secrets = new Map<string, string>();
  readonly #places: Place[] = [];
  /** Whole requests that providers received. */
  readonly atProviders: Place[] = [];
  readonly sent: Sent[] = [];
  /** Bodies of answers from 400 on. */
  errorBodies = 0;

  constructor(stack: Stack) {
    this.stack = stack;
  }

  /** A new secret of plain characters. */
  plant(label: string): string {
    return this.adopt(label, `planted-${randomBytes(18).toString('base64url')}`);
  }

  /** A new secret that must be escaped nearly everywhere; `more` is for places that take more than ASCII. */
  plantAwkward(label: string, more = ''): string {
    return this.adopt(label, `planted ${awkward}${more}${randomBytes(12).toString('base64url')}`);
  }

  /** Counts a value that somebody else made as secret from now on. */
  adopt(label: string, value: string): string {
    this.#secrets.set(value, label);
    return value;
  }

  secrets(): PlantedSecret[] {
    return [...this.#secrets].map(([value, label]) => ({ label, value }));
  }

  places(): readonly Place[] {
    return this.#places;
  }

  keep(name: string, text: string, mayCarry: readonly string[] = []): void {
    this.#places.push({ name, bytes: Buffer.from(text, 'utf8'), mayCarry });
  }

  /** What a provider saw: its URL belongs to the searched places, the rest to `atProviders`. */
  keepSeen(provider: string, request: ScriptedRequest, mayCarry: readonly string[] = []): void {
    const url = `${request.path}?${request.query.toString()}`;
    this.keep(`URL at ${provider}`, url, mayCarry);
    const text = `${url}\n${JSON.stringify(request.headers)}\n${request.body}`;
    this.atProviders.push({ name: `request to ${provider}`, bytes: Buffer.from(text, 'utf8') });
  }

  /** One request to the Gateway. `mayCarry` is what a success is meant to answer; an error carries nothing. */
  async gateway(method: string, path: string, options: RequestOptions = {}, mayCarry: MayCarry = []) {
    const answer = await this.stack.gateway(method, path, options);
    return this.#keepAnswer(method, new URL(path, this.stack.gatewayUrl), answer, mayCarry);
  }

  async broker(method: string, path: string, options: RequestOptions = {}, mayCarry: MayCarry = []) {
    const answer = await this.stack.broker(method, path, options);
    return this.#keepAnswer(method, new URL(path, this.stack.brokerUrl), answer, mayCarry);
  }

  keepPage(method: string, url: string, page: Page, mayCarry: readonly string[] = []): Page {
    this.sent.push({ method, url: new URL(url), status: page.status });
    const name = `page of ${method} ${new URL(url).pathname.split('/')[1]} (${page.status})`;
    this.keep(name, `${describeHeaders(page.headers)}\n${page.text}`, mayCarry);
    return page;
  }

  #keepAnswer(method: string, url: URL, answer: Answer, mayCarry: MayCarry): Answer {
    this.sent.push({ method, url, status: answer.status });
    const isError = answer.status >= 400;
    if (isError) this.errorBodies += 1;
    const carried = typeof mayCarry === 'function' && !isError ? mayCarry(answer) : [];
    const route = url.pathname.split('/').slice(0, 4).join('/').slice(0, 40);
    const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    this.keep(
      `answer ${answer.status} of ${method} ${route}`,
      `${describeHeaders(answer.headers)}\n${body}`,
      isError || typeof mayCarry === 'function' ? carried : mayCarry,
    );
    return answer;
  }
}

function describeHeaders(headers: Headers): string {
  return [...headers].map(([name, value]) => `${name}: ${value}`).join('\n');
}
