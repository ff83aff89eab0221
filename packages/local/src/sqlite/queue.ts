/**
 * The Queue port over the embedded engine: durable entries with leases. What a crashed consumer held comes back when
 * its lease runs out. An entry that was received `maxAttempts` times goes, when it is due again, to the queue
 * `<name>:dlq`, which is a queue like any other.
 */
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Delivery, Outgoing, Queue, ReceiveOptions, Settlement } from '@kabutar/core/ports/queue.ts'
import { checkOutgoing } from '@kabutar/core/ports/queue-rules.ts'
import { type Engine, reading } from './engine.ts'
import { Sleepers } from './waiters.ts'

const SEND = 'INSERT INTO entry (id, queue, due_at, attempts, sent_at, body) VALUES (?, ?, ?, 0, ?, ?)'
const NEXT_DUE = 'SELECT due_at AS dueAt FROM entry WHERE queue = ? ORDER BY due_at LIMIT 1'
const READY = `SELECT id, body, attempts + 1 AS attempt, sent_at AS sentAt FROM entry
  WHERE queue = ? AND due_at <= ? ORDER BY due_at LIMIT ?`
const LEASE = 'UPDATE entry SET due_at = ?, attempts = ?, lease = ? WHERE id = ?'
const DONE = 'DELETE FROM entry WHERE id = ? AND lease = ?'
const RETRY = 'UPDATE entry SET due_at = ?, lease = NULL WHERE id = ? AND lease = ?'
const GIVE_UP = 'UPDATE entry SET queue = ?, due_at = ?, attempts = 0, lease = NULL WHERE id = ? AND lease = ?'
const EXTEND = 'UPDATE entry SET due_at = ? WHERE id = ? AND lease = ?'
const DEPTH = `SELECT count(*) FILTER (WHERE due_at <= :now) AS ready,
  count(*) FILTER (WHERE due_at > :now AND lease IS NOT NULL) AS leased,
  count(*) FILTER (WHERE due_at > :now AND lease IS NULL) AS delayed FROM entry WHERE queue = :queue`

type Ready = { readonly id: number; readonly body: string; readonly attempt: number; readonly sentAt: number }

export function sqliteQueue(
  engine: Engine,
  name: string,
  clock: Clock,
  options: { readonly maxAttempts: number },
): Queue {
  const entries = new Entries(engine, name, clock, options.maxAttempts)
  const sleepers = sleepersOf(engine, name, clock)
  /** Entries that are due in so many milliseconds each. */
  const expect = (delays: readonly number[]) => {
    if (delays.includes(0)) sleepers.wakeOne()
    const later = delays.filter((ms) => ms > 0)
    if (later.length > 0) sleepers.expect(clock.now() + Math.min(...later))
  }
  return {
    maxAttempts: options.maxAttempts,
    async send(messages) {
      checkOutgoing(messages)
      if (messages.length === 0) return
      await engine.commit(() => entries.add(messages))
      expect(messages.map(({ delayMs = 0 }) => delayMs))
    },
    receive: (wanted) => receive(engine, entries, clock, wanted),
    async settle(settlements) {
      const lost = await engine.commit(() => entries.settle(settlements))
      expect(settlements.flatMap((settlement) => (settlement.ok ? [] : [settlement.retryInMs])))
      return lost
    },
    async extend(deliveries, visibilityMs) {
      await engine.commit(() => entries.extend(deliveries, visibilityMs))
      expect([visibilityMs])
    },
    depth: async () => reading(() => entries.depth()),
  }
}

function sleepersOf(engine: Engine, queue: string, clock: Clock): Sleepers {
  const sleepers = engine.sleepers.get(queue) ?? new Sleepers(clock)
  engine.sleepers.set(queue, sleepers)
  return sleepers
}

/** Entries of one queue in the engine; what writes runs inside `commit`. */
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

  /** When the next entry is due or its lease runs out, in epoch milliseconds. */
  nextDue(): number | undefined {
    const next = this.#engine.statement(NEXT_DUE).get(this.name) as { dueAt: number } | undefined
    return next?.dueAt
  }

  lease(max: number, visibilityMs: number): { deliveries: readonly Delivery[]; moved: number } {
    const now = this.#clock.now()
    const lease = this.#engine.nextNumber()
    const ready = this.#engine.statement(READY).all(this.name, now, max) as unknown as Ready[]
    const take = this.#engine.statement(LEASE)
    const deliveries: Delivery[] = []
    for (const { id, attempt, body, sentAt } of ready) {
      take.run(now + visibilityMs, attempt, lease, id)
      if (attempt > this.#maxAttempts) this.#giveUp(id, lease)
      else deliveries.push({ id: String(id), body, attempt, sentAt, handle: String(lease) })
    }
    return { deliveries, moved: ready.length - deliveries.length }
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

  #giveUp(id: number, lease: number): void {
    this.#engine.statement(GIVE_UP).run(this.deadLetters, this.#clock.now(), id, lease)
  }
}

/** Sleeps until an entry is due, is sent, or the wait is over; it never polls. */
async function receive(
  engine: Engine,
  entries: Entries,
  clock: Clock,
  wanted: ReceiveOptions,
): Promise<readonly Delivery[]> {
  const { max, visibilityMs, waitMs, signal } = wanted
  const sleepers = sleepersOf(engine, entries.name, clock)
  const deadline = clock.now() + waitMs
  for (;;) {
    // Who had as many as it wanted left some, most likely.
    const nextDue = sleepers.more ? 0 : (reading(() => entries.nextDue()) ?? Number.POSITIVE_INFINITY)
    if (signal?.aborted) break
    if (nextDue <= clock.now()) {
      const { deliveries, moved } = await engine.commit(() => entries.lease(max, visibilityMs))
      sleepers.more = deliveries.length + moved === max
      if (moved > 0) sleepersOf(engine, entries.deadLetters, clock).wakeOne()
      if (sleepers.more) sleepers.wakeOne()
      else if (sleepers.unwatched) sleepers.expect(reading(() => entries.nextDue()) ?? Number.POSITIVE_INFINITY)
      sleepers.expect(clock.now() + visibilityMs)
      if (deliveries.length > 0) return deliveries
      if (moved > 0 || nextDue === 0) continue
    }
    if (clock.now() >= deadline) break
    const slept = sleepers.sleep(deadline, signal)
    sleepers.expect(nextDue)
    await slept
  }
  // A wake-up meant for this consumer goes to the next one.
  sleepers.wakeOne()
  return []
}
