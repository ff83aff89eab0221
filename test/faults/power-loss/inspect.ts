/** What a restart finds in a data folder of which a disk lost a part. */

import { FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { blobKey } from '@kabutar/core/messages/blob-keys.ts'
import type { Composed } from '@kabutar/core/messages/content.ts'
import { isPending, type SentMessage } from '@kabutar/core/messages/message.ts'
import { getWholeReceived, getWholeSent } from '@kabutar/core/messages/read.ts'
import type { ReadingPorts } from '@kabutar/core/messages/stored-reading.ts'
import { directCompute } from '@kabutar/core/ports/compute.ts'
import { parseReceiveEntry } from '@kabutar/core/receiving/entries.ts'
import { eventsOf, readPayload, receivedEventId } from '@kabutar/core/webhooks/event.ts'
import { localBlobs } from '@kabutar/local/files/blobs.ts'
import { type Engine, openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { mailOf, numberOf, rawOf } from './mail.ts'
import type { Acknowledged } from './records.ts'

export type Found = {
  /** Acknowledged, and not there or not whole: the id and why. */
  readonly lost: readonly string[]
  /** SQLite's own word; the error if the folder can't be opened. */
  readonly integrity: string
  /** Acknowledged ones that were sent or received already. */
  readonly done: number
}

/** Never throws: a folder that can't be opened has lost everything. */
export async function inspect(folder: string, acknowledged: readonly Acknowledged[]): Promise<Found> {
  try {
    const engine = openEngine(folder)
    try {
      return await look(engine, folder, acknowledged)
    } finally {
      engine.close()
    }
  } catch (error) {
    return { lost: acknowledged.map(({ id }) => id), integrity: String(error), done: 0 }
  }
}

async function look(engine: Engine, folder: string, acknowledged: readonly Acknowledged[]): Promise<Found> {
  const table = sqliteTable(engine, systemClock)
  const blobs = localBlobs(engine, folder, { clock: systemClock, baseUrl: new URL('http://127.0.0.1') })
  const shelf = { table, blobs, compute: directCompute, open: openEntries(engine) }
  const lost: string[] = []
  let done = 0
  for (const { flow, id } of acknowledged) {
    try {
      const seen = await (flow === 'outbound' ? outbound : inbound)(shelf, id)
      if (seen.wrong !== undefined) lost.push(`${flow} ${id} ${seen.wrong}`)
      if (seen.done) done++
    } catch (error) {
      lost.push(`${flow} ${id} ${String(error)}`)
    }
  }
  return { lost, integrity: integrityOf(engine), done }
}

type Shelf = ReadingPorts & { readonly open: ReadonlySet<string> }
type Seen = { readonly wrong: string | undefined; readonly done: boolean }

async function outbound(shelf: Shelf, id: string): Promise<Seen> {
  const { message, content } = await getWholeSent(shelf, FIRST_ACCOUNT, id)
  const told = await toldOf(shelf, id)
  return { wrong: faultOf(message, content) ?? faultOfState(message, told), done: !isPending(message) }
}

/** Until its entry is acknowledged a message is only a blob; from then on it has a row and an event. */
async function inbound(shelf: Shelf, id: string): Promise<Seen> {
  const raw = Buffer.from((await shelf.blobs.get(blobKey(FIRST_ACCOUNT, id))) ?? '')
  const number = numberOf(/^Subject: (.*)\r$/m.exec(raw.toString('latin1'))?.[1] ?? '')
  const sent = rawOf(number)
  if (!raw.subarray(-sent.length).equals(sent)) return { wrong: 'is not what was handed over', done: false }
  if (shelf.open.has(id)) return { wrong: undefined, done: false }
  await getWholeReceived(shelf, FIRST_ACCOUNT, id)
  const told = await readPayload(shelf.table, FIRST_ACCOUNT, id, receivedEventId(FIRST_ACCOUNT, id))
  return { wrong: told === undefined ? 'has no event' : undefined, done: true }
}

async function toldOf({ table }: Shelf, id: string): Promise<ReadonlySet<string>> {
  return new Set((await eventsOf(table, FIRST_ACCOUNT, id)).map(({ type }) => type))
}

/** Ids of messages that wait in the receive queue. */
function openEntries(engine: Engine): ReadonlySet<string> {
  const rows = engine.db.prepare("SELECT body FROM queue_entry WHERE queue = 'receive'").all() as { body: string }[]
  const entries = rows.map(({ body }) => parseReceiveEntry(body))
  return new Set(entries.flatMap((entry) => ('id' in entry ? [entry.id] : [])))
}

function integrityOf(engine: Engine): string {
  try {
    return Object.values(engine.db.prepare('PRAGMA integrity_check').get() ?? {}).join()
  } catch (error) {
    return String(error)
  }
}

function faultOf(message: SentMessage, content: Composed | undefined): string | undefined {
  const mail = mailOf(numberOf(message.subject))
  if (content?.text !== mail.text) return 'has another text'
  if (content.attachments.length !== (mail.file ? 1 : 0)) return 'has other attachments'
  const [attachment] = content.attachments
  return attachment && mail.file && !mail.file.equals(attachment.content) ? 'has another file' : undefined
}

/** Work that is open has its time in `due`; an outcome has its event. */
function faultOfState(message: SentMessage, events: ReadonlySet<string>): string | undefined {
  if (isPending(message) !== (message.due !== undefined))
    return `is pending: ${isPending(message)}, due: ${message.due}`
  const told = message.recipients.map(({ status }) => (status === 'queued' ? undefined : `email.${status}`))
  const untold = told.find((type) => type !== undefined && !events.has(type))
  return untold && `has a status without its event ${untold}`
}
