/**
 * Remembers which messages were written last, so that whoever looks at a list hears of new and changed ones when their
 * rows are committed. It is for a process that does all writes itself; a reader that was away for too long loads its list
 * again.
 */
import { type Clock, NO_ERROR } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Key, Table, Write } from '../ports/table.ts'
import { type MessageRef, messageOfKey } from '../store/keys.ts'

/** Counts the changes of all accounts together. */
const MOST_KEPT = 10_000
const EPOCH_BYTES = 6

/** The messages that changed, each once, and where the next read begins. */
type Changed = { readonly messages: readonly MessageRef[]; readonly cursor: string }
/** Counts the changes that the account has had in `last`, and keeps the newest of them by number. */
type AccountChanges = { last: number; readonly kept: Map<number, MessageRef> }

/** Numbers the changes of each account by themselves, so that a cursor tells nothing of what other accounts do. */
export class ChangeLog {
  readonly #clock: Pick<Clock, 'sleep'>
  readonly #epoch: string
  readonly #accounts = new Map<string, AccountChanges>()
  /** The account of each change that is kept, by the number of the change among those of all accounts. */
  readonly #order = new Map<number, string>()
  #noted = 0
  readonly #wakes = new Map<string, Set<() => void>>()

  constructor({ clock, ids }: { readonly clock: Pick<Clock, 'sleep'>; readonly ids: Pick<Ids, 'secret'> }) {
    this.#clock = clock
    // Cursors of an earlier process are recognised by it.
    this.#epoch = ids.secret(EPOCH_BYTES).toString('base64url')
  }

  /** The cursor after the last change of an account. */
  cursor(accountId: string): string {
    return this.#cursorAt(this.#accounts.get(accountId)?.last ?? 0)
  }

  note(key: Key): void {
    const found = messageOfKey(key)
    if (found === undefined) return
    const { accountId, ...message } = found
    const account = this.#accounts.get(accountId) ?? { last: 0, kept: new Map() }
    this.#accounts.set(accountId, account)
    account.kept.set(++account.last, message)
    this.#order.set(++this.#noted, accountId)
    this.#forget(this.#noted - MOST_KEPT)
    for (const wake of this.#wakes.get(accountId) ?? []) wake()
  }

  /** The changes of an account after a cursor, at most `limit` messages. Undefined if it is too old or of another process. */
  after(accountId: string, cursor: string, limit: number): Changed | undefined {
    const { last, kept } = this.#accounts.get(accountId) ?? { last: 0, kept: new Map<number, MessageRef>() }
    const from = this.#placeOf(cursor)
    if (from === undefined || from > last || from < last - kept.size) return undefined
    const messages = new Map<string, MessageRef>()
    let at = from
    while (at < last && messages.size < limit) {
      const message = kept.get(++at)
      if (message !== undefined) messages.set(message.id, message)
    }
    return { messages: [...messages.values()], cursor: this.#cursorAt(at) }
  }

  /** Waits until a message of the account has changed after `cursor`, `ms` are over, or the signal aborts. */
  async wait(accountId: string, cursor: string, ms: number, signal: AbortSignal): Promise<void> {
    // A change may have come since the caller looked.
    if (this.after(accountId, cursor, 1)?.messages.length !== 0) return
    const awake = new AbortController()
    const wake = () => awake.abort(NO_ERROR)
    const wakes = this.#wakes.get(accountId) ?? new Set()
    this.#wakes.set(accountId, wakes.add(wake))
    signal.addEventListener('abort', wake, { once: true })
    if (!signal.aborted) await this.#clock.sleep(ms, awake.signal)
    signal.removeEventListener('abort', wake)
    wakes.delete(wake)
    if (wakes.size === 0) this.#wakes.delete(accountId)
  }

  /** Forgets the oldest change, which is the `noted`th of all. */
  #forget(noted: number): void {
    const account = this.#accounts.get(this.#order.get(noted) ?? '')
    this.#order.delete(noted)
    account?.kept.delete(account.last - account.kept.size + 1)
  }

  #cursorAt(place: number): string {
    return `${this.#epoch}.${place}`
  }

  /** Undefined for any text that `#cursorAt` does not make. */
  #placeOf(cursor: string): number | undefined {
    const digits = /\.(\d{1,15})$/.exec(cursor)?.[1]
    const place = Number(digits)
    return digits !== undefined && cursor === this.#cursorAt(place) ? place : undefined
  }
}

/** The table, which notes each message row that was written, once it is on the disk. */
export function withChangeLog<T extends Table>(table: T, changes: Pick<ChangeLog, 'note'>): T {
  const noteAll = (writes: readonly Write[]) => {
    for (const write of writes) if (write.kind !== 'check') changes.note(write.kind === 'put' ? write.item : write.key)
  }
  return {
    ...table,
    async write(write) {
      const item = await table.write(write)
      noteAll([write])
      return item
    },
    async writeInOrder(writes) {
      await table.writeInOrder(writes)
      noteAll(writes)
    },
    async transact(writes, options) {
      await table.transact(writes, options)
      noteAll(writes)
    },
  }
}
