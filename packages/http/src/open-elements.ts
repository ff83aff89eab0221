/** Elements that are never open, and by tag the open elements that it ends (WHATWG HTML section 13.1.2.4). */
const VOID = new Set('area base basefont br col embed hr img input link meta param source track wbr'.split(' '))
const ENDED_BY: Readonly<Record<string, readonly string[]>> = {
  p: ['p'],
  li: ['li'],
  dt: ['dt', 'dd'],
  dd: ['dt', 'dd'],
  td: ['td', 'th'],
  th: ['td', 'th'],
  tr: ['td', 'th', 'tr'],
  tbody: ['td', 'th', 'tr', 'thead', 'tbody'],
  option: ['option'],
}
/** Mail that people write has fewer than 100. */
const MAX_OPEN = 500
const TAG = /<(\/?)([a-z][a-z0-9]*)/gi

/**
 * Answers the beginning of HTML in which at most 500 elements are open at once: parsers take a time for each tag that grows
 * with their number. Tags in comments and attributes count too.
 */
export function withinOpenElements(html: string): string {
  const open: string[] = []
  const openByName = new Map<string, number>()
  const count = (name: string, change: 1 | -1) => openByName.set(name, (openByName.get(name) ?? 0) + change)
  const close = () => count(open.pop() ?? '', -1)
  for (const { index, 1: slash, 2: written = '' } of html.matchAll(TAG)) {
    const name = written.toLowerCase()
    if (slash === '/') {
      // Looking through 500 open elements for one that is not there would take two seconds in a megabyte of end tags.
      const at = openByName.get(name) ? open.lastIndexOf(name) : open.length
      while (open.length > at) close()
    } else if (!VOID.has(name)) {
      while (ENDED_BY[name]?.includes(open.at(-1) ?? '')) close()
      if (open.length === MAX_OPEN) return html.slice(0, index)
      open.push(name)
      count(name, 1)
    }
  }
  return html
}
