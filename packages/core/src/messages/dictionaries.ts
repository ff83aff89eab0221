/**
 * Dictionaries for the content of mails: what three mails of one sender to different recipients have in common, which is
 * their template. Against it a mail of 20 KB is packed into half a kilobyte. A dictionary is a row that never changes,
 * named after its bytes, and is written before the first content that names it; it stays when a message is deleted, so
 * nothing may be in it that was written to one recipient alone. A row per sender tells which there are.
 *
 * All of it only saves space: a lost race, or a sender's row that is not there, means to pack without.
 */
import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Clock } from '../ports/clock.ts'
import { type Item, isConditionFailed, type Key, type Table, type Write } from '../ports/table.ts'
import { isAlike, likeness, type Sketch, skeletonOf, sketchOf } from './skeleton.ts'

export type DictionaryPorts = { readonly table: Table; readonly clock: Clock }
export type Dictionary = { readonly name: string; readonly bytes: Buffer }
/** A mail before it is packed. `sender`: the address that it is from. */
export type Unpacked = {
  readonly accountId: string
  readonly sender: string
  readonly recipients: readonly string[]
  readonly json: string
}

type Known = { readonly name: string; readonly sketch: Sketch; readonly at: number }
type Recent = Pick<Unpacked, 'recipients' | 'json'> & { readonly sketch: Sketch }
type Sender = { row: Promise<SenderRow>; recent: readonly Recent[]; nextTryAt: number }
type SenderRow = { readonly version: number; readonly known: readonly Known[] }
type Memory = { readonly dictionaries: Map<string, Promise<Buffer | undefined>>; readonly senders: Map<string, Sender> }

/** Larger mails are packed without. */
export const MAX_UNPACKED = 64 * 1024
const MAX_KNOWN = 8
/** Mails that a skeleton is made of. */
const MAILS = 3
const MAX_RECENT = 6
const MAX_SENDERS = 128
const MAX_DICTIONARIES = 64
const TRY_EVERY_MS = 5000
/** One that takes the place of another comes at most so often. */
const REPLACE_EVERY_MS = 10 * 60_000
const MAX_BYTES = 128 * 1024
const NAME_LENGTH = 16

const dictionaryKey = (accountId: string, name: string): Key => ({ pk: `${accountId}#dict#${name}`, sk: 'v' })
const senderKey = (accountId: string, sender: string): Key => ({ pk: `${accountId}#dicts`, sk: sender })
const nameOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64url').slice(0, NAME_LENGTH)

const memories = new WeakMap<Table, Memory>()

function memoryOf(table: Table): Memory {
  const memory = memories.get(table) ?? { dictionaries: new Map(), senders: new Map() }
  memories.set(table, memory)
  return memory
}

/** A Map remembers the order in which its entries came. */
function asNewest<T>(map: Map<string, T>, key: string, value: T): T {
  map.delete(key)
  map.set(key, value)
  return value
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  const [oldest] = map.keys()
  if (oldest !== undefined && map.size >= most) map.delete(oldest)
}

/** The dictionary that was made of mails like this one. One read a sender and process, and one a dictionary. */
export async function dictionaryFor({ table }: DictionaryPorts, mail: Unpacked): Promise<Dictionary | undefined> {
  const { known } = await senderOf(table, mail).row
  if (known.length === 0) return undefined
  const sketch = sketchOf(mail.json)
  const best = known.toSorted((a, b) => likeness(b.sketch, sketch) - likeness(a.sketch, sketch))[0]
  if (best === undefined || !isAlike(best.sketch, sketch)) return undefined
  const bytes = await readDictionary(table, mail.accountId, best.name)
  return bytes && { name: best.name, bytes }
}

function senderOf(table: Table, { accountId, sender }: Unpacked): Sender {
  const { senders } = memoryOf(table)
  const key = `${accountId}/${sender}`
  const found = senders.get(key)
  if (found !== undefined) return asNewest(senders, key, found)
  dropOldest(senders, MAX_SENDERS)
  const fresh: Sender = { row: readSender(table, accountId, sender), recent: [], nextTryAt: 0 }
  fresh.row.catch(() => senders.delete(key))
  senders.set(key, fresh)
  return fresh
}

async function readSender(table: Table, accountId: string, sender: string): Promise<SenderRow> {
  const item = await table.get(senderKey(accountId, sender))
  return { version: (item?.v as number | undefined) ?? 0, known: (item?.known ?? []) as unknown as readonly Known[] }
}

