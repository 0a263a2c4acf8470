import { renderPage } from './layout.js';
import { html } from './markup.js';

/** A result for a person: what happened, what to do now, and what to tell support. */
export interface MessagePage {
  readonly title: string;
  readonly whatHappened: string;
  readonly whatToDo: string;
  readonly requestId: string;
  /** Offers to send the page's own form again. */
  readonly canRetry: boolean;
}

export function renderMessagePage(page: MessagePage): string {
  return renderPage({
    title: page.title,
    body: html`<h1>${page.title}</h1>
<p>${page.whatHappened}</p>
<h2>What to do</h2>
<p>${page.whatToDo}</p>
${page.canRetry ? html`<form method="post"><button type="submit">Try again</button></form>` : null}
<p class="hint">If you ask for help, give this request id: <code>${page.requestId}</code></p>`,
  });
}
