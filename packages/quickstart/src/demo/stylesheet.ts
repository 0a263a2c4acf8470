export const stylesheet = `
:root {
  color-scheme: light dark;
  --page: #f3f1ec; --card: #ffffff; --text: #22201c; --soft: #5d584f; --line: #d8d3c8;
  --accent: #6b3fa0; --on-accent: #ffffff; --notice: #fdf0c9; --on-notice: #4d3b00; --bad: #a4161a; --good: #1c6b3c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #1a1917; --card: #262421; --text: #f0ede6; --soft: #b5afa3; --line: #46423b;
    --accent: #c9a7f2; --on-accent: #231437; --notice: #453a14; --on-notice: #fbe9b0; --bad: #ff9a96; --good: #8fd8aa;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
.notice { margin: 0; padding: .6rem 1rem; background: var(--notice); color: var(--on-notice); text-align: center; font-size: .9rem; }
main { width: min(30rem, 100% - 2rem); margin: clamp(1rem, 7vh, 5rem) auto 2rem; }
main.wide { width: min(46rem, 100% - 2rem); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: clamp(1.25rem, 5vw, 2.25rem); }
.mark { display: flex; align-items: center; gap: .6rem; margin: 0 0 1.25rem; color: var(--soft); font-weight: 600; }
.mark svg { width: 2rem; height: 2rem; flex: none; }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
p { margin: 0 0 1rem; }
.soft { color: var(--soft); }
.good { color: var(--good); }
.bad { color: var(--bad); }
label { display: block; margin-bottom: .35rem; font-weight: 600; }
input {
  width: 100%; padding: .7rem .8rem; border: 1px solid var(--soft); border-radius: 8px; background: var(--page);
  color: inherit; font: inherit;
}
input[aria-invalid="true"] { border: 2px solid var(--bad); }
.hint { margin: .4rem 0 1.25rem; font-size: .9rem; color: var(--soft); }
.problem { margin: .4rem 0 0; color: var(--bad); font-weight: 600; }
button {
  display: block; width: 100%; min-height: 2.9rem; padding: .6rem 1rem; border: 1px solid var(--accent);
  border-radius: 8px; background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; cursor: pointer;
  text-align: center; text-decoration: none;
}
button.quiet { background: transparent; color: var(--accent); }
button.plain {
  display: inline; width: auto; min-height: 2.75rem; padding: .35rem .1rem; border: 0; background: none; color: var(--accent);
  text-decoration: underline;
}
.card > :last-child, .card > form:last-child > p { margin-bottom: 0; }
form + form { margin-top: .75rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
ul.scopes { list-style: none; margin: 1rem 0 1.5rem; padding: 0; border: 1px solid var(--line); border-radius: 10px; }
ul.scopes li { padding: .7rem .9rem; }
ul.scopes li + li { border-top: 1px solid var(--line); }
ul.scopes code { display: block; color: var(--soft); }
code, pre { font: .86rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { margin: 0 0 1rem; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--page); border: 1px solid var(--line); border-radius: 8px; }
a { color: var(--accent); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0 0 1rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
`;
