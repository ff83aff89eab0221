/**
 * The Queue port over SQLite: durable entries with leases. The entries of a consumer that crashed become visible again
 * when their lease ends. An entry that was received `maxAttempts` times moves, when it is visible again, to the queue
 * `<name>:dlq`, which is a queue like any other.
 */
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Delivery, Outgoing, Queue, ReceiveOptions, Settlement } from '@kabutar/core/ports/queue.ts'
import { checkOutgoing } from '@kabutar/core/ports/queue-rules.ts'
import { type Engine, reading } from './engine.ts'
import { Waiters } from './waiters.ts'

export type SqliteQueue = Queue & {
  /**
   * Checks entries and prepares to send them in a transaction with other writes: `write` runs inside `Engine.commit`,
   * `announce` afterwards wakes a consumer.
   * @throws {StoreError} as `send`
   */
  prepare(messages: readonly Outgoing[]): { write(): void; announce(): void }
}

const SEND = 'INSERT INTO queue_entry (id, queue, visible_at, attempts, sent_at, body) VALUES (?, ?, ?, 0, ?, ?)'
const NEXT_VISIBLE = 'SELECT visible_at AS visibleAt FROM queue_entry WHERE queue = ? ORDER BY visible_at LIMIT 1'
const VISIBLE = `SELECT id, body, attempts + 1 AS attempt, sent_at AS sentAt FROM queue_entry
  WHERE queue = ? AND visible_at <= ? ORDER BY visible_at LIMIT ?`
const LEASE = 'UPDATE queue_entry SET visible_at = ?, attempts = ?, lease = ? WHERE id = ?'
const DONE = 'DELETE FROM queue_entry WHERE id = ? AND lease = ?'
const RETRY = 'UPDATE queue_entry SET visible_at = ?, lease = NULL WHERE id = ? AND lease = ?'
const TO_DEAD_LETTERS = `UPDATE queue_entry SET queue = ?, visible_at = ?, attempts = 0, lease = NULL
  WHERE id = ? AND lease = ?`
const EXTEND = 'UPDATE queue_entry SET visible_at = ? WHERE id = ? AND lease = ?'
const RELEASE_ALL = 'UPDATE queue_entry SET lease = NULL, visible_at = ? WHERE lease IS NOT NULL'
const COUNT = 'SELECT count(*) AS entries FROM queue_entry WHERE queue = ?'
const DEPTH = `SELECT count(*) FILTER (WHERE visible_at <= :now) AS ready,
  count(*) FILTER (WHERE visible_at > :now AND lease IS NOT NULL) AS leased,
  count(*) FILTER (WHERE visible_at > :now AND lease IS NULL) AS delayed FROM queue_entry WHERE queue = :queue`

type Visible = { readonly id: number; readonly body: string; readonly attempt: number; readonly sentAt: number }

export function sqliteQueue(
  engine: Engine,
  name: string,
  clock: Clock,
  options: { readonly maxAttempts: number },
): SqliteQueue {
  const entries = new Entries(engine, name, clock, options.maxAttempts)
  const waiters = waitersOf(engine, name, clock)
  /** Wakes a consumer now, and at the next of these times: entries are visible in so many milliseconds each. */
  const announce = (delays: readonly number[]) => {
    if (delays.includes(0)) waiters.wakeOne()
    const later = delays.filter((ms) => ms > 0)
    if (later.length > 0) waiters.wakeOneAt(clock.now() + Math.min(...later))
  }
  const prepare = (messages: readonly Outgoing[]) => {
    checkOutgoing(messages)
    return {
      write: () => entries.add(messages),
      announce: () => announce(messages.map(({ delayMs = 0 }) => delayMs)),
    }
  }
  return {
    maxAttempts: options.maxAttempts,
    prepare,
    async send(messages) {
      const sending = prepare(messages)
      if (messages.length === 0) return
      await engine.commit(sending.write)
      sending.announce()
    },
    receive: (wanted) => receive(engine, entries, clock, wanted),
    async settle(settlements) {
      const lost = await engine.commit(() => entries.settle(settlements))
      announce(settlements.flatMap((settlement) => (settlement.ok ? [] : [settlement.retryInMs])))
      return lost
    },
    async extend(deliveries, visibilityMs) {
      await engine.commit(() => entries.extend(deliveries, visibilityMs))
      announce([visibilityMs])
    },
    depth: async () => reading(() => entries.depth()),
  }
}

/** Counts the dead letters of a queue. @throws {StoreError} `Unavailable` */
export function countDeadLetters(engine: Engine, queue: string): number {
  return reading(() => Number(engine.statement(COUNT).get(`${queue}:dlq`)?.entries))
}

/**
 * Ends all leases. Call it at the start, when no consumer runs yet: then they are those of the process before this one.
 * The attempts stay counted, so that an entry that kills its process ends in the dead letters.
 */
