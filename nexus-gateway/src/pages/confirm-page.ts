import type { FlowIntroduction } from './flow-introduction.js';
import { cancelHint, renderFacts, renderWarning } from './flow-introduction.js';
import { renderPage } from './layout.js';
import { html } from './markup.js';

/** Asks the person before anything happens; the form posts to the page's own address. */
export function renderConfirmPage(flow: FlowIntroduction): string {
  return renderPage({
    title: `Connect ${flow.providerName} to ${flow.appName}`,
    body: html`<h1><bdi>${flow.appName}</bdi> wants to connect your <bdi>${flow.providerName}</bdi> account</h1>
${renderFacts(flow)}
${renderWarning(flow)}
<form method="post">
<button type="submit">Continue to <bdi>${flow.providerName}</bdi></button>
</form>
${cancelHint}`,
  });
}
