/**
 * The Queue port over SQLite: durable entries with leases. The entries of a consumer that crashed become visible again
 * when their lease ends. An entry whose receipts count as `maxAttempts` attempts moves, when it is visible again, to the
 * queue `<name>:dlq`, which is a queue like any other.
 */
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Delivery, Outgoing, Queue, ReceiveOptions } from '@kabutar/core/ports/queue.ts'
import { checkOutgoing } from '@kabutar/core/ports/queue-rules.ts'
import { type Engine, reading } from './engine.ts'
import { type DeadEntry, QueueEntries } from './queue-entries.ts'
import { Waiters } from './waiters.ts'

export type SqliteQueue = Queue & {
  /**
   * Checks entries and prepares to send them in a transaction with other writes: `write` runs inside `Engine.commit`,
   * `announce` afterwards wakes a consumer.
   * @throws {StoreError} as `send`
   */
  prepare(messages: readonly Outgoing[]): { write(): void; announce(): void }
}

const COUNT = 'SELECT count(*) AS entries FROM queue_entry WHERE queue = ?'

type QueueOptions = {
  readonly maxAttempts: number
  /** Gets an error line for each entry that moves to the dead letters. */
  readonly log?: Log
}

export function sqliteQueue(engine: Engine, name: string, clock: Clock, options: QueueOptions): SqliteQueue {
  const entries = new QueueEntries(engine, name, clock, options.maxAttempts)
  const waiters = waitersOf(engine, name, clock)
  /** Wakes a consumer now, and at the next of these times: entries are visible in so many milliseconds each. */
  const announce = (delays: readonly number[]) => {
    if (delays.includes(0)) waiters.wakeOne()
    const later = delays.filter((ms) => ms > 0)
    if (later.length > 0) waiters.wakeOneIn(Math.min(...later))
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
    receive: (wanted) => receive({ engine, entries, clock, ...options }, wanted),
    async settle(settlements) {
      const { lost, wakes } = await engine.commit(() => entries.settle(settlements))
      announce(settlements.flatMap((settlement) => (settlement.ok ? [] : [settlement.retryInMs])))
      if (wakes) waiters.wakeOne()
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

function waitersOf(engine: Engine, queue: string, clock: Clock): Waiters {
  const waiters = engine.waiters.get(queue) ?? new Waiters(clock)
  engine.waiters.set(queue, waiters)
  return waiters
}

type Context = QueueOptions & { readonly engine: Engine; readonly entries: QueueEntries; readonly clock: Clock }

/** Waits until an entry is visible, is sent, or the time is over. It never polls. */
async function receive(context: Context, wanted: ReceiveOptions): Promise<readonly Delivery[]> {
  const { engine, entries, clock } = context
  const { max, visibilityMs, waitMs, signal } = wanted
  const waiters = waitersOf(engine, entries.name, clock)
  const deadline = clock.monotonic() + waitMs
  for (;;) {
    // After a full batch there are most likely more, so the entries themselves are read at once.
    let nextVisible = waiters.mayHaveMore ? 0 : entries.nextVisible()
    if (signal?.aborted) break
    if (nextVisible <= clock.now()) {
      const { deliveries, dead, mustWait } = await engine.commit(() => entries.lease(max, visibilityMs))
      waiters.mayHaveMore = deliveries.length + dead.length === max
      if (dead.length > 0) announceDead(context, dead)
      if (waiters.mayHaveMore) waiters.wakeOne()
      else if (waiters.needTimer && !mustWait) waiters.wakeOneIn(entries.nextVisible() - clock.now())
      waiters.wakeOneIn(visibilityMs)
      if (deliveries.length > 0) return deliveries
      if (!mustWait && (dead.length > 0 || nextVisible === 0)) continue
      if (mustWait) nextVisible = clock.now() + visibilityMs
    }
    if (clock.monotonic() >= deadline) break
    const waited = waiters.wait(deadline - clock.monotonic(), signal)
    waiters.wakeOneIn(nextVisible - clock.now())
    await waited
  }
  // The wake-up of a consumer that leaves goes to the next one.
  waiters.wakeOne()
  return []
}

function announceDead({ engine, entries, clock, log }: Context, dead: readonly DeadEntry[]): void {
  waitersOf(engine, entries.deadLetters, clock).wakeOne()
  for (const { id, attempts, deaths } of dead) {
    log?.error('an entry is given up and lies in the dead letters', { queue: entries.name, id, attempts, deaths })
  }
}
