/** A person's browser as far as flows need one: a cookie jar that opens links, presses the button and is sent around. */
import { type CookieJar, createCookieJar } from '@nexus/testkit/cookie-jar';
import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';

export interface Page {
  readonly status: number;
  /** Where a redirect leads; empty without one. */
  readonly location: string;
  readonly text: string;
  readonly headers: Headers;
}

export class Person {
  readonly #gatewayUrl: string;
  readonly #cookies: CookieJar = createCookieJar();

  constructor(gatewayUrl: string) {
    this.#gatewayUrl = gatewayUrl;
  }

  async open(url: string): Promise<Page> {
    return this.#send(url, { method: 'GET' });
  }

  /** Presses the button of the hop page, as a browser does from that very page. */
  async press(authUrl: string, fields?: Readonly<Record<string, string>>): Promise<Page> {
    return this.#send(authUrl, {
      method: 'POST',
      headers: {
        Origin: this.#gatewayUrl,
        'Sec-Fetch-Site': 'same-origin',
        'Content-Type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(fields ?? {}).toString(),
    });
  }

  /** Opens the link, goes on, consents at the provider and follows its answer: the return URL comes back. */
  async connect(authUrl: string, provider: RunningOpenidProvider, login: string): Promise<Page> {
    const callback = await this.consent(authUrl, provider, login);
    return this.open(callback);
  }

  /** The same up to the provider's answer, which is not opened yet. */
  async consent(authUrl: string, provider: RunningOpenidProvider, login: string): Promise<string> {
    await this.open(authUrl);
    const hop = await this.press(authUrl);
    if (hop.status !== 303) throw new Error(`the hop answered ${hop.status}: ${hop.text.slice(0, 500)}`);
    return provider.consentAs(hop.location, { login });
  }

  async #send(url: string, init: RequestInit): Promise<Page> {
    const { pathname } = new URL(url);
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...init.headers, Cookie: this.#cookies.header(pathname) },
    });
    this.#cookies.store(response.headers.getSetCookie());
    return {
      status: response.status,
      location: response.headers.get('location') ?? '',
      text: await response.text(),
      headers: response.headers,
    };
  }
}
