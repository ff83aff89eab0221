import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Delivery, Queue } from '@kabutar/core/ports/queue.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { runConsumer } from './consumer.ts'
import { LoadShedding, waitsForChanges } from './load-shedding.ts'
import { jsonLog } from './log.ts'

const never = new AbortController().signal

/** Load shedding on a clock whose time passes only while somebody sleeps; `onSleep` runs in each sleep. */
function shedding(onSleep: () => void = () => {}) {
  let now = 1000
  const load = new LoadShedding({
    async sleep(ms) {
      now += ms
      onSleep()
    },
  })
  const turn = load.turns()
  return {
    load,
    turn,
    now: () => now,
    async restBefore(ageMs: number, signal = never): Promise<number> {
      const from = now
      await turn(ageMs, signal)
      return now - from
    },
  }
}

/** Begins to accept so many messages; the answer ends them all. */
function acceptAtOnce(load: LoadShedding, count: number): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (let n = 0; n < count; n++) void load.during(() => promise)
  return resolve
}

describe('how long a consumer rests before its next batch', () => {
  const cases = [
    { name: 'many messages are being accepted', inFlight: 50, ageMs: 0, rest: 100 },
    {
      name: 'many messages are being accepted, and what it takes has waited for a minute',
      inFlight: 50,
      ageMs: 60_001,
      rest: 5,
    },
    { name: 'a few messages are being accepted', inFlight: 3, ageMs: 0, rest: 0 },
    { name: 'nothing is being accepted', inFlight: 0, ageMs: 0, rest: 0 },
  ]
  for (const { name, inFlight, ageMs, rest } of cases) {
    test(`${name}: ${rest} ms`, async () => {
      const { load, restBefore } = shedding()
      acceptAtOnce(load, inFlight)
      for (let batch = 0; batch < 3; batch++) assert.equal(await restBefore(ageMs), rest)
    })
  }

  test('a thousand messages that come one after another: 0 ms', async () => {
    const { load, restBefore } = shedding()
    for (let n = 0; n < 1000; n++) await load.during(async () => {})
    assert.equal(await restBefore(0), 0)
  })

  test('many that were accepted between two looks count, as a commit ends all of them at once', async () => {
    const { load, restBefore } = shedding(() => acceptAtOnce(load, 50)())
    acceptAtOnce(load, 50)()
    assert.equal(await restBefore(0), 100)
  })

  test('no longer than they are being accepted', async () => {
    let sleeps = 0
    const { load, restBefore } = shedding(() => {
      if (++sleeps === 10) end()
    })
    const end = acceptAtOnce(load, 50)
    const rest = await restBefore(0)
    assert.ok(rest >= 50 && rest <= 60, `${rest} ms`)
  })

  test('a message that was refused is no longer counted', async () => {
    const { load, restBefore } = shedding()
    const refused = Array.from({ length: 50 }, () => load.during(() => Promise.reject(new Error('refused'))))
    await Promise.allSettled(refused)
    await restBefore(0)
    assert.equal(await restBefore(0), 0)
  })

  test('the loops of one consumer share its turns', async () => {
    const { load, turn, now } = shedding()
    acceptAtOnce(load, 50)
    const from = now()
    await Promise.all(Array.from({ length: 4 }, () => turn(0, never)))
    assert.equal(now() - from, 400)
  })

  test('not at all after the signal aborts', async () => {
    const { load, restBefore } = shedding()
    acceptAtOnce(load, 50)
    assert.equal(await restBefore(0, AbortSignal.abort()), 0)
  })
})

test('a consumer waits for its turn before each batch, and passes on how old the last batch was', async () => {
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
    random: Math.random,
    log: jsonLog('error'),
    signal: ending.signal,
    async turn(ageMs) {
      happened.push(`turn ${ageMs}`)
      now += 1000
    },
  })
  assert.deepEqual(happened.slice(0, 6), ['turn 0', 'batch', 'turn 4000', 'batch', 'turn 5000', 'batch'])
})

test('only requests that wait for changes are no load, whatever their query says', () => {
  const cases: readonly [string, string, boolean][] = [
    ['GET', '/stream', true],
    ['GET', '/api/stream?after=x.1', true],
    ['GET', '/activity/changes?wait=25', true],
    ['GET', '//activity//changes/', true],
    ['GET', '/emails?x=/stream', false],
    ['GET', '/emails/receiving/stream', false],
    ['GET', '/streams', false],
    ['POST', '/stream', false],
    ['POST', '/emails?x=/activity/changes', false],
  ]
  for (const [method, path, waits] of cases) {
    assert.equal(waitsForChanges({ method, url: `http://localhost:3000${path}` }), waits, `${method} ${path}`)
  }
})
