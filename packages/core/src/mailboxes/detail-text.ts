/**
 * A detail as short text. Most fields of most parts say nothing, and what says nothing is left out, so that the detail of
 * a common message fits a row that is written anyway: a third of the JSON of the same object.
 */
import type { Address, AddressList } from '@kabutar/mail/mime/addresses.ts'
import type { Envelope, References } from '@kabutar/mail/mime/envelope.ts'
import type { MessageIndex, Part } from '@kabutar/mail/mime/part.ts'
import type { Json } from '../ports/table.ts'

/** What reading a message once tells. */
export type Detail = {
  readonly index: MessageIndex
  readonly preview: string
  /** Decoded bytes of attachments, by the number of their part. */
  readonly sizes: Readonly<Record<string, number>>
}

type Short = { readonly [name: string]: Json }
type Shortening<T> = { readonly [name in keyof T]: readonly [short: string, absent: Json] }
/** Of each field its short name, and what it is where it is left out. */
type Fields = readonly (readonly [name: string, short: string, absent: Json])[]

const PART = fieldsOf<Omit<Part, 'children' | 'message'>>({
  path: ['p', ''],
  headerStart: ['h', 0],
  bodyStart: ['b', 0],
  bodyEnd: ['e', 0],
  lines: ['l', 0],
  type: ['t', 'text'],
  subtype: ['s', 'plain'],
  params: ['a', []],
  encoding: ['c', '7bit'],
  id: ['i', null],
  description: ['D', null],
  disposition: ['d', null],
  language: ['L', []],
  location: ['u', null],
  md5: ['5', null],
  filename: ['f', null],
  opaque: ['o', null],
  declared: ['x', null],
  truncated: ['z', false],
})
const TEXTS = fieldsOf<Pick<Envelope, 'date' | 'subject' | 'inReplyTo' | 'messageId'>>({
  date: ['d', null],
  subject: ['s', null],
  inReplyTo: ['i', null],
  messageId: ['m', null],
})
const REFERENCES = fieldsOf<References>({ messageId: ['m', null], inReplyTo: ['i', []], references: ['r', []] })
const LISTS = [
  ['from', 'F'],
  ['sender', 'S'],
  ['replyTo', 'R'],
  ['to', 'T'],
  ['cc', 'C'],
  ['bcc', 'B'],
] as const

/** JSON; `detailOf` reads it. */
export function textOf({ index, preview, sizes }: Detail): string {
  const { root, envelope, references, size, parts, truncated } = index
  return JSON.stringify({
    r: shortPart(root),
    e: shortEnvelope(envelope),
    f: shortened(references, REFERENCES),
    n: size,
    c: parts,
    ...(truncated && { z: 1 }),
    ...(preview !== '' && { v: preview }),
    ...(Object.keys(sizes).length > 0 && { s: sizes }),
  })
}

export function detailOf(text: string): Detail {
  const { r, e, f, n, c, z, v, s } = JSON.parse(text) as Short
  const index = {
    size: n,
    root: partOf(r as Short),
    envelope: envelopeOf(e as Short),
    references: lengthened(f as Short, REFERENCES),
    parts: c,
    truncated: z === 1,
  }
  return {
    index: index as unknown as MessageIndex,
    preview: (v ?? '') as string,
    sizes: (s ?? {}) as Record<string, number>,
  }
}

function shortPart(part: Part): Short {
  return {
    ...shortened(part, PART),
    ...(part.children.length > 0 && { k: part.children.map(shortPart) }),
    ...(part.message && { m: { e: shortEnvelope(part.message.envelope), b: shortPart(part.message.body) } }),
  }
}

function partOf({ k, m, ...rest }: Short): Part {
  const message = m as { readonly e: Short; readonly b: Short } | undefined
  return {
    ...lengthened(rest, PART),
    children: ((k ?? []) as readonly Short[]).map(partOf),
    message: message === undefined ? null : { envelope: envelopeOf(message.e), body: partOf(message.b) },
  } as unknown as Part
}

/** Where a message has no Sender or Reply-To, its From stands for them. */
function shortEnvelope(envelope: Envelope): Short {
  const short: Record<string, Json> = { ...shortened(envelope, TEXTS) }
  const { from } = envelope
  for (const [name, as] of LISTS) {
    const list = envelope[name]
    const stoodFor = name === 'sender' || name === 'replyTo' ? isSameList(list, from) : list.length === 0
    if (!stoodFor) short[as] = shortList(list)
  }
  return short
}

const isSameList = (a: AddressList, b: AddressList) => a === b || JSON.stringify(a) === JSON.stringify(b)

function envelopeOf(short: Short): Envelope {
  const list = (name: string) => addressesOf((short[name] ?? []) as readonly Json[])
  const from = list('F')
  return {
    ...lengthened(short, TEXTS),
    from,
    sender: short.S === undefined ? from : list('S'),
    replyTo: short.R === undefined ? from : list('R'),
    to: list('T'),
    cc: list('C'),
    bcc: list('B'),
  } as unknown as Envelope
}

/** An address is a list of three; a group has its name first and the members as a list. */
function shortList(list: AddressList): readonly Json[] {
  return list.map((entry) => ('group' in entry ? [entry.group, entry.members.map(shortAddress)] : shortAddress(entry)))
}

const shortAddress = ({ name, mailbox, host }: Address): Json => [name, mailbox, host]

function addressesOf(list: readonly Json[]): AddressList {
  return list.map((entry) => {
    const [name, second, host] = entry as readonly [string, Json, string]
    if (typeof second === 'string') return { name, mailbox: second, host }
    return { group: name, members: addressesOf(second as readonly Json[]) as readonly Address[] }
  })
}

function fieldsOf<T>(shortening: Shortening<T>): Fields {
  const entries: readonly [string, readonly [string, Json]][] = Object.entries(shortening)
  return entries.map(([name, [short, absent]]) => [name, short, absent])
}

function shortened(from: object, fields: Fields): Short {
  const values = from as Short
  const short: Record<string, Json> = {}
  for (const [name, as, absent] of fields) {
    const value = values[name] ?? null
    if (!same(value, absent)) short[as] = value
  }
  return short
}

function lengthened(short: Short, fields: Fields): Short {
  const long: Record<string, Json> = {}
  for (const [name, as, absent] of fields) long[name] = short[as] ?? absent
  return long
}

const same = (value: Json, absent: Json) =>
  value === absent || (Array.isArray(value) && Array.isArray(absent) && value.length === 0)
