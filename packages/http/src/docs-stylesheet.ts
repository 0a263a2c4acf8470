/** The stylesheet of the reference page; the service serves it from its own origin as text/css. */
export const docsStylesheet = `:root {
  color-scheme: light dark;
  --ground: #ffffff;
  --panel: #f5f6f8;
  --line: #d9dde3;
  --text: #1c2128;
  --quiet: #57606a;
  --link: #0b57b0;
  --get: #0b6b3a;
  --write: #8a4600;
  --delete: #a3201c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171c;
    --panel: #1d2229;
    --line: #373e48;
    --text: #e6e9ee;
    --quiet: #a3adba;
    --link: #7db4ff;
    --get: #5fd193;
    --write: #f0ae5c;
    --delete: #ff8a84;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0;
  background: var(--ground);
  color: var(--text);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: anywhere;
}
a { color: var(--link); }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; background: var(--ground); padding: 0.5rem 1rem; z-index: 1; }
header { padding: 2rem 1rem 1rem; max-width: 75rem; margin: 0 auto; }
h1 { margin: 0; font-size: 2rem; line-height: 1.2; }
h2 { font-size: 1.35rem; margin: 2rem 0 0.75rem; text-transform: capitalize; }
main > section:first-child > h2 { margin-top: 0; }
h3 { font-size: 1.05rem; margin: 0 0 0.5rem; }
h4 { font-size: 0.95rem; margin: 1.25rem 0 0.5rem; }
h5 { font-size: 0.85rem; margin: 0.75rem 0 0.25rem; color: var(--quiet); }
p { margin: 0.5rem 0; max-width: 65ch; }
.version, .media, .security, .limits { color: var(--quiet); font-size: 0.9rem; }
.layout { max-width: 75rem; margin: 0 auto; padding: 0 1rem 4rem; }
nav { border: 1px solid var(--line); border-radius: 0.5rem; padding: 0 1rem 1rem; background: var(--panel); }
nav h2 { font-size: 0.95rem; margin: 1rem 0 0.25rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: flex; align-items: baseline; gap: 0.5rem; padding: 0.45rem 0; text-decoration: none; font-size: 0.9rem; }
nav .method { flex: none; min-width: 3.9rem; text-align: center; }
nav a:hover code { text-decoration: underline; }
article { border: 1px solid var(--line); border-radius: 0.5rem; padding: 1rem; margin: 0 0 1rem; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.9em; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 0.375rem; padding: 0.75rem; overflow-x: auto; margin: 0.25rem 0; line-height: 1.45; }
pre code { overflow-wrap: normal; line-height: 1.45; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.75rem 0.4rem 0; border-bottom: 1px solid var(--line); font-weight: normal; }
thead th { color: var(--quiet); font-size: 0.8rem; }
th code { font-weight: 600; }
td, th { min-width: 6rem; }
@media (max-width: 40rem) {
  td, th { min-width: 3.75rem; padding-right: 0.5rem; }
  th:first-child { min-width: 6.4rem; }
  td:last-child { min-width: 6rem; }
}
.required { color: var(--write); font-size: 0.75rem; white-space: nowrap; }
.limits { display: block; font-size: 0.85rem; }
.method { font: 600 0.75rem/1 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; border: 1px solid currentColor; border-radius: 0.25rem; padding: 0.15rem 0.35rem; white-space: nowrap; }
.method-get { color: var(--get); }
.method-post, .method-put, .method-patch { color: var(--write); }
.method-delete { color: var(--delete); }
.summary { font-weight: 600; }
.deprecated { color: var(--delete); }
.status { font: 600 0.85rem/1 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.status-2, .status-3 { color: var(--get); }
.status-4 { color: var(--write); }
.status-5 { color: var(--delete); }
details { border-top: 1px solid var(--line); }
details[open] { padding-bottom: 0.6rem; }
summary { cursor: pointer; min-height: 2.75rem; padding: 0.6rem 0; }
@media (min-width: 60rem) {
  .layout { display: grid; grid-template-columns: 20rem minmax(0, 1fr); gap: 2rem; align-items: start; }
  nav { position: sticky; top: 1rem; max-height: calc(100vh - 2rem); overflow-y: auto; }
}
@media print {
  nav { display: none; }
  article { break-inside: avoid; }
}
`;
