/** One clock for a whole simulation: time passes only while nobody works, and then to the next timer at once. */
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '@kabutar/core/ports/clock.ts'

type Timer = { readonly at: number; readonly fire: () => void }

export type SimulatedClock = Clock & {
  /** Counts the calls of a port that are running: time stands still until they have ended. */
  working<T extends object>(port: T): T
  /** Lets time pass until `isOver` answers true between two moments. @throws {Error} if there is no timer left */
  run(isOver: () => boolean): Promise<void>
}

/** Turns of the event loop without a running call, after which everybody is taken to wait for the time. */
const IDLE_TURNS = 3

export function simulatedClock(start: number): SimulatedClock {
  let now = start
  let running = 0
  const timers = new Set<Timer>()
  const after = (ms: number, fire: () => void) => {
    const timer = { at: now + Math.max(0, ms), fire }
    timers.add(timer)
    return () => void timers.delete(timer)
  }
  const idle = async () => {
    for (let turns = 0; turns < IDLE_TURNS; turns++) {
      await setImmediate()
      if (running > 0) turns = -1
    }
  }
  return {
    now: () => now,
    monotonic: () => now - start,
    after,
    turn: () => Promise.resolve(),
    sleep: (ms, signal) => sleepOn(after, ms, signal),
    working: (port) =>
      wrapCalls(port, async (call) => {
        running++
        try {
          return await call()
        } finally {
          running--
        }
      }),
    async run(isOver) {
      for (;;) {
        await idle()
        if (isOver()) return
        let next: Timer | undefined
        for (const timer of timers) if (next === undefined || timer.at < next.at) next = timer
        if (next === undefined) throw new Error('nobody waits for the time')
        timers.delete(next)
        now = Math.max(now, next.at)
        next.fire()
      }
    },
  }
}

function sleepOn(after: Clock['after'], ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const cancel = after(ms, () => {
      signal?.removeEventListener('abort', end)
      resolve()
    })
    const end = () => {
      cancel()
      resolve()
    }
    signal?.addEventListener('abort', end, { once: true })
  })
}

/** The port with each call of a method made by `around`. */
export function wrapCalls<T extends object>(
  port: T,
  around: (call: () => Promise<unknown>, name: string) => Promise<unknown>,
): T {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) =>
        around(async () => (await Reflect.apply(value, target, args)) as unknown, String(name))
    },
  })
}
