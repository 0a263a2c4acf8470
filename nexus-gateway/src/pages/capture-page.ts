import type { CredentialField } from './credential-field.js';
import { renderField } from './credential-field.js';
import type { FlowIntroduction } from './flow-introduction.js';
import { cancelHint, renderFacts, renderWarning } from './flow-introduction.js';
import { renderPage } from './layout.js';
import type { Markup } from './markup.js';
import { html } from './markup.js';

export interface CapturePage extends FlowIntroduction {
  readonly fields: readonly CredentialField[];
  /** What is wrong and belongs to no field. */
  readonly problems: readonly string[];
  readonly docsUrl: string | null;
}

/**
 * The page's own address without the fragment that a link of the summary leaves there: with one, the browser would not
 * give the next summary the focus, and would carry the fragment along to the application.
 */
const ownAddress = '?';

/** The form a person enters a static credential into. After a refusal the summary takes the focus and is read out. */
export function renderCapturePage(page: CapturePage): string {
  const hasErrors = page.problems.length > 0 || page.fields.some((field) => field.error !== null);
  const title = `Connect ${page.providerName} to ${page.appName}`;
  return renderPage({
    title: hasErrors ? `Error: ${title}` : title,
    body: html`${hasErrors ? renderSummary(page) : null}
<h1><bdi>${page.appName}</bdi> wants to connect your <bdi>${page.providerName}</bdi> account</h1>
${renderFacts(page)}
${renderWarning(page)}
<form method="post" action="${ownAddress}" autocomplete="off">
<h2>Your <bdi>${page.providerName}</bdi> credentials</h2>
${renderDocsLink(page)}
${page.fields.some((field) => field.isRequired) ? html`<p class="hint">Fields marked <span class="mark-required">*</span> are required.</p>` : null}
${page.fields.map(renderField)}
<button type="submit">Connect</button>
</form>
${cancelHint}`,
  });
}

function renderDocsLink(page: CapturePage): Markup | null {
  if (page.docsUrl === null) return null;
  return html`<p class="hint"><a href="${page.docsUrl}" rel="noopener noreferrer" target="_blank">Where to find them (opens in a new tab)</a></p>`;
}

function renderSummary(page: CapturePage): Markup {
  return html`<div class="summary" role="alert" tabindex="-1" autofocus aria-labelledby="summary-title">
<h2 id="summary-title">There is a problem</h2>
<ul>
${page.problems.map((problem) => html`<li>${problem}</li>\n`)}${page.fields.map((field) =>
  field.error === null ? html`` : html`<li><a href="#${field.id}">${field.error}</a></li>\n`,
)}</ul>
</div>`;
}
