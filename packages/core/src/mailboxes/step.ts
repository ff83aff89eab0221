/**
 * One step of a change: the rows that were read of a mailbox, and what they are to become. All of it is written in one
 * transaction on the condition that no other writer was faster, so what a step reads is what it changes.
 */
import type { ContentRef } from '../messages/message.ts'
import { contentKey, contentRow, hasReferences, referencing } from '../messages/references.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import { type Attrs, type Item, type Key, StoreError, type Table, type Write } from '../ports/table.ts'
import { getAll, TABLE_RULES } from '../ports/table-rules.ts'
import { type Box, mailboxChangeKey } from '../store/mailbox-keys.ts'
import type { Change, MailboxState, Thread } from './model.ts'
import { type NotedChange, noted, storedChanges } from './noted-changes.ts'
import { entityOf, itemOf, type RowRef, stateRef } from './rows.ts'

export type MailboxPorts = {
  readonly table: Table
  readonly clock: Clock
  readonly ids: Ids
  /** How long messages stay in trash and spam. @default 30 days */
  readonly trashKeptMs?: number
}
type Slot = { readonly ref: RowRef<unknown>; readonly before: unknown; readonly after: unknown }
type Reference = {
  readonly content: ContentRef
  readonly item: Item | undefined
  readonly by: number
  /** The row is made by this step. */
  readonly isNew?: boolean
}

export const TRASH_KEPT_MS = 30 * 24 * 3_600_000
/** Changes are kept so long for sessions that were away. */
const CHANGE_KEPT_SECONDS = 90 * 24 * 3600
/** The state's row and that of the change. */
const OWN_WRITES = 2

export class Step {
  readonly box: Box
  readonly table: Table
  readonly trashKeptMs: number
  /** Epoch milliseconds. */
  readonly now: number
  /** Of this step. */
  readonly modSeq: number
  state: MailboxState
  readonly #before: MailboxState
  #slots = new Map<string, Slot>()
  #contents = new Map<string, Reference>()
  #changes: readonly NotedChange[] = []
  #others: readonly Write[] = []
  #abandoned = false

  constructor({ table, clock, trashKeptMs = TRASH_KEPT_MS }: MailboxPorts, box: Box, state: MailboxState) {
    const now = clock.now()
    this.trashKeptMs = trashKeptMs
    this.table = table
    this.box = box
    this.now = now
    this.state = state
    this.#before = state
    this.modSeq = state.modSeq + 1
  }

  /** Reads rows that `read` will ask for, in few calls. */
  async load(refs: readonly RowRef<unknown>[]): Promise<void> {
    const missing = [...new Map(refs.map((ref) => [ref.key.sk, ref])).values()].filter(
      ({ key }) => !this.#slots.has(key.sk),
    )
    const items = await getAll(
      this.table,
      missing.map(({ key }) => key),
    )
    missing.forEach((ref, i) => {
      const item = items[i]
      const entity = item && entityOf(ref, item)
      this.#slots.set(ref.key.sk, { ref, before: entity, after: entity })
    })
  }

