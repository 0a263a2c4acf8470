import { docsContentSecurityPolicy, renderDocsPage } from '@nexus/http/docs-page';
import { docsStylesheet } from '@nexus/http/docs-stylesheet';
import { describeApp } from './document.js';
import type { GatewayApp } from './gateway-app.js';

const stylesheetPath = '/assets/docs.css';
const documentPath = '/openapi.json';

/** The documentation page and the document behind it, built when first asked for; for development only (G12). */
export function registerDocs(app: GatewayApp): void {
  let document: ReturnType<typeof describeApp> | null = null;
  const describe = () => {
    document ??= describeApp(app);
    return document;
  };
  app.get('/docs', (c) =>
    c.html(renderDocsPage(describe(), { stylesheetPath, documentPath }), 200, {
      'Content-Security-Policy': docsContentSecurityPolicy,
      'X-Frame-Options': 'DENY',
    }),
  );
  app.get(documentPath, (c) => c.json(describe(), 200));
  app.get(stylesheetPath, (c) => c.body(docsStylesheet, 200, { 'Content-Type': 'text/css; charset=utf-8' }));
}
