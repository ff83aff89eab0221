/** The rows of a queue: what is received, settled and given up. Methods that write run inside `Engine.commit`. */
import type { Clock } from '@kabutar/core/ports/clock.ts'
import {
  countedAttempts,
  type Delivery,
  type Failure,
  type Outgoing,
  QUEUE_RULES,
  type Settlement,
} from '@kabutar/core/ports/queue.ts'
import { type Engine, reading } from './engine.ts'

const SEND = 'INSERT INTO queue_entry (id, queue, visible_at, sent_at, body) VALUES (?, ?, ?, ?, ?)'
const NEXT_VISIBLE = 'SELECT visible_at AS visibleAt FROM queue_entry WHERE queue = ? ORDER BY visible_at LIMIT 1'
const COLUMNS = 'id, body, attempts + 1 AS attempt, excused, deaths, sent_at AS sentAt'
const VISIBLE = `SELECT ${COLUMNS} FROM queue_entry WHERE queue = ? AND visible_at <= ? ORDER BY visible_at LIMIT ?`
const VISIBLE_ALONE = `SELECT ${COLUMNS} FROM queue_entry WHERE queue = ? AND visible_at <= ? AND alone = 1
  ORDER BY visible_at LIMIT 1`
const ALONE = `SELECT count(*) AS entries, count(lease) FILTER (WHERE visible_at > ?) AS leased FROM queue_entry
  WHERE queue = ? AND alone = 1`
const LEASE = 'UPDATE queue_entry SET visible_at = ?, attempts = ?, lease = ? WHERE id = ?'
const DONE = 'DELETE FROM queue_entry WHERE id = ? AND lease = ?'
const RETRY = `UPDATE queue_entry SET visible_at = ?, excused = excused + ?, reason = ?, alone = 0, lease = NULL
  WHERE id = ? AND lease = ?`
const TO_DEAD_LETTERS = `UPDATE queue_entry SET queue = ?, visible_at = ?, attempts = 0, excused = 0, deaths = 0, alone = 0,
  lease = NULL WHERE id = ? AND lease = ?`
const EXTEND = 'UPDATE queue_entry SET visible_at = ? WHERE id = ? AND lease = ?'
const LEASED_QUEUES = 'SELECT queue, count(*) AS leased FROM queue_entry WHERE lease IS NOT NULL GROUP BY queue'
const RELEASE = `UPDATE queue_entry SET lease = NULL, visible_at = ?, alone = ?, deaths = deaths + ?, excused = excused + ?
  WHERE queue = ? AND lease IS NOT NULL`
const END_LONG_DELAYS = 'UPDATE queue_entry SET visible_at = ? WHERE visible_at > ? AND lease IS NULL'
const DEPTH = `SELECT count(*) FILTER (WHERE visible_at <= :now) AS ready,
  count(*) FILTER (WHERE visible_at > :now AND lease IS NOT NULL) AS leased,
  count(*) FILTER (WHERE visible_at > :now AND lease IS NULL) AS delayed FROM queue_entry WHERE queue = :queue`

type Visible = {
  readonly id: number
  readonly body: string
  readonly attempt: number
  readonly excused: number
  readonly deaths: number
  readonly sentAt: number
}
/** An entry that moved to the dead letters. */
export type DeadEntry = { readonly id: string; readonly attempts: number; readonly deaths: number }
/** `mustWait`: an entry that may have killed a process is in hand, and until it is settled no other is received. */
type Leased = {
  readonly deliveries: readonly Delivery[]
  readonly dead: readonly DeadEntry[]
  readonly mustWait: boolean
}

/** The queue of the dead letters of a queue. */
export const deadLettersOf = (queue: string): string => `${queue}:dlq`

/**
 * Ends all leases. Call it at the start, when no consumer runs yet: then they are those of the process before this one,
 * and one of their entries may have killed it. If a queue had one entry in hand, that is the one, and the attempt counts;
 * if it had several, no attempt counts. In `suspects`, the queues whose entries bring what strangers wrote, each of those
 * entries is received next while no other of its queue is in hand, so that the next death tells which one it is.
 */
export function releaseLeases(engine: Engine, clock: Clock, suspects: readonly string[]): void {
  const queues = engine.db.prepare(LEASED_QUEUES).all() as { queue: string; leased: number }[]
  for (const { queue, leased } of queues) {
    const [died, excused] = leased === 1 ? [1, 0] : [0, 1]
    engine.db.prepare(RELEASE).run(clock.now(), suspects.includes(queue) ? 1 : 0, died, excused, queue)
  }
}

