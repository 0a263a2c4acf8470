import { html, type Markup } from './markup.js';

const provider = html`<svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
<rect width="32" height="32" rx="8" fill="#6b3fa0"/><circle cx="16" cy="12.5" r="5" fill="#fff"/>
<path d="M6.5 27c1-5.5 4.7-8.2 9.5-8.2s8.5 2.7 9.5 8.2z" fill="#fff"/></svg>Demo provider`;
const application = html`<svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
<rect width="32" height="32" rx="8" fill="#2b5d8a"/><path d="M7 9h18v14H7z" fill="#fff"/><path d="M7 9h18v4H7z" fill="#bcd3e8"/></svg>Demo application`;

interface Page {
  readonly title: string;
  readonly content: Markup;
  /** The page people return to is no page of the provider. */
  readonly isApplication?: boolean;
}

/** A whole page; every one says that nothing here is a real sign-in. */
function renderPage({ title, content, isApplication = false }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · ${isApplication ? 'Demo application' : 'Demo provider'}</title>
<link rel="stylesheet" href="/demo.css">
<link rel="icon" href="data:,">
</head>
<body>
<p class="notice" role="note"><strong>This is a demo.</strong> It runs on this machine and protects nothing: no password, no real account.</p>
<main${isApplication ? html` class="wide"` : null}><div class="card">
<p class="mark">${isApplication ? application : provider}</p>
${content}
</div></main>
</body>
</html>
`.text;
}

export interface LoginView {
  readonly action: string;
  readonly cancelAction: string;
  readonly clientName: string;
  readonly name: string;
  readonly problem: string | null;
}

export function renderLoginPage(view: LoginView): string {
  const problem = view.problem === null ? null : html`<p class="problem" id="problem" role="alert">${view.problem}</p>`;
  const invalid = view.problem === null ? null : html` aria-invalid="true"`;
  return renderPage({
    title: view.problem === null ? 'Sign in' : 'Error: sign in',
    content: html`<h1>Sign in</h1>
<p class="soft">to continue to <strong>${view.clientName}</strong></p>
<form method="post" action="${view.action}" novalidate>
<label for="name">Name</label>
<input id="name" name="name" value="${view.name}" autocomplete="username" autocapitalize="none" spellcheck="false" required
 aria-describedby="hint${view.problem === null ? null : ' problem'}"${invalid}>
${problem}
<p class="hint" id="hint">Any name signs in, and the same name is the same account again. There is no password.</p>
<button type="submit">Sign in</button>
</form>
<form method="post" action="${view.cancelAction}"><button class="quiet" type="submit">Cancel</button></form>`,
  });
}

export interface ConsentView {
  readonly confirmAction: string;
  readonly cancelAction: string;
  readonly switchAction: string;
  readonly clientName: string;
  readonly clientId: string;
  readonly accountName: string;
  readonly scopes: readonly { readonly name: string; readonly meaning: string }[];
}

export function renderConsentPage(view: ConsentView): string {
  const scopes = view.scopes.map(({ name, meaning }) => html`<li>${meaning} <code>${name}</code></li>`);
  return renderPage({
    title: 'Allow access',
    content: html`<h1>Allow access?</h1>
<p><strong>${view.clientName}</strong> <span class="soft">(client <code>${view.clientId}</code>)</span> asks for access to the
account of <strong>${view.accountName}</strong>. It would be able to:</p>
<ul class="scopes">${scopes}</ul>
<form method="post" action="${view.confirmAction}"><button type="submit">Allow</button></form>
<form method="post" action="${view.cancelAction}"><button class="quiet" type="submit">Deny</button></form>
<form method="post" action="${view.switchAction}"><p class="hint">Not ${view.accountName}?
<button class="plain" type="submit">Use another name</button></p></form>`,
  });
}

export interface HomeView {
  readonly issuer: string;
  readonly accountName: string | null;
  readonly grantedScopes: string | null;
  readonly hasJustRemoved: boolean;
  readonly gatewayUrl: string;
}

function renderGrant(view: HomeView): Markup {
  if (view.hasJustRemoved) {
    return html`<p role="status"><strong class="good">Access removed.</strong> Every token of this grant stopped working. Nexus
learns of it at its next refresh, which this line brings about; the connection then asks for attention:</p>
<pre><code>curl -s -X POST ${view.gatewayUrl}/v1/refresh/&lt;connection_id&gt;</code></pre>`;
  }
  if (view.accountName === null) return html`<p class="soft">Nobody is signed in with this browser.</p>`;
  if (view.grantedScopes === null) {
    return html`<p>Signed in as <strong>${view.accountName}</strong>. No application has access.</p>`;
  }
  return html`<p>Signed in as <strong>${view.accountName}</strong>. <strong>Nexus</strong> has access to:
<code>${view.grantedScopes}</code></p>
<form method="post" action="/access/remove"><button class="quiet" type="submit">Remove this access</button></form>`;
}

export function renderHomePage(view: HomeView): string {
  return renderPage({
    title: 'Your access',
    content: html`<h1>A stand-in for the real thing</h1>
<p>Nexus treats this server like any OpenID provider it meets out there: it discovers it, sends people here to sign in and
agree, and fetches and renews tokens.</p>
<h2>Access you gave with this browser</h2>
${renderGrant(view)}
<h2>For the curious</h2>
<dl><dt>Issuer</dt><dd><code>${view.issuer}</code></dd>
<dt>Discovery</dt><dd><a href="/.well-known/openid-configuration">openid-configuration</a></dd>
<dt>Fake API</dt><dd><code>GET /demo-key/me</code> with <code>Authorization: Bearer demo-…</code></dd></dl>`,
  });
}

export interface ReturnView {
  readonly isConnected: boolean;
  readonly providerName: string | null;
  readonly connectionRef: string | null;
  readonly error: string | null;
  readonly gatewayUrl: string;
}

export function renderReturnPage(view: ReturnView): string {
  const name = view.providerName ?? 'demo';
  const facts = html`<dl>
${view.providerName === null ? null : html`<dt>Provider</dt><dd><code>${view.providerName}</code></dd>`}
${view.connectionRef === null ? null : html`<dt>Reference</dt><dd><code>${view.connectionRef}</code></dd>`}
${view.error === null ? null : html`<dt>Reason</dt><dd><code>${view.error}</code></dd>`}</dl>`;
  const request = JSON.stringify({ workspace_id: 'demo-user', provider_name: name, return_url: '…' });
  const next = view.isConnected
    ? html`<p>The credential is stored, sealed, at the Broker. Nothing of it passed through this page: the reference names the
connection and opens nothing. Whoever asked for the connection also got its secret <code>connection_id</code> and reads
the credential with it. If you opened the link <code>npm start</code> printed, your terminal now shows this line filled in:</p>
<pre><code>curl -s ${view.gatewayUrl}/v1/token/&lt;connection_id&gt;</code></pre>
${name === 'demo' ? html`<p>To see what happens when access ends, <a href="/">remove it at the provider</a>.</p>` : null}`
    : html`<p>No credential was stored. Start again with a new link; the terminal of <code>npm start</code> prints one, or ask for one:</p>
<pre><code>curl -s ${view.gatewayUrl}/v1/request-connection \\
  -H 'Content-Type: application/json' \\
  -d '${request}'</code></pre>`;
  return renderPage({
    title: view.isConnected ? 'Connected' : 'Not connected',
    isApplication: true,
    content: html`<h1 class="${view.isConnected ? 'good' : 'bad'}">${view.isConnected ? 'Connected' : 'Not connected'}</h1>
<p class="soft">This page stands in for your application: it is the <code>return_url</code> people come back to.</p>
${facts}
<h2>What next</h2>
${next}`,
  });
}

export function renderProblemPage(title: string, explanation: string): string {
  return renderPage({
    title,
    content: html`<h1>${title}</h1><p>${explanation}</p><p><a href="/">About this provider</a></p>`,
  });
}
