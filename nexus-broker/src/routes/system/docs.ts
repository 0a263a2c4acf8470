import { docsContentSecurityPolicy, renderDocsPage } from '@nexus/http/docs-page';
import { docsStylesheet } from '@nexus/http/docs-stylesheet';
import type { BrokerApp } from '../operation.js';

/** The documentation page of a development start; it is not part of the contract. */
export function registerDocs(app: BrokerApp, getDocument: () => object): void {
  app.get('/openapi.json', (c) => c.json(getDocument()));
  app.get('/docs', (c) => {
    c.header('Content-Security-Policy', docsContentSecurityPolicy);
    return c.html(renderDocsPage(getDocument(), { stylesheetPath: '/docs/docs.css' }));
  });
  app.get('/docs/docs.css', (c) => c.text(docsStylesheet, 200, { 'Content-Type': 'text/css; charset=utf-8' }));
}
