/**
 * Retention: each hour, with the sum of its storage, an account's content and events of whole UTC days that are old enough
 * go. Rows of messages stay, with what lists show of them. How far a day is done stands in the row of the day, so that a
 * day is walked through once; a message that comes late, or is deleted, makes a new row, and has the day looked at again.
 */
import { accountRetention, type Retention } from '../accounts/retention.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Attrs, Item } from '../ports/table.ts'
import type { Direction } from '../store/keys.ts'
import { writeIf } from '../store/once.ts'
import { loggedPage, readableRows } from '../store/pages.ts'
import { dayRows, isOver, rowsOfDay } from '../store/timeline.ts'
import { expireEvents } from '../webhooks/event.ts'
import { deleteContent } from './content.ts'
import { deleteRaw } from './delete.ts'
import { copiesOfSent } from './delete-sent.ts'
import { MEASURED_EVERY_MS } from './measure-storage.ts'
import { isPending, type Message, type SentMessage } from './message.ts'
import { isPlaced } from './references.ts'
import { isDeleted, markExpired, receivedOf, sentOf, writeGone } from './rows.ts'
import type { ReadingPorts } from './stored-reading.ts'

type ExpirePorts = ReadingPorts & { readonly clock: Clock; readonly log: Log; readonly retention?: Retention }

const DAY_MS = 86_400_000
/** Rows that are looked at before the rest waits a minute, so that mail behind the entry waits for seconds. */
const MAX_ROWS = 5000
const PAGE = 100
const AT_ONCE = 10

/**
 * Of a day's row: up to which id the day is walked through, whether messages were passed over, and that it is done, or when
 * the next walk may begin (epoch milliseconds).
 */
type Progress = {
  readonly to?: string
  readonly passedOver?: boolean
  readonly done?: boolean
  readonly nextAt?: number
}
type What = 'content' | 'events'
type Walk = {
  readonly what: What
  readonly days: number
  readonly accountId: string
  readonly budget: { rows: number }
  readonly signal: AbortSignal
}

/**
 * Deletes what the account's retention no longer keeps. A message whose sending has not ended keeps all, and is looked at
 * again an hour later. Answers false if there is more to do. Repeating it is no error.
 */
export async function expireMail(ports: ExpirePorts, accountId: string, signal: AbortSignal): Promise<boolean> {
  const { contentDays = 0, eventDays = 0 } = await accountRetention(ports.table, accountId, ports.retention ?? {})
  const budget = { rows: MAX_ROWS }
  const walks: [What, number][] = [
    ['content', contentDays],
    ['events', eventDays],
  ]
  for (const [what, days] of walks) {
    if (days > 0) await expireDays(ports, { what, days, accountId, budget, signal })
  }
  return budget.rows > 0 && !signal.aborted
}

async function expireDays(ports: ExpirePorts, walk: Walk): Promise<void> {
  for (const direction of ['in', 'out'] as const) {
    for await (const row of dayRows(ports.table, walk.accountId, direction)) {
      if (walk.budget.rows <= 0 || walk.signal.aborted) return
      const day = row.sk.slice(-'2026-01-31'.length)
      if (isOver(day, ports.clock.now() - walk.days * DAY_MS)) await expireDay(ports, walk, direction, day, row)
    }
  }
}

async function expireDay(ports: ExpirePorts, walk: Walk, direction: Direction, day: string, row: Item): Promise<void> {
  const { accountId, budget, signal } = walk
  let progress = progressOf(row, walk.what)
  if ((progress.nextAt ?? 0) > ports.clock.now()) return
  let isChanged = false
  while (!progress.done && budget.rows > 0 && !signal.aborted) {
    const rows = await rowsOfDay(ports.table, { accountId, direction, day, from: progress.to, wanted: PAGE })
    budget.rows -= rows.length
    const present = rows.filter((item) => !isDeleted(item))
    const messageOf = (item: Item): Message => (direction === 'out' ? sentOf(item) : receivedOf(item))
    // What a mailbox has keeps its content until it is expunged there.
    const free = present.filter((item) => walk.what === 'events' || !isPlaced(item))
    const { items } = loggedPage(ports, readableRows(free, messageOf))
    const expired = await expireAll(ports, walk, items.filter(hasEnded))
    const passedOver = progress.passedOver === true || expired < present.length
    const last = rows.at(-1)?.sk ?? progress.to
    isChanged = true
    if (rows.length === PAGE) progress = { ...(last !== undefined && { to: last }), passedOver }
    else {
      // A day that began anew each minute would take all rows of the budget from the days behind it.
      progress = passedOver ? { nextAt: ports.clock.now() + MEASURED_EVERY_MS } : { done: true }
      break
    }
  }
  if (isChanged) await writeDay(ports, row, walk.what, progress)
}

const progressOf = (row: Item, what: What): Progress => (row[`${what}Expiry`] ?? {}) as Progress

/** Has the octets of the day counted anew. A row that was renewed meanwhile says nothing, so the day is looked at again. */
async function writeDay({ table, clock }: ExpirePorts, row: Item, what: What, progress: Progress): Promise<void> {
  if (typeof row.at !== 'number') return
  const set = { [`${what}Expiry`]: progress as Attrs, ...(what === 'content' && { at: clock.now() }) }
  const remove = what === 'content' ? ['bytes', 'countedTo', 'closed'] : []
  await writeIf(table, { kind: 'update', key: row, set, remove, if: [{ attr: 'at', op: '=', value: row.at }] })
}

const hasEnded = (message: Message) =>
  message.direction === 'received' || !(isPending(message) || message.due !== undefined)

/** Answers how many messages are done; the others have changed since they were read. */
async function expireAll(ports: ExpirePorts, { what, days }: Walk, messages: readonly Message[]): Promise<number> {
  const isLeft = (message: Message) => (what === 'content' ? !isGone(message) : message.eventsExpiredAt === undefined)
  const left = messages.filter(isLeft).values()
  const now = ports.clock.now()
  let changed = 0
  const worker = async () => {
    for (const message of left) {
      if (what === 'content') {
        const isExpired = await expireContent(ports, message, now)
        if (!isExpired) changed++
      } else {
        await expireEvents(ports.table, message, days, now)
        await writeGone(ports.table, message, { eventsAt: now })
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return messages.length - changed
}

/** True of content that was deleted by hand, too. */
const isGone = ({ content }: Message) =>
  content.form === 'raw' ? content.reading.place === 'deleted' : content.place === 'deleted'

/**
 * Answers false if the message has changed since it was read. The mark comes first, so that no reader finds half of the
 * content; the row names what is left until nothing is.
 */
async function expireContent(ports: ExpirePorts, message: Message, now: number): Promise<boolean> {
  const { expiredAt, ...whole } = message
  if (expiredAt === undefined && !(await markExpired(ports.table, message, now))) return false
  if (whole.direction === 'sent') await deleteComposed(ports, whole)
  else await deleteRaw(ports, whole)
  await writeGone(ports.table, whole, 'content')
  return true
}

async function deleteComposed(ports: ExpirePorts, message: SentMessage): Promise<void> {
  const { accountId, id, content } = message
  await deleteContent(ports, accountId, id, content)
  await ports.blobs.delete(copiesOfSent(message))
}
