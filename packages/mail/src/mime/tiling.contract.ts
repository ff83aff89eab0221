import { paramOf } from './params.ts'
import { type MessageIndex, type Part, partsOf } from './part.ts'

/** Lists faults in the offsets of an index; empty if every range lies in the message and the parts tile it. */
export function tilingFaults(raw: Uint8Array, index: MessageIndex): readonly string[] {
  const parts = [...partsOf(index.root)]
  const paths = parts.map(({ path }) => path).filter((path) => path !== '')
  return [
    ...parts.flatMap((part) => partFaults(Buffer.from(raw), part).map((fault) => `${part.path}: ${fault}`)),
    ...said(index.root.headerStart === 0 && index.root.bodyEnd === raw.length, 'the root is not the message'),
    ...said(index.size === raw.length, 'size'),
    ...said(index.parts === parts.length, `${index.parts} parts, not ${parts.length}`),
    ...said(new Set(paths).size === paths.length, 'a section number twice'),
  ]
}

function partFaults(raw: Buffer, part: Part): readonly string[] {
  const { headerStart, bodyStart, bodyEnd, message } = part
  const lines = raw.subarray(bodyStart, bodyEnd).filter((byte) => byte === 0x0a).length
  return [
    ...said(0 <= headerStart && headerStart <= bodyStart && bodyStart <= bodyEnd && bodyEnd <= raw.length, 'ranges'),
    ...said(part.lines === lines, `${part.lines} lines, not ${lines}`),
    ...said(!message || (message.body.headerStart === bodyStart && message.body.bodyEnd === bodyEnd), 'inner message'),
    ...gapFaults(raw, part),
  ]
}

/** Checks that only a delimiter line is between two parts (RFC 2046 section 5.1.1). */
function gapFaults(raw: Buffer, { children, bodyStart, bodyEnd, params }: Part): readonly string[] {
  if (children.length === 0) return []
  const boundary = paramOf(params, 'boundary')!.trimEnd()
  // A boundary beyond ASCII is text in the parameter, not the bytes of the delimiter.
  const isAscii = /^[\x20-\x7e]*$/.test(boundary)
  const delimiter = new RegExp(
    `^(\\r?\\n)?--${isAscii ? boundary.replace(/[^\w]/g, '\\$&') : '[^\\n]*'}[ \\t\\r]*\\n?$`,
  )
  const between = children.slice(1).map((child, i) => raw.toString('latin1', children[i]!.bodyEnd, child.headerStart))
  const last = children[children.length - 1]!
  const end = raw.toString('latin1', last.bodyEnd, bodyEnd).trimStart()
  return [
    ...said(children[0]!.headerStart > bodyStart && last.bodyEnd <= bodyEnd, 'children outside'),
    ...between.filter((gap) => !delimiter.test(gap)).map((gap) => `gap ${JSON.stringify(gap)}`),
    ...said(end === '' || !isAscii || end.startsWith(`--${boundary}--`), `end ${JSON.stringify(end.slice(0, 80))}`),
  ]
}

function said(holds: boolean, fault: string): readonly string[] {
  return holds ? [] : [fault]
}
