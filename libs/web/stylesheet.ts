/** The colours, before an organization's own (theme.ts) replace some of them. */
export const PALETTE = {
  light: {
    ink: '#171a21',
    muted: '#59616e',
    paper: '#ffffff',
    ground: '#f2f4f9',
    'on-ground': '#262c38',
    line: '#dfe3ea',
    edge: '#7b8492',
    accent: '#3553d6',
    'accent-ink': '#ffffff',
    link: '#3553d6',
    bad: '#b3142e',
    good: '#11693a',
    wash: '#f6f7fb',
  },
  dark: {
    ink: '#e9ecf2',
    muted: '#a4adbb',
    paper: '#181c24',
    ground: '#0d1016',
    'on-ground': '#dfe4ec',
    line: '#2b313c',
    edge: '#7e8898',
    accent: '#8ea6ff',
    'accent-ink': '#0b1020',
    link: '#a3b6ff',
    bad: '#ff8f9b',
    good: '#7fdca4',
    wash: '#1f242e',
  },
} as const;

const variables = (colors: Readonly<Record<string, string>>): string =>
  Object.entries(colors)
    .map(([name, color]) => `--${name}:${color}`)
    .join(';');

/** The one stylesheet, served at `/assets/style.css`. Light and dark, from 360 px up, no font or image of its own. */
export const STYLESHEET = `
:root{color-scheme:light dark;${variables(PALETTE.light)}}
@media (prefers-color-scheme:dark){:root{${variables(PALETTE.dark)}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}
.skip{position:absolute;left:-999px}
.skip:focus{left:1rem;top:1rem;z-index:1;padding:.5rem .75rem;background:var(--paper);border-radius:8px}
h1,h2,p,ul,ol,dl,dd{margin:0}
h1{font-size:1.5rem;line-height:1.25;letter-spacing:-.015em;font-weight:680}
h2{font-size:1.0625rem;line-height:1.35;font-weight:640}
a{color:var(--link);text-underline-offset:.15em}
.muted{color:var(--muted);font-size:.9rem}
.code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em;overflow-wrap:anywhere}
.visually-hidden{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}

.brand{display:flex;align-items:center;gap:.7rem;color:var(--on-ground);font-weight:650;text-decoration:none;min-width:0}
.brand img{display:block;max-height:2.5rem;max-width:10rem}
.brand span{overflow-wrap:anywhere;min-width:0}
.monogram{flex:none;display:grid;place-items:center;width:2rem;height:2rem;border-radius:9px;background:var(--accent);color:var(--accent-ink);font-weight:700;line-height:1}
.focus{flex:1;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:1.25rem;padding:2rem 1rem 3rem}
.focus main{width:100%;display:flex;flex-direction:column;gap:1rem;align-items:center}

.card{width:100%;background:var(--paper);border:1px solid var(--line);border-radius:16px;padding:1.5rem;box-shadow:0 1px 2px rgb(16 24 40/.04),0 8px 24px rgb(16 24 40/.05)}
.narrow{max-width:26rem}
.stack>*+*{margin-top:1rem}
.stack>h1+p,.stack>h2+p{margin-top:.5rem}
.foot{border-top:1px solid var(--line);padding-top:1rem;display:flex;flex-direction:column;gap:.5rem;font-size:.95rem}

button,.button{display:inline-flex;align-items:center;justify-content:center;gap:.6rem;min-height:2.75rem;font:inherit;font-weight:620;line-height:1.2;padding:.55rem 1.1rem;border-radius:10px;border:1px solid transparent;background:var(--accent);color:var(--accent-ink);cursor:pointer;text-decoration:none;text-align:center;overflow-wrap:anywhere}
button:hover,.button:hover{filter:brightness(1.08)}
.wide{width:100%}
.quiet{background:transparent;border-color:var(--edge);color:var(--ink)}
.quiet:hover,.danger:hover{background:var(--wash);filter:none}
.danger{background:transparent;border-color:var(--bad);color:var(--bad)}
.small{min-height:2.25rem;padding:.35rem .8rem;font-size:.925rem}
.provider .monogram,.rows .monogram{background:var(--wash);color:var(--link);border:1px solid var(--line)}
.provider .monogram{width:1.5rem;height:1.5rem;border-radius:7px;font-size:.85rem}
.as-link{min-height:0;padding:0;border:0;background:none;color:var(--on-ground);font-weight:inherit;text-decoration:underline;text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:6px}

form{margin:0}
.field{display:flex;flex-direction:column;gap:.35rem}
.field+.field{margin-top:1rem}
.field+button,.field+.actions{margin-top:1.25rem}
.field label{font-weight:600;font-size:.95rem}
.field input{width:100%;min-height:2.75rem;font:inherit;padding:.5rem .8rem;border:1px solid var(--edge);border-radius:10px;background:var(--paper);color:var(--ink)}
.field input[aria-invalid]{border-color:var(--bad);box-shadow:0 0 0 1px var(--bad)}
.choice{margin:0;padding:.75rem .9rem;border:1px solid var(--line);border-radius:10px;min-width:0;display:flex;flex-direction:column;gap:.35rem}
.choice legend{padding:0 .3rem;font-weight:600;overflow-wrap:anywhere}
.choice label{display:flex;align-items:center;gap:.6rem;min-height:2rem}
.choice input{flex:none;width:1.25rem;height:1.25rem;margin:0;accent-color:var(--accent)}
.error-text{color:var(--bad);font-size:.925rem}
.or{display:flex;align-items:center;gap:.75rem;color:var(--muted);font-size:.9rem}
.or::before,.or::after{content:"";flex:1;border-top:1px solid var(--line)}
.providers{display:flex;flex-direction:column;gap:.6rem}

.notice{width:100%;border:1px solid var(--line);border-left:4px solid var(--good);border-radius:10px;padding:.7rem .9rem;background:var(--paper)}
.error{border-left-color:var(--bad)}

.site{width:100%;max-width:62rem;margin:0 auto;padding:1rem;display:flex;flex-wrap:wrap;gap:.75rem 1rem;align-items:center}
.site .brand{flex:1 1 12rem}
.wide-page{width:100%;max-width:62rem;margin:0 auto;padding:.5rem 1rem 3rem;display:grid;gap:1rem}
.tabs{display:flex;flex-wrap:wrap;gap:.25rem}
.tabs a{padding:.5rem .8rem;border-radius:10px;color:var(--on-ground);text-decoration:none;font-weight:560}
.tabs a[aria-current]{background:var(--paper);color:var(--ink);border:1px solid var(--line)}
.content{min-width:0;display:grid;gap:1rem;align-content:start}
@media (min-width:52rem){.wide-page{grid-template-columns:13rem minmax(0,1fr);gap:2rem}.tabs{flex-direction:column;flex-wrap:nowrap}.wide-page>h1,.wide-page>.notice{grid-column:1/-1}}

.rows{list-style:none;padding:0}
.rows>li{border-top:1px solid var(--line);padding:.9rem 0;display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:center}
.rows>li>form{margin-left:auto}
.rows>li:first-child{border-top:0}
.rows>li:last-child{padding-bottom:0}
.content>h1,.content>.muted{color:var(--on-ground)}
.grow{flex:1 1 9rem;min-width:0;overflow-wrap:anywhere}
.row{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center}
.tag{display:inline-block;padding:.05rem .5rem;border-radius:99px;border:1px solid var(--line);background:var(--wash);font-size:.825rem;font-weight:600}
.timeline{list-style:none;padding:0}
.timeline>li{position:relative;padding:0 0 1.1rem 1.5rem}
.timeline>li::before{content:"";position:absolute;left:.2rem;top:.5rem;width:.55rem;height:.55rem;border-radius:50%;background:var(--accent)}
.timeline>li::after{content:"";position:absolute;left:.45rem;top:1.2rem;bottom:-.35rem;border-left:1px solid var(--line)}
.timeline>li:last-child::after{display:none}
.mail{white-space:pre-wrap;overflow-wrap:anywhere}
@media (max-width:26rem){.focus{padding:1.25rem .75rem 2rem}.card{padding:1.25rem}}
`
  .trim()
  .replace(/\n+/g, '\n');
