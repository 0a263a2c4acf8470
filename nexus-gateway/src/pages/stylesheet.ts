/** The one stylesheet: system fonts, light and dark, no image and nothing from another host. */
export const stylesheet = `
:root {
  --page: #f3f4f1;
  --card: #ffffff;
  --line: #dcdfd8;
  --field-line: #7d857c;
  --text: #1c221e;
  --soft: #566059;
  --accent: #176149;
  --accent-strong: #0f4a37;
  --on-accent: #ffffff;
  --focus: #1d6fd1;
  --notice: #fff6dd;
  --notice-line: #b98512;
  --danger: #a8231b;
  --danger-soft: #fdf0ee;
  --code: #eef1ec;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121614;
    --card: #1b211e;
    --line: #323a35;
    --field-line: #87928a;
    --text: #e9eeea;
    --soft: #a9b4ac;
    --accent: #6ccca6;
    --accent-strong: #8bdcbb;
    --on-accent: #0c1f18;
    --focus: #8fbcff;
    --notice: #2b2614;
    --notice-line: #d9a93b;
    --danger: #ff9d92;
    --danger-soft: #2f1b19;
    --code: #262e29;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0;
  min-height: 100vh;
  padding: clamp(0rem, 4vw, 4rem) clamp(0rem, 3vw, 2rem);
  background: var(--page);
  color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
.card {
  width: 100%;
  max-width: 33rem;
  margin: 0 auto;
  padding: clamp(1.5rem, 5vw, 2.75rem);
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 1rem;
  box-shadow: 0 1px 2px rgb(0 0 0 / 0.04), 0 12px 32px rgb(0 0 0 / 0.06);
  overflow-wrap: anywhere;
}
@media (max-width: 36rem) {
  body { background: var(--card); }
  .card { border: 0; border-radius: 0; box-shadow: none; }
}
.brand {
  display: flex;
  align-items: center;
  gap: 0.5rem;
  margin: 0 0 1.75rem;
  color: var(--soft);
  font-size: 0.875rem;
  font-weight: 600;
  letter-spacing: 0.02em;
}
.mark {
  width: 1.125rem;
  height: 1.125rem;
  border: 0.25rem solid var(--accent);
  border-radius: 50%;
  border-right-color: transparent;
  transform: rotate(45deg);
}
h1 { margin: 0 0 1.25rem; font-size: clamp(1.375rem, 1.1rem + 1.4vw, 1.75rem); line-height: 1.25; letter-spacing: -0.01em; text-wrap: balance; }
h2 { margin: 1.75rem 0 0.5rem; font-size: 1rem; line-height: 1.4; }
p { margin: 0 0 1rem; }
a { color: var(--accent); text-underline-offset: 0.15em; }
a:hover { color: var(--accent-strong); }
code {
  padding: 0.1em 0.35em;
  background: var(--code);
  border-radius: 0.3em;
  font: 0.9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
.facts { margin: 0 0 1.25rem; border-top: 1px solid var(--line); }
.facts div { display: grid; grid-template-columns: 6.5rem 1fr; gap: 0.25rem 1rem; padding: 0.625rem 0; border-bottom: 1px solid var(--line); }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; font-weight: 600; }
@media (max-width: 20rem) { .facts div { grid-template-columns: 1fr; } }
.scopes { margin: 0 0 1.25rem; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: 0.5rem; }
.scopes code { display: inline-block; padding: 0.2em 0.6em; line-height: 1.45; }
.warning { margin: 1.5rem 0; padding: 0.875rem 1rem; background: var(--notice); border-left: 0.25rem solid var(--notice-line); border-radius: 0.375rem; }
.hint, .help { color: var(--soft); font-size: 0.9375rem; }
.hint:last-child { margin-bottom: 0; }
form { margin: 0 0 1.25rem; }
button {
  display: block;
  width: 100%;
  min-height: 3rem;
  padding: 0.75rem 1.25rem;
  background: var(--accent);
  color: var(--on-accent);
  border: 1px solid transparent;
  border-radius: 0.625rem;
  font: inherit;
  font-weight: 600;
  cursor: pointer;
}
button:hover { background: var(--accent-strong); }
.field { margin: 0 0 1.25rem; }
.field label { display: block; margin: 0 0 0.25rem; font-weight: 600; }
.field .help { margin: 0 0 0.375rem; }
.field .error { margin: 0 0 0.375rem; color: var(--danger); font-weight: 600; }
.mark-required { color: var(--danger); }
input, select {
  width: 100%;
  min-height: 3rem;
  padding: 0.625rem 0.75rem;
  background: var(--card);
  color: var(--text);
  border: 1px solid var(--field-line);
  border-radius: 0.5rem;
  font: inherit;
}
select {
  appearance: none;
  padding-right: 2.5rem;
  background-image: linear-gradient(45deg, transparent 50%, var(--soft) 50%), linear-gradient(135deg, var(--soft) 50%, transparent 50%);
  background-position: right 1.225rem center, right 0.85rem center;
  background-size: 0.375rem 0.375rem;
  background-repeat: no-repeat;
}
.invalid input, .invalid select { border: 2px solid var(--danger); }
.summary { margin: 0 0 1.75rem; padding: 1rem 1.25rem; background: var(--danger-soft); border: 2px solid var(--danger); border-radius: 0.625rem; }
.summary h2 { margin: 0 0 0.5rem; }
.summary ul { margin: 0; padding-left: 1.25rem; }
.summary a { color: var(--danger); font-weight: 600; }
:focus-visible, .summary:focus { outline: 3px solid var(--focus); outline-offset: 2px; }
.visually-hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (forced-colors: active) { .mark { border-color: CanvasText; } button { border-color: ButtonText; } select { appearance: auto; } }
@media print { .card { box-shadow: none; } }
`.trimStart();
