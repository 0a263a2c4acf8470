import { describe, expect, it } from 'vitest';
import { html, Markup } from './markup.js';

describe('html', () => {
  it('escapes every value and passes only its own results as they are', () => {
    const inner = html`<b title="${'"<>&\'`'}">${'<i>'}</b>`;
    expect(inner.text).toBe('<b title="&quot;&lt;&gt;&amp;&#39;&#96;">&lt;i&gt;</b>');
    expect(html`<p>${inner}${[inner, inner]}${null}${false}${7}</p>`.text).toBe(
      `<p>${inner.text}${inner.text}${inner.text}7</p>`,
    );
  });

  it('drops control characters and overrides of the writing direction', () => {
    expect(html`${'a\u0000b\u202ec\u2066d\u007fe\r\nf'}`.text).toBe('abcde\nf');
  });

  it('does not take an object that merely looks like markup', () => {
    const forged = { text: '<script>' } as unknown as string;
    expect(html`${String(forged)}`.text).not.toContain('<');
    expect(forged).not.toBeInstanceOf(Markup);
  });
});
