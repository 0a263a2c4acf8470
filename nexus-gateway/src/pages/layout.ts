import { html, type Markup } from './markup.js';

export const stylesheetPath = '/assets/nexus.css';

interface PageInput {
  readonly title: string;
  readonly body: Markup;
}

/** The frame of every page: language, title, one main landmark, one stylesheet, no script. */
export function renderPage(input: PageInput): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${input.title} · Nexus</title>
<link rel="stylesheet" href="${stylesheetPath}">
<link rel="icon" href="data:,">
</head>
<body>
<main class="card" id="main">
<p class="brand" aria-hidden="true"><span class="mark"></span>Nexus</p>
${input.body}
</main>
</body>
</html>
`;
  return page.text;
}

const contentSecurityPolicy =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'";

/**
 * Headers of every page. There is no `form-action`, because Chromium applies it to the redirect that follows the form
 * too, and the referrer policy is `same-origin`, because `no-referrer` makes Chromium send `Origin: null` on our own
 * form.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': contentSecurityPolicy,
  'Referrer-Policy': 'same-origin',
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
};