  /** The entity as this step leaves it so far. */
  async read<T>(ref: RowRef<T>): Promise<T | undefined> {
    if (!this.#slots.has(ref.key.sk)) await this.load([ref])
    return this.#slots.get(ref.key.sk)?.after as T | undefined
  }

  /** A row that was written outside of the step and never changes. */
  learn<T>(ref: RowRef<T>, entity: T): void {
    this.#slots.set(ref.key.sk, { ref, before: entity, after: entity })
  }

  /** Reads a row again that another writer has put outside of a step. */
  async reload(ref: RowRef<unknown>): Promise<void> {
    this.#slots.delete(ref.key.sk)
    await this.load([ref])
  }

  put<T>(ref: RowRef<T>, entity: T): void {
    this.#slots.set(ref.key.sk, { ref, before: this.#slots.get(ref.key.sk)?.before, after: entity })
  }

  /** The row is deleted whether or not it was read. */
  remove(ref: RowRef<unknown>): void {
    const slot = this.#slots.get(ref.key.sk)
    this.#slots.set(ref.key.sk, { ref, before: slot === undefined ? {} : slot.before, after: undefined })
  }

  /** What a row was before this step, and what it is to be. */
  slotsOf(kind: RowRef<unknown>['kind']): readonly { before: unknown; after: unknown; key: Key }[] {
    const all = [...this.#slots.values()].filter(({ ref }) => ref.kind === kind)
    return all.map(({ ref, before, after }) => ({ key: ref.key, before, after }))
  }

  note(change: Change): void {
    this.#changes = noted(this.#changes, change)
  }

  /** The row of the message that holds a content. */
  async content(content: ContentRef): Promise<Item | undefined> {
    const known = this.#contents.get(content.id)
    if (known !== undefined) return known.item
    const item = contentRow(content, await this.table.get(contentKey(this.box.accountId, content)))
    this.#contents.set(content.id, { content, item, by: 0 })
    return item
  }

  /** Counts a placement that comes or goes. False if the content of a new one is gone for good. */
  async refer(content: ContentRef, by: 1 | -1): Promise<boolean> {
    const item = await this.content(content)
    const known = this.#contents.get(content.id)
    if (item === undefined || !hasReferences(item) || (by > 0 && item.expiredAt !== undefined)) return false
    if (known?.isNew) return true
    this.#contents.set(content.id, { content, item, by: (known?.by ?? 0) + by })
    return true
  }

  /** Makes the row of a message, which counts the one placement that it gets in this step. */
  own(content: ContentRef, item: Item): void {
    this.#contents.set(content.id, { content, item, by: 1, isNew: true })
  }

  /** Takes everything back that `work` did, and answers undefined, if it leaves more than one transaction takes. */
  async fits<T>(work: () => Promise<T>): Promise<T | undefined> {
    const [slots, contents, changes, state] = [this.#slots, this.#contents, this.#changes, this.state]
    this.#slots = new Map(slots)
    this.#contents = new Map(contents)
    const answer = await work()
    if (this.#weight() <= TABLE_RULES.maxTransact) return answer
    this.#slots = slots
    this.#contents = contents
    this.#changes = changes
    this.state = state
    return undefined
  }

  /** A write of a row outside of the mailbox, with conditions of its own. If they fail the step begins again. */
  also(write: Write): void {
    this.#others = [...this.#others, write]
  }

  /** Nothing of this step is to be written. */
  abandon(): void {
    this.#abandoned = true
  }

  /** As `fits`. @throws {StoreError} `TooLarge` if it does not fit */
  async must<T>(work: () => Promise<T>): Promise<T> {
    const answer = await this.fits(async () => ({ of: await work() }))
    if (answer === undefined) throw new StoreError('TooLarge', 'a change needs more rows than one transaction takes')
    return answer.of
  }

  /** At most so many rows are written, with those that follow from the threads. */
  #weight(): number {
    let weight = OWN_WRITES + [...this.#contents.values()].filter(({ by }) => by !== 0).length
    for (const slot of this.#slots.values()) {
      if (isSame(slot)) continue
      weight += 1
      if (slot.ref.kind === 'thread') weight += followers(slot.before, slot.after) + 1
    }
    return weight
  }

  /** All writes of the step; none if it changes nothing. */
  writes(): readonly Write[] {
    if (this.#abandoned) return []
    const rows = [...this.#slots.values()].filter((slot) => !isSame(slot)).map(writeOf)
    const contents = [...this.#contents.values()].flatMap(({ content, item, by, isNew }): Write[] => {
      if (item === undefined || by === 0) return []
      return [isNew ? { kind: 'put', item, if: [{ exists: false }] } : referencing(content, item, by, this.now)]
    })
    const isChanged = rows.length + contents.length > 0 || this.state !== this.#before
    return isChanged ? [...this.#ownWrites(), ...rows, ...contents, ...this.#others] : []
  }

  #ownWrites(): readonly Write[] {
    const { modSeq } = this
    const state = itemOf(stateRef(this.box), { ...this.state, modSeq })
    const change = { kind: 'mailbox-change', key: mailboxChangeKey(this.box, modSeq) } as const
    const ttl = Math.floor(this.now / 1000) + CHANGE_KEPT_SECONDS
    return [
      { kind: 'put', item: state, if: [{ attr: 'modSeq', op: '=', value: this.#before.modSeq }] },
      { kind: 'put', item: itemOf(change, { modSeq, changes: storedChanges(this.#changes), ttl }) },
    ]
  }
}

const isSame = ({ before, after }: Slot) =>
  before === after || (before !== undefined && JSON.stringify(before) === JSON.stringify(after))

function writeOf({ ref, after }: Slot): Write {
  if (after === undefined) return { kind: 'delete', key: ref.key }
  return { kind: 'put', item: itemOf(ref, after as Attrs) }
}

/** Order rows and folders that may be written with a thread. */
function followers(before: unknown, after: unknown): number {
  const [was, is] = [before, after].map((one) => (one === undefined ? {} : one) as Partial<Thread>)
  const orders = [was, is].map((one) => (one?.labels === undefined ? 0 : one.labels.length + 2))
  const folders = [was, is].map((one) => Object.keys(one?.folders ?? {}))
  const names = new Set(folders.flat())
  const changed = [...names].filter((name) => !folders.every((some) => some.includes(name))).length
  return (orders[0] ?? 0) + (orders[1] ?? 0) + changed
}
