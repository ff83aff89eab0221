/**
 * Joins the lines of format=flowed text into paragraphs (RFC 3676 section 4). `deleteSpace` removes the blank before a soft
 * break (DelSp=yes). Quotes keep their marks, and lines of different quote depth are not joined.
 */
export function unflow(text: string, deleteSpace: boolean): string {
  const paragraphs: string[] = []
  let words: string[] = []
  let depth = 0
  const end = () => {
    if (words.length > 0) paragraphs.push(`${marks(depth)}${words.join('')}`)
    words = []
  }
  for (const line of text.split('\n')) {
    const own = quoteDepth(line)
    const rest = line.slice(own)
    const content = rest.startsWith(' ') ? rest.slice(1) : rest
    const isSignature = content === '-- '
    if (own !== depth || isSignature) end()
    depth = own
    const flows = content.endsWith(' ') && !isSignature
    words.push(flows && deleteSpace ? content.slice(0, -1) : content)
    if (!flows) end()
  }
  end()
  return paragraphs.join('\n')
}

const marks = (depth: number) => (depth === 0 ? '' : `${'>'.repeat(depth)} `)

function quoteDepth(line: string): number {
  let depth = 0
  while (line[depth] === '>') depth++
  return depth
}
