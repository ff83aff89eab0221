/** What a restart finds in a data folder of which a disk lost a part. */
import { FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { systemClock } from '@kabutar/core/ports/clock.ts'
import type { Content } from '@kabutar/core/sending/content.ts'
import { isPending, type Message } from '@kabutar/core/sending/message.ts'
import { getWhole } from '@kabutar/core/sending/read.ts'
import { eventsOf } from '@kabutar/core/webhooks/event.ts'
import { localBlobs } from '@kabutar/local/blobs.ts'
import { type Engine, openEngine } from '@kabutar/local/engine.ts'
import { sqliteTable } from '@kabutar/local/table.ts'
import { mailOf, numberOf } from './mail.ts'

export type Found = {
  /** Acknowledged, and not there or not whole: the id and why. */
  readonly lost: readonly string[]
  /** SQLite's own word; the error if the folder can't be opened. */
  readonly integrity: string
  /** Acknowledged ones that were sent already. */
  readonly sent: number
}

/** Never throws: a folder that can't be opened has lost everything. */
export async function inspect(folder: string, acknowledged: readonly string[]): Promise<Found> {
  try {
    const engine = openEngine(folder)
    try {
      return await look(engine, folder, acknowledged)
    } finally {
      engine.close()
    }
  } catch (error) {
    return { lost: [...acknowledged], integrity: String(error), sent: 0 }
  }
}

async function look(engine: Engine, folder: string, acknowledged: readonly string[]): Promise<Found> {
  const table = sqliteTable(engine, systemClock)
  const blobs = localBlobs(engine, folder, { clock: systemClock, baseUrl: new URL('http://127.0.0.1') })
  const lost: string[] = []
  let sent = 0
  for (const id of acknowledged) {
    try {
      const { message, content } = await getWhole({ table, blobs }, FIRST_ACCOUNT, id)
      const events = await eventsOf(table, FIRST_ACCOUNT, id)
      const wrong = faultOf(message, content) ?? faultOfState(message, new Set(events.map(({ type }) => type)))
      if (wrong !== undefined) lost.push(`${id} ${wrong}`)
      if (!isPending(message)) sent++
    } catch (error) {
      lost.push(`${id} ${String(error)}`)
    }
  }
  return { lost, integrity: integrityOf(engine), sent }
}

function integrityOf(engine: Engine): string {
  try {
    return Object.values(engine.db.prepare('PRAGMA integrity_check').get() ?? {}).join()
  } catch (error) {
    return String(error)
  }
}

function faultOf(message: Message, content: Content | undefined): string | undefined {
  const mail = mailOf(numberOf(message.subject))
  if (content?.text !== mail.text) return 'has another text'
  if (content.attachments.length !== (mail.file ? 1 : 0)) return 'has other attachments'
  const [attachment] = content.attachments
  return attachment && mail.file && !mail.file.equals(attachment.content) ? 'has another file' : undefined
}

/** Work that is open has its time in `due`; an outcome has its event. */
function faultOfState(message: Message, events: ReadonlySet<string>): string | undefined {
  if (isPending(message) !== (message.due !== undefined))
    return `is pending: ${isPending(message)}, due: ${message.due}`
  const told = message.recipients.map(({ status }) => (status === 'queued' ? undefined : `email.${status}`))
  const untold = told.find((type) => type !== undefined && !events.has(type))
  return untold && `has a status without its event ${untold}`
}
