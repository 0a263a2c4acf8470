/** What the tests of the demo provider use in place of a browser and of the client. */
import { createHash, randomBytes } from 'node:crypto';

interface Answer {
  readonly status: number;
  readonly body: { readonly [name: string]: unknown };
}

interface TokenAnswer extends Answer {
  readonly access: string;
  readonly refresh: string;
}

// The provider is restarted within a test; a connection kept from before would fail.
const freshConnection = { connection: 'close' };

/** As much of a browser as the pages need: cookies with their paths, forms, and redirects one at a time. */
export class Browser {
  readonly #issuer: string;
  readonly #cookies = new Map<string, { readonly value: string; readonly path: string }>();

  constructor(issuer: string) {
    this.#issuer = issuer;
  }

  async send(target: string, form?: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    const url = new URL(target, this.#issuer);
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: {
        ...freshConnection,
        accept: 'text/html',
        cookie: this.#selectCookies(url.pathname),
        ...(form === undefined ? {} : { 'sec-fetch-site': 'same-origin' }),
        ...headers,
      },
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) this.#keepCookie(line);
    return response;
  }

  /** Follows redirects while they stay at the provider; returns where it ended. */
  async follow(response: Response): Promise<{ readonly location: string; readonly response: Response }> {
    let current = response;
    let location = '';
    while (current.status === 303 || current.status === 302) {
      location = new URL(current.headers.get('location') ?? '', this.#issuer).href;
      if (!location.startsWith(this.#issuer)) break;
      current = await this.send(location);
    }
    return { location, response: current };
  }

  async open(target: string): Promise<Response> {
    return (await this.follow(await this.send(target))).response;
  }

  /** Sends the page's form whose action ends so, and follows. */
  async submit(page: Response, ending: string, form: Record<string, string> = {}) {
    return this.follow(await this.send(readAction(await page.text(), ending), form));
  }

  async signIn(target: string, name: string): Promise<Response> {
    return (await this.submit(await this.open(target), '/login', { name })).response;
  }

  #selectCookies(pathname: string): string {
    const applies = (path: string): boolean =>
      pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
    return [...this.#cookies]
      .filter(([, { path }]) => applies(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
  }

  #keepCookie(line: string): void {
    const [pair = '', ...attributes] = line.split(/;\s*/);
    const [name = '', value = ''] = pair.split('=');
    const path = attributes.find((attribute) => attribute.toLowerCase().startsWith('path='))?.slice(5) ?? '/';
    if (value === '') this.#cookies.delete(name);
    else this.#cookies.set(name, { value, path });
  }
}

export function readAction(page: string, ending: string): string {
  const actions = [...page.matchAll(/action="([^"]+)"/g)].map((match) => match[1] ?? '');
  const action = actions.find((found) => found.endsWith(ending));
  if (action === undefined) throw new Error(`the page has no form for ${ending}`);
  return action;
}

/** The one client of the provider, calling it as the Broker would. */
export class Client {
  readonly #issuer: string;
  readonly #authorization: string;
  readonly #redirectUri: string;

  constructor(input: { readonly issuer: string; readonly secret: string; readonly redirectUri: string }) {
    this.#issuer = input.issuer;
    this.#redirectUri = input.redirectUri;
    this.#authorization = `Basic ${Buffer.from(`nexus-demo:${input.secret}`).toString('base64')}`;
  }

  describeRequest(overrides: Record<string, string> = {}): { readonly verifier: string; readonly url: string } {
    const verifier = randomBytes(32).toString('base64url');
    const query = new URLSearchParams({
      client_id: 'nexus-demo',
      response_type: 'code',
      redirect_uri: this.#redirectUri,
      scope: 'openid email profile offline_access',
      prompt: 'consent',
      state: 'the-state',
      nonce: 'the-nonce',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...overrides,
    });
    return { verifier, url: `/auth?${query}` };
  }

  async post(path: string, form: Record<string, string>): Promise<Answer> {
    const response = await fetch(new URL(path, this.#issuer), {
      method: 'POST',
      headers: { ...freshConnection, authorization: this.#authorization },
      body: new URLSearchParams(form),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  }

  async connect(browser: Browser, name = 'Ada Lovelace'): Promise<TokenAnswer> {
    const { verifier, url } = this.describeRequest();
    const { location } = await browser.submit(await browser.signIn(url, name), '/confirm');
    const code = new URL(location).searchParams.get('code') ?? '';
    return this.#askForTokens({
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: this.#redirectUri,
    });
  }

  refresh(token: string): Promise<TokenAnswer> {
    return this.#askForTokens({ grant_type: 'refresh_token', refresh_token: token });
  }

  async read(path: string, accessToken?: string): Promise<Answer> {
    const response = await fetch(new URL(path, this.#issuer), {
      headers: { ...freshConnection, ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }) },
    });
    return { status: response.status, body: JSON.parse(await response.text()) };
  }

  async #askForTokens(form: Record<string, string>): Promise<TokenAnswer> {
    const { status, body } = await this.post('/token', form);
    return { status, body, access: String(body['access_token']), refresh: String(body['refresh_token']) };
  }
}
