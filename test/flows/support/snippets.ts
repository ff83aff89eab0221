/**
 * Finds the examples of a page of documentation. Every `sh` and `ts` block is to run, in the page's order, and no other
 * kind. A `text` block right behind one is what it prints, with … for anything.
 */
export type Snippet = {
  readonly language: 'sh' | 'ts'
  readonly code: string
  readonly line: number
  readonly prints: string | undefined
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm

export function snippetsOf(page: string): readonly Snippet[] {
  const blocks = [...page.matchAll(FENCE)].map(({ 1: language = '', 2: code = '', index, 0: whole }) => ({
    language,
    code,
    line: page.slice(0, index).split('\n').length,
    from: index,
    to: index + whole.length,
  }))
  return blocks.flatMap(({ language, code, line, to }, n) => {
    if (language !== 'sh' && language !== 'ts') return []
    const next = blocks[n + 1]
    const printed = next?.language === 'text' && page.slice(to, next.from).trim() === ''
    return [{ language, code, line, prints: printed ? next.code : undefined }]
  })
}

/** Tells whether output reads as the page says. */
export function reads(prints: string, output: string): boolean {
  const [first = '', ...rest] = prints.trim().split('…')
  const text = output.trim()
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const [n, part] of rest.entries()) {
    const last = n === rest.length - 1
    const found = last ? text.length - part.length : text.indexOf(part, at)
    if (found < at || !text.startsWith(part, found)) return false
    at = found + part.length
  }
  return at === text.length
}
