import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Delivery, Queue } from '@kabutar/core/ports/queue.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { runConsumer } from './consumer.ts'
import { FrontDoor } from './load-shedding.ts'
import { jsonLog } from './log.ts'

const never = new AbortController().signal

/** A door whose time passes by sleeping alone; meanwhile `perMs` messages come in each millisecond. */
function doorWith({ perMs, idle }: { perMs: number; idle: () => number }) {
  let now = 1000
  const pass = (ms: number) => {
    now += ms
    for (let n = 0; n < ms * perMs; n++) door.enter()
  }
  const clock = { ...systemClock, now: () => now, sleep: async (ms: number) => pass(ms) }
  const door: FrontDoor = new FrontDoor(clock, idle)
  const turn = door.turns()
  return {
    async restBefore(waitedMs: number, signal = never): Promise<number> {
      pass(50)
      const from = now
      await turn(waitedMs, signal)
      return now - from
    },
    turn,
    now: () => now,
    pass,
  }
}

describe('how long a consumer rests before its next batch', () => {
  const cases = [
    { name: 'mail pours in and the loop is never idle', perMs: 1, idle: 0, rest: 100 },
    { name: 'likewise, and what it takes has waited for long', perMs: 1, idle: 0, waitedMs: 60_001, rest: 5 },
    { name: 'mail pours in and the loop has room', perMs: 1, idle: 0.6, rest: 0 },
    { name: 'the loop is never idle, by work of its own', perMs: 0, idle: 0, rest: 0 },
    { name: 'a hundred messages a second', perMs: 0.1, idle: 0, rest: 0 },
  ]
  for (const { name, perMs, idle, waitedMs = 0, rest } of cases) {
    test(`${name}: ${rest} ms`, async () => {
      const door = doorWith({ perMs, idle: () => idle })
      for (let batch = 0; batch < 3; batch++) assert.equal(await door.restBefore(waitedMs), rest)
    })
  }

  test('no longer than until there is room', async () => {
    const idles = [0, 0.9]
    const door = doorWith({ perMs: 1, idle: () => idles.shift() ?? 0 })
    assert.equal(await door.restBefore(0), 50)
  })

  test('loops of one consumer share its turns', async () => {
    const door = doorWith({ perMs: 1, idle: () => 0 })
    door.pass(50)
    const from = door.now()
    await Promise.all(Array.from({ length: 4 }, () => door.turn(0, never)))
    assert.equal(door.now() - from, 400)
  })

  test('not at all once it is told to stop', async () => {
    const door = doorWith({ perMs: 1, idle: () => 0 })
    assert.equal(await door.restBefore(0, AbortSignal.abort()), 0)
  })
})

test('a consumer waits its turn before each batch, and tells how long the last one had waited', async () => {
  const ending = new AbortController()
  const happened: string[] = []
  let now = 5000
  const entry: Delivery = { id: 'a', body: '{"v":1}', attempt: 1, sentAt: 2000, handle: 'a#1' }
  const queue: Queue = {
    maxAttempts: 5,
    send: async () => {},
    depth: async () => ({ ready: 0, leased: 0, delayed: 0 }),
    extend: async () => {},
    async receive() {
      happened.push('batch')
      if (happened.length > 6) ending.abort()
      return [entry]
    },
    settle: async () => [],
  }
  await runConsumer(queue, async () => [], {
    name: 'receive',
    concurrency: 1,
    batch: 10,
    visibilityMs: 30_000,
    clock: {
      ...systemClock,
      now: () => now,
      sleep: (_ms, signal) => new Promise((stop) => signal?.addEventListener('abort', () => stop())),
    },
    log: jsonLog('error'),
    signal: ending.signal,
    async turn(waitedMs) {
      happened.push(`turn ${waitedMs}`)
      now += 1000
    },
  })
  assert.deepEqual(happened.slice(0, 6), ['turn 0', 'batch', 'turn 4000', 'batch', 'turn 5000', 'batch'])
})
