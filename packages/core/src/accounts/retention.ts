/**
 * How long mail is kept: content, and events, each for a number of days or for ever. The installation has a setting, which
 * an account may have in another form. messages/expire.ts does what it says.
 */
import { MailError } from '../errors.ts'
import type { Attrs, Table } from '../ports/table.ts'
import { readRow } from '../store/codec.ts'
import { accountKey } from '../store/keys.ts'
import { writeIf } from '../store/once.ts'

/** Days after which each goes; 0 and absent mean never. */
export type Retention = { readonly contentDays?: number; readonly eventDays?: number }
/** Of an account: what is absent is as the installation has it. */
export type RetentionChange = { readonly [Name in keyof Retention]: number | null | undefined }

export const MAX_DAYS = 3650
/** A redelivered entry of the receive queue is recognised by the event of its message, for as long as entries can live. */
export const MIN_EVENT_DAYS = 30
const LEAST = { content: 1, events: MIN_EVENT_DAYS } as const
const FORM = `must be off, or days such as content=30,events=90: content from 1, events from ${MIN_EVENT_DAYS}, both to ${MAX_DAYS}`

/** Reads `off`, `content=30`, `events=90`, or both with a comma. @throws {Error} whose message says what is wrong */
export function retentionOf(text: string): Retention {
  if (text === 'off') return {}
  const parts = text.split(',').map((part) => /^(content|events)=(\d{1,4})$/.exec(part.trim()) ?? [])
  const days = new Map(parts.map(([, what, digits]) => [what as keyof typeof LEAST, Number(digits)]))
  const fits = [...days].every(([what, number]) => number >= LEAST[what] && number <= MAX_DAYS)
  if (!fits || days.size < parts.length) throw new Error(FORM)
  const [contentDays, eventDays] = [days.get('content'), days.get('events')]
  return { ...(contentDays !== undefined && { contentDays }), ...(eventDays !== undefined && { eventDays }) }
}

/** The retention of an account that has no other than the installation's, `initial`, where its row says none. */
export async function accountRetention(table: Table, accountId: string, initial: Retention): Promise<Retention> {
  const item = await table.get(accountKey(accountId))
  return { ...initial, ...(item && ownRetention(readRow('account', item))) }
}

/** What the row of an account says. */
export function ownRetention({ contentDays, eventDays }: Attrs): Retention {
  return {
    ...(typeof contentDays === 'number' && { contentDays }),
    ...(typeof eventDays === 'number' && { eventDays }),
  }
}

/**
 * Changes the retention of an account; null takes back what it has of its own. The next hour does what it says.
 * @throws {MailError} `not_found`, `invalid_message`
 */
export async function setRetention(table: Table, accountId: string, change: RetentionChange): Promise<void> {
  const { contentDays, eventDays } = change
  if (!isDays(contentDays, LEAST.content) || !isDays(eventDays, LEAST.events)) {
    throw new MailError('invalid_message', `The retention has ${FORM.replace('must be off, or ', '')}, or 0 for ever.`)
  }
  const given = Object.entries(change).filter(([, days]) => days !== undefined)
  const set = Object.fromEntries(given.filter(([, days]) => days !== null)) as Attrs
  const remove = given.flatMap(([name, days]) => (days === null ? [name] : []))
  const key = accountKey(accountId)
  if (await writeIf(table, { kind: 'update', key, set, remove, if: [{ exists: true }] })) return
  throw new MailError('not_found', 'Account not found')
}

const isDays = (days: number | null | undefined, least: number) =>
  days == null || days === 0 || (Number.isInteger(days) && days >= least && days <= MAX_DAYS)
