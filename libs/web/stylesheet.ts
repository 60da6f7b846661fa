/** The one stylesheet, served at `/assets/style.css`. Light and dark, from 360 px up, no font or image of its own. */
export const STYLESHEET = `
:root{color-scheme:light dark;--ink:#1b1f24;--muted:#57606a;--paper:#fff;--ground:#f3f5f8;--line:#d0d7de;--accent:#1f5fbf;--accent-ink:#fff;--bad:#a40e26;--good:#116329}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebef;--muted:#a3adb8;--paper:#171b21;--ground:#0e1116;--line:#343b44;--accent:#7fb0ff;--accent-ink:#0b1526;--bad:#ff8a94;--good:#7ee2a0}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:42rem;margin:0 auto;padding:1.5rem 1rem 3rem}
.card{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:1.25rem;margin:1rem 0}
.narrow{max-width:26rem;margin-inline:auto}
h1{font-size:1.5rem;line-height:1.25;margin:.25rem 0 .75rem}
h2{font-size:1.1rem;margin:0 0 .75rem}
p{margin:.5rem 0}
.muted{color:var(--muted);font-size:.925rem}
.code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}
a{color:var(--accent)}
form{margin:0}
button,.button{display:inline-block;font:inherit;font-weight:600;padding:.6rem 1rem;border-radius:8px;border:1px solid var(--accent);background:var(--accent);color:var(--accent-ink);cursor:pointer;text-decoration:none;text-align:center}
button.wide{display:block;width:100%;margin:.6rem 0}
button.quiet,.button.quiet{background:transparent;color:var(--accent)}
button.danger{background:transparent;border-color:var(--bad);color:var(--bad)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.notice{border-left:4px solid var(--good);padding:.5rem .75rem;background:var(--paper)}
.error{border-left-color:var(--bad)}
ul.plain,ol.plain{list-style:none;margin:0;padding:0}
ul.plain>li,ol.plain>li{border-top:1px solid var(--line);padding:.75rem 0;display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;justify-content:space-between}
ul.plain>li:first-child,ol.plain>li:first-child{border-top:0}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:center;margin-bottom:.5rem}
.grow{flex:1 1 14rem;min-width:0;overflow-wrap:anywhere}
.field{display:flex;flex-direction:column;gap:.25rem;margin:.75rem 0}
.field input{font:inherit;padding:.55rem .7rem;border:1px solid var(--muted);border-radius:8px;background:var(--paper);color:var(--ink)}
.field label{font-weight:600}
.error-text{color:var(--bad)}
.or{display:flex;align-items:center;gap:.75rem;color:var(--muted);margin:.75rem 0}
.or::before,.or::after{content:"";flex:1;border-top:1px solid var(--line)}
.mail{white-space:pre-wrap;overflow-wrap:anywhere}
.row{display:flex;flex-wrap:wrap;gap:.5rem}
`.trim();