/**
 * Makes entries visible that are delayed for longer than a delay can be: the time of day was set back since. Entries in
 * hand keep their leases, which are extended.
 */
export async function endLongDelays(engine: Engine, clock: Clock): Promise<void> {
  const now = clock.now()
  await engine.commit(() => engine.statement(END_LONG_DELAYS).run(now, now + QUEUE_RULES.maxDelayMs))
  for (const waiters of engine.waiters.values()) waiters.wakeOne()
}

export class QueueEntries {
  readonly name: string
  readonly deadLetters: string
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #maxAttempts: number
  /** Entries are marked at the start only, so without one there is nothing to look for. */
  #hasSuspects: boolean

  constructor(engine: Engine, name: string, clock: Clock, maxAttempts: number) {
    this.name = name
    this.deadLetters = deadLettersOf(name)
    this.#engine = engine
    this.#clock = clock
    this.#maxAttempts = maxAttempts
    this.#hasSuspects = this.#suspects().entries > 0
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

  lease(max: number, visibilityMs: number): Leased {
    const now = this.#clock.now()
    if (this.#hasSuspects && this.#suspects().leased > 0) return { deliveries: [], dead: [], mustWait: true }
    const suspect = this.#hasSuspects ? this.#engine.statement(VISIBLE_ALONE).all(this.name, now) : []
    const visible = suspect.length > 0 ? suspect : this.#engine.statement(VISIBLE).all(this.name, now, max)
    return this.#leaseAll(visible as unknown as Visible[], now, visibilityMs)
  }

  #leaseAll(visible: readonly Visible[], now: number, visibilityMs: number): Leased {
    const lease = this.#engine.nextNumber()
    const take = this.#engine.statement(LEASE)
    const deliveries: Delivery[] = []
    const dead: DeadEntry[] = []
    for (const { id, attempt, excused, deaths, body, sentAt } of visible) {
      take.run(now + visibilityMs, attempt, lease, id)
      if (countedAttempts({ attempt, excused }) > this.#maxAttempts) {
        this.#engine.statement(TO_DEAD_LETTERS).run(this.deadLetters, now, id, lease)
        dead.push({ id: String(id), attempts: attempt - 1 - excused, deaths })
      } else {
        const known = { ...(excused > 0 && { excused }), ...(deaths > 0 && { deaths }) }
        deliveries.push({ id: String(id), body, attempt, sentAt, handle: String(lease), ...known })
      }
    }
    return { deliveries, dead, mustWait: false }
  }

  /** `wakes`: a suspect is settled, so that a consumer which had to wait may go on. */
  settle(settlements: readonly Settlement[]): { readonly lost: readonly string[]; readonly wakes: boolean } {
    const lost: string[] = []
    for (const settlement of settlements) {
      const { id, handle } = settlement.delivery
      const { changes } = settlement.ok
        ? this.#engine.statement(DONE).run(Number(id), Number(handle))
        : this.#retry(settlement, settlement.delivery)
      if (Number(changes) === 0) lost.push(id)
    }
    const wakes = this.#hasSuspects
    if (wakes) this.#hasSuspects = this.#suspects().entries > 0
    return { lost, wakes }
  }

  extend(deliveries: readonly Delivery[], visibilityMs: number): void {
    const until = this.#clock.now() + visibilityMs
    for (const { id, handle } of deliveries) this.#engine.statement(EXTEND).run(until, Number(id), Number(handle))
  }

  depth() {
    const row = this.#engine.statement(DEPTH).get({ now: this.#clock.now(), queue: this.name })
    return { ready: Number(row?.ready), leased: Number(row?.leased), delayed: Number(row?.delayed) }
  }

  #retry({ retryInMs, waits, reason }: Omit<Failure, 'id'>, { id, handle }: Delivery) {
    const at = this.#clock.now() + retryInMs
    return this.#engine.statement(RETRY).run(at, waits ? 1 : 0, reason ?? null, Number(id), Number(handle))
  }

  #suspects() {
    const row = this.#engine.statement(ALONE).get(this.#clock.now(), this.name)
    return { entries: Number(row?.entries), leased: Number(row?.leased) }
  }
}
