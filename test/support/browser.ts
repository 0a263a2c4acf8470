/**
 * A real Chromium from npm, for tests: nothing has to be installed by hand. The package carries a headless shell for
 * Linux on x64 together with the libraries and the font a slim image lacks.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflate } from '@sparticuz/chromium';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

/** One person's window: a profile of its own, and a record of what happened in it. */
export interface Window {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What a developer would see in red: console errors, CSP violations, thrown errors and failed requests. */
  problems(): readonly string[];
  /** Every address the window asked for, redirects included, oldest first. */
  addresses(): readonly string[];
  /** The headers of every request to an origin, as they left the browser, with the method and address first. */
  requestsTo(origin: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

interface WindowOptions {
  /** Default true. */
  readonly javaScript?: boolean;
  /** Accept certificates nobody vouches for. */
  readonly anyCertificate?: boolean;
}

const fontsFile = 'fonts-here.conf';
const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Starts it with all of web security on: site isolation, same-origin policy, SameSite cookies. No name but `localhost`
 * resolves, so a page that reached for the internet would show it as a problem.
 */
export async function launchBrowser(): Promise<Browser> {
  const unpacked = await unpackBrowser();
  return chromium.launch({
    executablePath: unpacked.executable,
    // Containers that run tests as root have no user namespaces to sandbox with, and the pages are our own.
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--no-proxy-server',
      '--font-render-hinting=none',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
    ],
    env: {
      PATH: process.env['PATH'] ?? '',
      TZ: 'UTC',
      LANG: 'C.UTF-8',
      HOME: unpacked.directory,
      ...unpacked.environment,
    },
  });
}

export async function openWindow(browser: Browser, options: WindowOptions = {}): Promise<Window> {
  const context = await browser.newContext({
    javaScriptEnabled: options.javaScript ?? true,
    ignoreHTTPSErrors: options.anyCertificate ?? false,
    viewport: { width: 1280, height: 900 },
  });
  context.setDefaultTimeout(10_000);
  const problems: string[] = [];
  const requests: { readonly url: string; readonly describe: () => Promise<string> }[] = [];
  const documents = new Set<string>();
  context.on('request', (request) => {
    if (request.isNavigationRequest()) documents.add(request.url());
    requests.push({
      url: request.url(),
      describe: async () =>
        `${request.method()} ${request.url()}\n${JSON.stringify(await request.allHeaders(), null, 1)}`,
    });
  });
  context.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? '';
    // A navigation that another one replaces is aborted, which is no failure.
    if (reason !== 'net::ERR_ABORTED') problems.push(`failed request: ${request.url()} ${reason}`);
  });
  context.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    // An error page is a document with an error status, which Chromium mentions as well.
    const isErrorPage = message.text().startsWith('Failed to load resource: the server responded');
    if (isErrorPage && documents.has(message.location().url)) return;
    problems.push(`console: ${message.text()} (${message.location().url})`);
  });
  context.on('weberror', (error) => problems.push(`thrown: ${error.error().message}`));
  return {
    page: await context.newPage(),
    context,
    problems: () => [...problems],
    addresses: () => requests.map(({ url }) => url),
    requestsTo: (origin) =>
      Promise.all(requests.filter(({ url }) => new URL(url).origin === origin).map(({ describe }) => describe())),
    close: () => context.close(),
  };
}

interface UnpackedBrowser {
  readonly directory: string;
  readonly executable: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Unpacks once per version. It appears under its name in one step, so that test files running at once never see half of it. */
async function unpackBrowser(): Promise<UnpackedBrowser> {
  const own = process.env['NEXUS_TEST_CHROMIUM'];
  if (own !== undefined && own !== '') return { directory: dirname(own), executable: own, environment: {} };
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('Chromium from npm is for Linux on x64: set NEXUS_TEST_CHROMIUM to the path of a Chromium here.');
  }
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const { version } = JSON.parse(await readFile(join(dirname(entry), '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const cache = join(root, 'node_modules', '.cache');
  const directory = join(cache, `chromium-${version}`);
  if (!existsSync(directory)) {
    await mkdir(cache, { recursive: true });
    const staging = await mkdtemp(join(cache, 'chromium-unpacking-'));
    await unpackInto(staging, join(dirname(entry), '..', 'bin'));
    await writeFile(join(staging, fontsFile), describeFonts(directory));
    await rename(staging, directory).catch(async () => rm(staging, { recursive: true, force: true }));
  }
  return {
    directory,
    executable: join(directory, 'chromium'),
    environment: { LD_LIBRARY_PATH: join(directory, 'al2023', 'lib'), FONTCONFIG_FILE: join(directory, fontsFile) },
  };
}

/** The package unpacks into the folder for temporary files and nowhere else, so that folder is moved meanwhile. */
async function unpackInto(directory: string, packed: string): Promise<void> {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = directory;
  try {
    // Outside of AWS Lambda its own `executablePath` leaves the libraries packed.
    await Promise.all(['chromium.br', 'al2023.tar.br', 'fonts.tar.br'].map((name) => inflate(join(packed, name))));
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

/** The fonts of the package's own configuration are looked for under /tmp and in AWS Lambda. */
function describeFonts(directory: string): string {
  const prefer = (family: string, font: string) =>
    `<alias binding="same"><family>${family}</family><prefer><family>${font}</family></prefer></alias>`;
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir>${join(directory, 'fonts')}</dir>
<dir>/usr/share/fonts</dir>
<cachedir>${join(directory, 'fonts-cache')}</cachedir>
${prefer('system-ui', 'Open Sans')}
${prefer('sans-serif', 'Open Sans')}
${prefer('monospace', 'DejaVu Sans Mono')}
</fontconfig>
`;
}
