import { createRoute, z } from '@hono/zod-openapi';
import { describe, expect, it } from 'vitest';
import { createHttpApp } from './app.js';
import { docsContentSecurityPolicy, renderDocsPage } from './docs-page.js';
import { docsStylesheet } from './docs-stylesheet.js';
import { captureLog } from './testing.js';

function buildDocument(): object {
  const app = createHttpApp({ logger: captureLog().logger, clock: { now: () => 0 } });
  const Thing = z
    .strictObject({
      name: z.string().min(1).max(255).openapi({ description: 'Its `name` & <b>more</b>.', example: 'first' }),
      kind: z.enum(['a', 'b']).optional(),
      inner: z.array(z.strictObject({ count: z.int().min(1) })).optional(),
    })
    .openapi('Thing');
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/things/{id}',
      operationId: 'createThing',
      summary: 'Creates a thing.',
      tags: ['things'],
      security: [{ apiKey: [] }],
      request: {
        params: z.object({ id: z.string().openapi({ description: 'Which <one>.' }) }),
        body: { required: true, content: { 'application/json': { schema: Thing } } },
      },
      responses: {
        200: { description: 'Created.', content: { 'application/json': { schema: Thing } } },
        404: { description: 'No such thing.' },
      },
    }),
    (c) => c.json(c.req.valid('json'), 200),
  );
  return app.getOpenAPIDocument({ openapi: '3.0.3', info: { title: 'Things <API>', version: '1.0.0' } });
}

const page = renderDocsPage(buildDocument(), { stylesheetPath: '/docs/style.css', documentPath: '/openapi.json' });

describe('renderDocsPage', () => {
  it('lists every operation with parameters, schema, answers and an example', () => {
    expect(page).toContain('<article id="createThing">');
    expect(page).toContain('Creates a thing.');
    expect(page).toContain('Authentication: <code>apiKey</code>');
    expect(page).toContain('Which &lt;one&gt;.');
    expect(page).toContain('href="#schema-Thing"');
    expect(page).toContain('<code>inner[].count</code>');
    expect(page).toContain('1–255 characters');
    expect(page).toContain('&quot;name&quot;: &quot;first&quot;');
    expect(page).toContain('No such thing.');
  });

  it('escapes everything that comes from the document', () => {
    expect(page).toContain('Things &lt;API&gt;');
    expect(page).toContain('Its <code>name</code> &amp; &lt;b&gt;more&lt;/b&gt;.');
    expect(page).not.toContain('<b>');
  });

  it('G12: has no script, no inline style and nothing from another origin', () => {
    expect(page).not.toMatch(/<script|style=|<style|\son\w+=|https?:/i);
    expect(docsStylesheet).not.toMatch(/@import|url\(/);
    expect(docsContentSecurityPolicy).toContain("default-src 'none'");
  });

  it('is a page a screen reader and a phone can use', () => {
    expect(page).toMatch(/<html lang="en">/);
    expect(page).toContain('name="viewport"');
    expect(page).toContain('href="#content"');
    expect(page.match(/<h1>/g)).toHaveLength(1);
    expect(page.match(/<th scope=/g)?.length).toBe(page.match(/<th[ >]/g)?.length);
  });

  it('renders an empty document', () => {
    expect(renderDocsPage({}, { stylesheetPath: '/s.css' })).toContain('API reference');
  });
});
