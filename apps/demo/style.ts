/** The demo's one stylesheet: readable from 360 px up, light and dark, with visible keyboard focus. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #f6f7f9; --card: #fff; --line: #d0d7de; --brand: #4b5fc0; --on-brand: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa4b0; --paper: #14171b; --card: #1d2127; --line: #3a424c; --brand: #93a4f5; --on-brand: #14171b; } }
body.acme { --brand: #b3261e; } body.globex { --brand: #0f6e5c; } body.corp { --brand: #7a4a00; }
@media (prefers-color-scheme: dark) { body.acme { --brand: #ff9d94; } body.globex { --brand: #6fd6c0; } body.corp { --brand: #f0b860; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header { padding: 1rem; border-bottom: 3px solid var(--brand); background: var(--card); font-weight: 600; }
header span { color: var(--brand); }
main { max-width: 42rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.soft, small { color: var(--soft); }
a { color: var(--brand); }
ul.people { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: .5rem; }
button, a.button { font: inherit; display: inline-block; padding: .6rem 1rem; border-radius: .5rem; border: 1px solid var(--brand); background: var(--brand); color: var(--on-brand); text-decoration: none; cursor: pointer; }
button.quiet { background: transparent; color: var(--brand); }
ul.people button { width: 100%; text-align: left; background: var(--card); color: var(--ink); border-color: var(--line); }
ul.people button:hover { border-color: var(--brand); }
ul.people small { display: block; overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--brand); outline-offset: 2px; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin: 1.5rem 0; }
table { width: 100%; border-collapse: collapse; background: var(--card); }
th, td { text-align: left; vertical-align: top; padding: .5rem; border-bottom: 1px solid var(--line); }
th { width: 40%; font-weight: 600; overflow-wrap: anywhere; } td { overflow-wrap: anywhere; }
code { font: .95em ui-monospace, monospace; overflow-wrap: anywhere; }
`;
