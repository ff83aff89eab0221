/**
 * The changes of a mailbox, each with the number it has for ever. The last ones lie in the mailbox's own row, which every
 * change writes anyway; when that is full, they go into rows of consecutive changes, as many as a write unit has room
 * for. So a change costs a fraction of a row, and a gap in the rows means that some have expired.
 */
import type { Key, Write } from '../ports/table.ts'
import { expiryOf, type MailboxState } from './rows.ts'

export type Change = {
  readonly modSeq: number
  readonly kind: 'arrived' | 'expunged'
  readonly folder: string
  readonly uid: number
  /** The message. */
  readonly id: string
}
/** Its number is not known before it is written. */
export type NewChange = Omit<Change, 'modSeq'>

/** Beside an inbox, and beside a key and a `ttl`, within 1 KB. */
const MAX_RECENT_BYTES = 760
const MAX_ROW_BYTES = 880
/** No change is shorter: 36 characters are its id's. */
const MIN_BYTES = 40
/** A row has no more changes. */
export const MAX_CHANGES_A_ROW = Math.floor(MAX_ROW_BYTES / MIN_BYTES)
const MOD_SEQ_DIGITS = 16

/** A row is known by the last of its changes, so that those after any number begin with the first row from there on. */
export const changesKey = (pk: string, last: number): Key => ({
  pk,
  sk: `chg#${String(last).padStart(MOD_SEQ_DIGITS, '0')}`,
})

const SIGNS = { arrived: '+', expunged: '-' } as const
const KINDS = { '+': 'arrived', '-': 'expunged' } as const

const written = ({ kind, folder, uid, id }: NewChange) => `${SIGNS[kind]} ${uid} ${folder} ${id}`

function changeOf(text: string, modSeq: number): Change {
  const [sign = '+', uid, folder = '', id = ''] = text.split(' ')
  return { modSeq, kind: KINDS[sign as '+' | '-'], folder, uid: Number(uid), id }
}

/** Changes that end with the number `last`. */
export function changesOf(texts: readonly string[], last: number): readonly Change[] {
  return texts.map((text, i) => changeOf(text, last - texts.length + 1 + i))
}

export type Logged = Pick<MailboxState, 'newest' | 'recent'> & { readonly rows: readonly Write[] }

/** The log with `changes` at its end, and the rows that it has to write for that. */
export function logged(pk: string, state: MailboxState, changes: readonly NewChange[], nowMs: number): Logged {
  const newest = state.newest + changes.length
  const recent = [...state.recent, ...changes.map(written)]
  const rows: Write[] = []
  while (bytesOf(recent) > MAX_RECENT_BYTES) {
    const texts = recent.splice(0, fitting(recent))
    const item = { ...changesKey(pk, newest - recent.length), changes: texts, ttl: expiryOf(nowMs) }
    rows.push({ kind: 'put', item })
  }
  return { newest, recent, rows }
}

const bytesOf = (texts: readonly string[]) => texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0)

/** How many of the first texts a row has room for; at least one. */
function fitting(texts: readonly string[]): number {
  let left = MAX_ROW_BYTES
  const over = texts.findIndex((text) => {
    left -= Buffer.byteLength(text) + 1
    return left < 0
  })
  return Math.min(MAX_CHANGES_A_ROW, over === -1 ? texts.length : Math.max(1, over))
}
