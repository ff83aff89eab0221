/**
 * Background work gives way to the front door. What has been accepted is safe and can wait; a sender who waits at the door gives
 * up, or comes again later with more. So while messages come in at a high rate and keep the event loop busy for more than
 * half of the time, a consumer begins a batch each 100 ms, about a twentieth of the time; as soon as the loop has room again, one
 * after the other. It never starves: those batches come whatever else does, and once what it takes has waited for a minute it
 * rests no more than 5 ms between two, which is about half of the time.
 */
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import type { Clock } from '@kabutar/core/ports/clock.ts'

/** Resolves when the next batch may begin. `waitedMs`: how long the last one had lain in the queue. */
export type Turn = (waitedMs: number, signal: AbortSignal) => Promise<void>

const MOST_REST_MS = 100
const LOOK_EVERY_MS = 5
const BACKLOG_MS = 60_000
const JUDGE_EVERY_MS = 50
const HIGH_RATE_PER_SECOND = 200
const ROOM = 0.5

export class FrontDoor {
  readonly #clock: Clock
  readonly #idleShare: () => number
  #entered = 0
  #judgedAt: number
  #crowded = false

  /** `idleShare`: of the event loop's time, from 0 to 1, since it was last asked. */
  constructor(clock: Clock, idleShare = idleShareOfLoop()) {
    this.#clock = clock
    this.#idleShare = idleShare
    this.#judgedAt = clock.now()
  }

  /** A message is being accepted. */
  enter(): void {
    this.#entered++
  }

  /** Turns of one consumer, however many loops it has: they come one after another. */
  turns(): Turn {
    let last = Promise.resolve()
    return (waitedMs, signal) => {
      last = last.then(() => this.#rest(waitedMs > BACKLOG_MS ? LOOK_EVERY_MS : MOST_REST_MS, signal))
      return last
    }
  }

  async #rest(mostMs: number, signal: AbortSignal): Promise<void> {
    for (let rested = 0; rested < mostMs && this.#isCrowded() && !signal.aborted; rested += LOOK_EVERY_MS)
      await this.#clock.sleep(LOOK_EVERY_MS, signal)
  }

  /** Judged over 50 ms: within a few, a busy loop may not have come to the door at all, or senders may pause for breath. */
  #isCrowded(): boolean {
    const now = this.#clock.now()
    const ms = now - this.#judgedAt
    if (ms >= JUDGE_EVERY_MS) {
      const perSecond = (this.#entered * 1000) / ms
      this.#crowded = this.#idleShare() < ROOM && perSecond > HIGH_RATE_PER_SECOND
      this.#entered = 0
      this.#judgedAt = now
    }
    return this.#crowded
  }
}

function idleShareOfLoop(): () => number {
  let before: EventLoopUtilization = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return 1 - utilization
  }
}