/** Undefined if there is none of that name. It never changes, so a process reads it once. @throws {StoreError} */
export function readDictionary(table: Table, accountId: string, name: string): Promise<Buffer | undefined> {
  const { dictionaries } = memoryOf(table)
  const key = `${accountId}/${name}`
  const found = dictionaries.get(key)
  if (found !== undefined) return asNewest(dictionaries, key, found)
  dropOldest(dictionaries, MAX_DICTIONARIES)
  const bytes = table.get(dictionaryKey(accountId, name)).then((item) => item && bytesOf(item, name))
  dictionaries.set(key, bytes)
  // Not there, or not to be read now: ask again.
  const forget = () => dictionaries.delete(key)
  bytes.then((there) => there === undefined && forget(), forget)
  return bytes
}

function bytesOf(item: Item, name: string): Buffer | undefined {
  const bytes = inflateRawSync(Buffer.from(item.data as string, 'base64'), { maxOutputLength: MAX_BYTES })
  return nameOf(bytes) === name ? bytes : undefined
}

/**
 * Remembers a mail that no dictionary fits, and makes one of it if it is the third of its like; `pays` decides. What
 * does not pay is not tried again for five seconds. One that takes the place of another, because it fits its mails better
 * or the sender has eight already, waits until that is ten minutes old.
 */
export async function learn(
  ports: DictionaryPorts,
  mail: Unpacked,
  pays: (dictionary: Buffer) => boolean,
): Promise<Dictionary | undefined> {
  const sender = senderOf(ports.table, mail)
  const now = ports.clock.now()
  const sketch = sketchOf(mail.json)
  const others = likeThis(sender.recent, mail, sketch)
  sender.recent = [{ sketch, json: mail.json, recipients: mail.recipients }, ...sender.recent].slice(0, MAX_RECENT)
  if (others.length < MAILS - 1 || sender.nextTryAt > now) return undefined
  const bytes = Buffer.from(skeletonOf(mail.json, others))
  const made = { name: nameOf(bytes), sketch, at: now }
  const kept = pays(bytes) ? await keep(ports, mail, sender, made, bytes) : undefined
  if (kept === undefined) sender.nextTryAt = now + TRY_EVERY_MS
  return kept
}

/** No two of them and this one have a recipient in common. */
function likeThis(recent: readonly Recent[], mail: Unpacked, sketch: Sketch): readonly string[] {
  const seen = new Set(mail.recipients)
  const found: string[] = []
  for (const one of recent) {
    if (found.length === MAILS - 1) break
    if (!isAlike(one.sketch, sketch) || one.recipients.some((recipient) => seen.has(recipient))) continue
    for (const recipient of one.recipients) seen.add(recipient)
    found.push(one.json)
  }
  return found
}

/** The dictionary first, then the sender's row that tells of it, unless another process made one meanwhile. */
async function keep(
  { table }: DictionaryPorts,
  { accountId, sender }: Unpacked,
  memory: Sender,
  made: Known,
  bytes: Buffer,
): Promise<Dictionary | undefined> {
  const { version } = await memory.row
  const row = await readSender(table, accountId, sender)
  memory.row = Promise.resolve(row)
  if (row.version !== version) return undefined
  const alike = row.known.find(({ sketch }) => isAlike(sketch, made.sketch))
  const replaced = alike ?? (row.known.length >= MAX_KNOWN ? row.known[0] : undefined)
  if (replaced && made.at < replaced.at + REPLACE_EVERY_MS) return undefined
  const data = deflateRawSync(bytes).toString('base64')
  await table.write({ kind: 'put', item: { ...dictionaryKey(accountId, made.name), data } })
  memoryOf(table).dictionaries.set(`${accountId}/${made.name}`, Promise.resolve(bytes))
  const others = row.known.filter((one) => one !== alike)
  const next = { version: version + 1, known: [made, ...others].slice(0, MAX_KNOWN) }
  if (await putSender(table, senderKey(accountId, sender), version, next)) memory.row = Promise.resolve(next)
  return { name: made.name, bytes }
}

async function putSender(table: Table, key: Key, before: number, { version, known }: SenderRow): Promise<boolean> {
  const unchanged = before === 0 ? ({ exists: false } as const) : ({ attr: 'v', op: '=', value: before } as const)
  const write: Write = {
    kind: 'put',
    item: { ...key, v: version, known: known.map(({ name, sketch, at }) => ({ name, sketch, at })) },
    if: [unchanged],
  }
  try {
    await table.write(write)
    return true
  } catch (error) {
    if (isConditionFailed(error)) return false
    throw error
  }
}
