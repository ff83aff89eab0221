const SKIPPED = /^<(style|script|title|head|template)(?=[\s>/])/i

/**
 * Calls back for each text, decoded, and each tag, in order. One pass: scripts, styles and comments are skipped, an
 * unclosed one hides the rest, and a tag ends at the first `>`, even inside a quoted attribute.
 */
export function scanHtml(html: string, onText: (text: string) => void, onTag: (tag: string) => void): void {
  const tagStart = /<(?=[a-z!/?])/gi
  let at = 0
  while (at >= 0 && at < html.length) {
    tagStart.lastIndex = at
    const tag = tagStart.exec(html)?.index ?? html.length
    if (tag > at) onText(entities(html.slice(at, tag)))
    if (tag === html.length) return
    at = tagEnd(html, tag)
    if (at > 0) onTag(html.slice(tag, at))
  }
}

function tagEnd(html: string, tag: number): number {
  if (html.startsWith('<!--', tag)) return after(html, '-->', tag)
  const skipped = SKIPPED.exec(html.slice(tag, tag + 12))
  if (skipped === null) return after(html, '>', tag)
  const close = new RegExp(`</${skipped[1]}`, 'gi')
  close.lastIndex = tag
  return close.test(html) ? after(html, '>', close.lastIndex) : -1
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from)
  return at < 0 ? -1 : at + mark.length
}

/** The entity names of U+00A0 to U+00FF, in order. Case matters: `Ccedil` and `ccedil` are two letters. */
const LATIN_1 = `nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3
  acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig
  Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave
  Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave
  iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml`
const NAMED: ReadonlyMap<string, string> = new Map([
  ...LATIN_1.split(/\s+/).map((name, i) => [name, String.fromCharCode(0xa0 + i)] as const),
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', ' '],
  ['euro', '€'],
  ['ndash', '–'],
  ['mdash', '—'],
  ['hellip', '…'],
  ['lsquo', '‘'],
  ['rsquo', '’'],
  ['sbquo', '‚'],
  ['ldquo', '“'],
  ['rdquo', '”'],
  ['bdquo', '„'],
  ['lsaquo', '‹'],
  ['rsaquo', '›'],
  ['ensp', ' '],
  ['emsp', ' '],
  ['thinsp', ' '],
  ['zwnj', ''],
  ['zwj', ''],
  ['shy', ''],
  ['bull', '•'],
  ['trade', '™'],
  ['minus', '−'],
  ['check', '✓'],
  ['rarr', '→'],
  ['larr', '←'],
  ['OElig', 'Œ'],
  ['oelig', 'œ'],
  ['Scaron', 'Š'],
  ['scaron', 'š'],
])
/** Browsers read the character references 128 to 159 as windows-1252. */
const windows1252 = new TextDecoder('windows-1252')

function entities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z][a-z0-9]{1,9}));?/gi,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return NAMED.get(name) ?? NAMED.get(name.toLowerCase()) ?? whole
      const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal)
      if (code >= 0x80 && code <= 0x9f) return windows1252.decode(Uint8Array.of(code))
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ' '
    },
  )
}
