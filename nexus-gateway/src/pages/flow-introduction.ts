import type { Markup } from './markup.js';
import { html } from './markup.js';

/** What a person must know before going on: who asks, for what, and that the link may have come from somebody else. */
export interface FlowIntroduction {
  readonly appName: string;
  readonly providerName: string;
  /** Host that the application's inputs name: whose site the person is about to trust; null where they name none. */
  readonly providerHost: string | null;
  readonly accountLabel: string | null;
  readonly scopes: readonly string[];
  /** Host the person returns to. */
  readonly returnHost: string;
}

export function renderFacts(flow: FlowIntroduction): Markup {
  return html`<dl class="facts">
<div><dt>Application</dt><dd><bdi>${flow.appName}</bdi></dd></div>
<div><dt>Connects to</dt><dd><bdi>${flow.providerName}</bdi>${flow.providerHost === null ? null : html` at <bdi>${flow.providerHost}</bdi>`}</dd></div>
${flow.accountLabel === null ? null : html`<div><dt>Account</dt><dd><bdi>${flow.accountLabel}</bdi></dd></div>`}
<div><dt>Returns to</dt><dd><bdi>${flow.returnHost}</bdi></dd></div>
</dl>
${renderScopes(flow.scopes)}`;
}

function renderScopes(scopes: readonly string[]): Markup | null {
  if (scopes.length === 0) return null;
  return html`<h2 id="scopes">It asks for</h2>
<ul class="scopes" aria-labelledby="scopes">
${scopes.map((scope) => html`<li><code>${scope}</code></li>\n`)}</ul>`;
}

export function renderWarning(flow: FlowIntroduction): Markup {
  return html`<p class="warning"><strong>Continue only if you started this yourself</strong>, a moment ago, in ${html`<bdi>${flow.appName}</bdi>`}.
If somebody sent you this link, close this page: going on could give them access to your account.</p>`;
}

export const cancelHint = html`<p class="hint">Not what you expected? Close this page. Nothing is connected until you continue.</p>`;
