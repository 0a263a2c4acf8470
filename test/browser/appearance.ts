/** How a page looks: pictures of it for people, and the part of "looks right" that can be measured. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';

const artifacts = fileURLToPath(new URL('../.artifacts/', import.meta.url));

/** Of a longer page the part in view is enough to look at. */
const longestPicture = 4_000;

const sizes = [
  { size: 'phone', width: 390, height: 844 },
  { size: 'desktop', width: 1280, height: 900 },
] as const;

/** Takes a picture on a phone and a desktop, light and dark, and returns what is wrong in any of them. */
export async function inspectAppearance(page: Page, name: string): Promise<string[]> {
  await mkdir(artifacts, { recursive: true });
  const problems: string[] = [];
  const before = page.viewportSize();
  for (const { size, ...viewport } of sizes) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const look = `${name}-${size}-${colorScheme}`;
      const height = Number(await page.evaluate('document.documentElement.scrollHeight'));
      await page.screenshot({ path: join(artifacts, `${look}.png`), fullPage: height <= longestPicture });
      const found = (await page.evaluate(measurement)) as string[];
      problems.push(...found.map((problem) => `${look}: ${problem}`));
    }
  }
  await page.emulateMedia({ colorScheme: null });
  if (before !== null) await page.setViewportSize(before);
  return problems;
}

/**
 * Runs in the page. Text contrast and field borders as WCAG 2.2 asks for (1.4.3, 1.4.11), controls of at least 44 by 44 (2.5.5;
 * links inside of sentences are excepted), nothing wider than the window, one main heading, a title, no id twice.
 */
const measurement = String.raw`(() => {
  const problems = [];
  const name = (element) => element.tagName.toLowerCase() + (element.id ? '#' + element.id : '') + ' "' + (element.textContent || element.name || '').trim().slice(0, 40) + '"';
  const parse = (color) => {
    const parts = (color.match(/[\d.]+/g) || []).map(Number);
    return { rgb: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1 };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { rgb, alpha } = parse(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
  };
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) problems.push('is ' + (root.scrollWidth - innerWidth) + 'px wider than the window');
  for (const element of document.querySelectorAll('body *')) {
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    if (box.width === 0 || style.visibility === 'hidden' || style.clipPath !== 'none') continue;
    const isControl = element.matches('button, input:not([type=hidden]), select, summary');
    if (isControl && (box.height < 43.5 || box.width < 43.5)) problems.push('small control: ' + name(element) + ' ' + box.width + 'x' + box.height);
    if (element.matches('input, select') && contrast(parse(style.borderTopColor).rgb, ground(element.parentElement)) < 3) problems.push('faint border: ' + name(element));
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    if (!hasText) continue;
    const size = parseFloat(style.fontSize);
    if (size < 12) problems.push('tiny text: ' + name(element));
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = contrast(parse(style.color).rgb, ground(element));
    if (ratio < (isLarge ? 3 : 4.5)) problems.push('faint text: ' + name(element) + ' ' + ratio.toFixed(2));
  }
  if (document.querySelectorAll('h1').length !== 1) problems.push('has not exactly one h1');
  if (document.title.trim() === '' || root.lang === '') problems.push('has no title or language');
  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
  if (new Set(ids).size !== ids.length) problems.push('uses an id twice');
  return problems;
})()`;
