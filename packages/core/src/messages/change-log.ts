/**
 * Remembers which messages were written last, so that whoever looks at a list hears of new and changed ones when their
 * rows are committed. It is for a process that does all writes itself; a reader that was away for too long loads its list
 * again.
 */
import { type Clock, NO_ERROR } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Key, Table, Write } from '../ports/table.ts'
import { type MessageRef, messageOfKey } from '../store/keys.ts'

const MOST_KEPT = 10_000
const EPOCH_BYTES = 6

type Change = { readonly accountId: string; readonly message: MessageRef }
/** The messages that changed, each once, and where the next read begins. */
type Changed = { readonly messages: readonly MessageRef[]; readonly cursor: string }

export class ChangeLog {
  readonly #clock: Pick<Clock, 'sleep'>
  readonly #epoch: string
  readonly #changes = new Map<number, Change>()
  readonly #wakes = new Map<string, Set<() => void>>()
  #last = 0

  constructor({ clock, ids }: { readonly clock: Pick<Clock, 'sleep'>; readonly ids: Pick<Ids, 'secret'> }) {
    this.#clock = clock
    // Cursors of an earlier process are recognised by it.
    this.#epoch = ids.secret(EPOCH_BYTES).toString('base64url')
  }

  /** The cursor after the last change. */
  get cursor(): string {
    return this.#cursorAt(this.#last)
  }

  note(key: Key): void {
    const found = messageOfKey(key)
    if (found === undefined) return
    const { accountId, ...message } = found
    this.#changes.set(++this.#last, { accountId, message })
    this.#changes.delete(this.#last - MOST_KEPT)
    for (const wake of this.#wakes.get(accountId) ?? []) wake()
  }

  /** The changes of an account after a cursor, at most `limit` messages. Undefined if it is too old or of another process. */
  after(accountId: string, cursor: string, limit: number): Changed | undefined {
    const from = this.#placeOf(cursor)
    if (from === undefined) return undefined
    const messages = new Map<string, MessageRef>()
    let at = from
    while (at < this.#last && messages.size < limit) {
      const change = this.#changes.get(++at)
      if (change?.accountId === accountId) messages.set(change.message.id, change.message)
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

  #cursorAt(place: number): string {
    return `${this.#epoch}.${place}`
  }

  #placeOf(cursor: string): number | undefined {
    const [epoch, digits = ''] = cursor.split('.')
    const place = /^\d{1,15}$/.test(digits) ? Number(digits) : -1
    const isKnown = epoch === this.#epoch && place <= this.#last && place >= this.#last - MOST_KEPT
    return isKnown ? place : undefined
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