export function releaseLeases(engine: Engine, clock: Clock): void {
  engine.db.prepare(RELEASE_ALL).run(clock.now())
}

function waitersOf(engine: Engine, queue: string, clock: Clock): Waiters {
  const waiters = engine.waiters.get(queue) ?? new Waiters(clock)
  engine.waiters.set(queue, waiters)
  return waiters
}

/** Reads and writes the entries of one queue. Methods that write run inside `Engine.commit`. */
class Entries {
  readonly name: string
  readonly deadLetters: string
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #maxAttempts: number

  constructor(engine: Engine, name: string, clock: Clock, maxAttempts: number) {
    this.name = name
    this.deadLetters = `${name}:dlq`
    this.#engine = engine
    this.#clock = clock
    this.#maxAttempts = maxAttempts
  }

  add(messages: readonly Outgoing[]): void {
    const now = this.#clock.now()
    const send = this.#engine.statement(SEND)
    for (const { body, delayMs = 0 } of messages)
      send.run(this.#engine.nextNumber(), this.name, now + delayMs, now, body)
  }

  /** Answers when the next entry becomes visible, in epoch milliseconds; Infinity if there is none. */
  nextVisible(): number {
    const next = reading(() => this.#engine.statement(NEXT_VISIBLE).get(this.name)) as { visibleAt: number } | undefined
    return next?.visibleAt ?? Number.POSITIVE_INFINITY
  }

  lease(max: number, visibilityMs: number): { deliveries: readonly Delivery[]; moved: number } {
    const now = this.#clock.now()
    const lease = this.#engine.nextNumber()
    const visible = this.#engine.statement(VISIBLE).all(this.name, now, max) as unknown as Visible[]
    const take = this.#engine.statement(LEASE)
    const deliveries: Delivery[] = []
    for (const { id, attempt, body, sentAt } of visible) {
      take.run(now + visibilityMs, attempt, lease, id)
      if (attempt > this.#maxAttempts) this.#toDeadLetters(id, lease)
      else deliveries.push({ id: String(id), body, attempt, sentAt, handle: String(lease) })
    }
    return { deliveries, moved: visible.length - deliveries.length }
  }

  settle(settlements: readonly Settlement[]): readonly string[] {
    const lost: string[] = []
    for (const settlement of settlements) {
      const { id, handle } = settlement.delivery
      const { changes } = settlement.ok
        ? this.#engine.statement(DONE).run(Number(id), Number(handle))
        : this.#engine.statement(RETRY).run(this.#clock.now() + settlement.retryInMs, Number(id), Number(handle))
      if (Number(changes) === 0) lost.push(id)
    }
    return lost
  }

  extend(deliveries: readonly Delivery[], visibilityMs: number): void {
    const until = this.#clock.now() + visibilityMs
    for (const { id, handle } of deliveries) this.#engine.statement(EXTEND).run(until, Number(id), Number(handle))
  }

  depth() {
    const row = this.#engine.statement(DEPTH).get({ now: this.#clock.now(), queue: this.name })
    return { ready: Number(row?.ready), leased: Number(row?.leased), delayed: Number(row?.delayed) }
  }

  #toDeadLetters(id: number, lease: number): void {
    this.#engine.statement(TO_DEAD_LETTERS).run(this.deadLetters, this.#clock.now(), id, lease)
  }
}

/** Waits until an entry is visible, is sent, or the time is over. It never polls. */
async function receive(
  engine: Engine,
  entries: Entries,
  clock: Clock,
  wanted: ReceiveOptions,
): Promise<readonly Delivery[]> {
  const { max, visibilityMs, waitMs, signal } = wanted
  const waiters = waitersOf(engine, entries.name, clock)
  const deadline = clock.now() + waitMs
  for (;;) {
    // After a full batch there are most likely more, so the entries themselves are read at once.
    const nextVisible = waiters.mayHaveMore ? 0 : entries.nextVisible()
    if (signal?.aborted) break
    if (nextVisible <= clock.now()) {
      const { deliveries, moved } = await engine.commit(() => entries.lease(max, visibilityMs))
      waiters.mayHaveMore = deliveries.length + moved === max
      if (moved > 0) waitersOf(engine, entries.deadLetters, clock).wakeOne()
      if (waiters.mayHaveMore) waiters.wakeOne()
      else if (waiters.needTimer) waiters.wakeOneAt(entries.nextVisible())
      waiters.wakeOneAt(clock.now() + visibilityMs)
      if (deliveries.length > 0) return deliveries
      if (moved > 0 || nextVisible === 0) continue
    }
    if (clock.now() >= deadline) break
    const waited = waiters.wait(deadline, signal)
    waiters.wakeOneAt(nextVisible)
    await waited
  }
  // The wake-up of a consumer that leaves goes to the next one.
  waiters.wakeOne()
  return []
}
