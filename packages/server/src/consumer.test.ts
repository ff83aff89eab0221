import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Delivery, Handler, Queue, ReceiveOptions, Settlement } from '@kabutar/core/ports/queue.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { type ConsumerOptions, runConsumer } from './consumer.ts'
import { jsonLog } from './log.ts'

/** A clock whose time moves only by `advance`. */
function manualClock(): Clock & { advance(ms: number): Promise<void> } {
  let now = 0
  const sleeping = new Set<{ at: number; wake: () => void }>()
  return {
    ...systemClock,
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const sleeper = { at: now + ms, wake: resolve }
        sleeping.add(sleeper)
        signal?.addEventListener('abort', () => {
          sleeping.delete(sleeper)
          resolve()
        })
      }),
    async advance(ms) {
      const end = now + ms
      for (;;) {
        await settled()
        const [next] = [...sleeping].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
        if (!next) break
        now = next.at
        sleeping.delete(next)
        next.wake()
      }
      now = end
    },
  }
}

/** Waits until every promise that does not wait for the clock has settled. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await setImmediate()
}

const delivery = (id: string, attempt = 1): Delivery => ({
  id,
  body: `{"v":1}`,
  attempt,
  sentAt: 0,
  handle: `${id}#${attempt}`,
})
const isDone = ({ ok }: Settlement) => ok

/** A queue that answers the given batches and records its calls. */
function scriptedQueue(batches: (readonly Delivery[] | Error)[], overrides: Partial<Queue> = {}) {
  const seen = { receives: [] as ReceiveOptions[], settled: [] as Settlement[], extended: 0 }
  const queue: Queue = {
    maxAttempts: 5,
    send: async () => {},
    depth: async () => ({ ready: 0, leased: 0, delayed: 0 }),
    async receive(options) {
      seen.receives.push(options)
      const next = batches.shift()
      if (next instanceof Error) throw next
      if (next) return next
      await new Promise((resolve) => options.signal?.addEventListener('abort', resolve))
      return []
    },
    async settle(settlements) {
      seen.settled.push(...settlements)
      return []
    },
    async extend() {
      seen.extended++
    },
    ...overrides,
  }
  return { queue, seen }
}

function start(queue: Queue, handler: Handler, overrides: Partial<ConsumerOptions> = {}) {
  const lines: string[] = []
  const clock = manualClock()
  const controller = new AbortController()
  const done = runConsumer(queue, handler, {
    name: 'send',
    concurrency: 1,
    batch: 10,
    visibilityMs: 30_000,
    clock,
    random: Math.random,
    log: jsonLog('debug', (line) => lines.push(JSON.parse(line).message)),
    signal: controller.signal,
    ...overrides,
  })
  return { clock, lines, done, abort: () => controller.abort() }
}

describe('a consumer', () => {
  test('settles failed entries with their wait and all others as done', async () => {
    const { queue, seen } = scriptedQueue([[delivery('a'), delivery('b'), delivery('c')]])
    const { done, abort, lines } = start(queue, async () => [{ id: 'b', retryInMs: 7 }])
    await settled()
    abort()
    await done
    assert.deepEqual(
      seen.settled.map((s) => [s.delivery.id, s.ok, s.ok ? 0 : s.retryInMs]),
      [
        ['a', true, 0],
        ['b', false, 7],
        ['c', true, 0],
      ],
    )
    assert.deepEqual(seen.receives[0] && { ...seen.receives[0], signal: undefined }, {
      max: 10,
      visibilityMs: 30_000,
      waitMs: 20_000,
      signal: undefined,
    })
    assert.deepEqual(lines, [])
  })

  test('retries the whole batch of a handler that throws, with a longer wait for each attempt', async () => {
    const { queue, seen } = scriptedQueue([[delivery('a', 1), delivery('b', 3), delivery('c', 90)], [delivery('d')]])
    let calls = 0
    const { done, abort, lines } = start(queue, async () => {
      if (calls++ === 0) throw new Error('a defect')
      throw new StoreError('Unavailable', 'the disk is full')
    })
    await settled()
    abort()
    await done
    // A store that is not there costs no attempt.
    const waiting = seen.settled.map((s) => !s.ok && s.waits === true)
    assert.deepEqual(waiting, [false, false, false, true])
    const waits = seen.settled.map((s) => (s.ok ? 0 : s.retryInMs))
    for (const [i, most] of [5000, 20_000, 900_000].entries()) {
      assert.ok((waits[i] ?? 0) >= most / 2 && (waits[i] ?? 0) <= most, `${waits}`)
    }
    assert.equal(waits[3], 5000)
    assert.deepEqual(lines, ['a handler failed', 'a handler failed'])
  })

  test('runs as many batches at once as it has loops', async () => {
    const { queue, seen } = scriptedQueue(['a', 'b', 'c', 'd'].map((id) => [delivery(id)]))
    let running = 0
    let most = 0
    const { done, abort, clock } = start(
      queue,
      async () => {
        most = Math.max(most, ++running)
        await clock.sleep(100)
        running--
        return []
      },
      { concurrency: 3 },
    )
    await clock.advance(1000)
    abort()
    await done
    assert.equal(most, 3)
    assert.equal(seen.settled.filter(isDone).length, 4)
  })

  test('extends the lease while the handler runs, even after a failed extension, and not afterwards', async () => {
    let extended = 0
    const { queue, seen } = scriptedQueue([[delivery('a')]], {
      extend: async (deliveries, visibilityMs) => {
        assert.deepEqual([deliveries.length, visibilityMs], [1, 30_000])
        if (++extended === 2) throw new Error('busy')
      },
    })
    const { done, abort, clock, lines } = start(queue, async () => {
      await clock.sleep(45_000)
      return []
    })
    await clock.advance(44_999)
    assert.equal(extended, 4)
    assert.equal(seen.settled.length, 0)
    await clock.advance(100_000)
    assert.equal(extended, 4)
    assert.ok(seen.settled.every(isDone))
    assert.deepEqual(lines, ['extending leases failed'])
    abort()
    await done
  })

  test('survives errors of receive with growing waits', async () => {
    const down = Array.from({ length: 12 }, () => new Error('down'))
    const { queue, seen } = scriptedQueue([...down, [delivery('a')]])
    const { done, abort, clock, lines } = start(queue, async () => [])
    await clock.advance(99)
    assert.ok(seen.receives.length <= 2)
    await clock.advance(3200)
    assert.ok(seen.receives.length <= 8, `${seen.receives.length}`)
    await clock.advance(60_000)
    assert.ok(seen.settled.every(isDone))
    assert.equal(seen.settled.length, 1)
    assert.equal(lines.filter((line) => line === 'receiving failed').length, 12)
    abort()
    await done
  })

  test('settles again when settling fails, and continues when a lease was lost', async () => {
    const settles: string[] = []
    const { queue } = scriptedQueue([[delivery('a')], [delivery('b')]], {
      settle: async (settlements) => {
        settles.push(...settlements.map((one) => one.delivery.id))
        if (settles.length === 1) throw new Error('down')
        return settlements.flatMap((one) => (one.delivery.id === 'b' ? ['b'] : []))
      },
    })
    const { done, abort, lines, clock } = start(queue, async () => [])
    await clock.advance(100)
    abort()
    await done
    assert.deepEqual(settles, ['a', 'a', 'b'])
    assert.deepEqual(lines, ['settling failed and is tried again', 'leases ran out before they were settled'])
  })

  test('lets timers run while a queue answers empty batches at once', async () => {
    const { queue } = scriptedQueue([], { receive: async () => [] })
    const { done, abort } = start(queue, async () => [])
    await new Promise((resolve) => setTimeout(resolve, 5))
    abort()
    await done
  })
})

describe('a consumer that drains', () => {
  test('stops receiving and waits for the running handler', async () => {
    const { queue, seen } = scriptedQueue([[delivery('a')], [delivery('b')]])
    const { done, abort, clock } = start(queue, async (_, signal) => {
      await clock.sleep(7000)
      assert.equal(signal.aborted, false)
      return []
    })
    await settled()
    abort()
    await clock.advance(7000)
    await done
    assert.deepEqual(
      seen.settled.map((s) => [s.delivery.id, s.ok]),
      [['a', true]],
    )
    assert.equal(seen.receives.length, 1)
  })

  test('aborts the signal of a handler when its time is over', async () => {
    const { queue, seen } = scriptedQueue([[delivery('a')]])
    const { done, abort, clock } = start(queue, async (_, signal) => {
      await clock.sleep(100_000, signal)
      return [{ id: 'a', retryInMs: 0 }]
    })
    await settled()
    abort()
    await clock.advance(8000)
    await done
    assert.deepEqual(seen.settled.map(isDone), [false])
  })

  test('does not settle the batch of a handler that ignores the signal', async () => {
    const { queue, seen } = scriptedQueue([[delivery('a')]])
    const { done, abort, clock } = start(queue, () => new Promise(() => {}))
    await settled()
    abort()
    await clock.advance(9000)
    await done
    assert.deepEqual(seen.settled, [])
  })

  test('ends at once when nothing runs, even in a wait after an error', async () => {
    const { queue } = scriptedQueue([new Error('down')])
    const { done, abort } = start(queue, async () => [])
    await settled()
    abort()
    await done
  })
})

test('a handler that hangs loses its batch, and the loop continues', async () => {
  const { queue, seen } = scriptedQueue([[delivery('a')], [delivery('b')]])
  const { done, abort, clock, lines } = start(
    queue,
    ([first]) => (first?.id === 'a' ? new Promise(() => {}) : Promise.resolve([])),
    { maxHandlingMs: 60_000 },
  )
  await clock.advance(61_000)
  await settled()
  assert.deepEqual(
    seen.settled.map((s) => s.delivery.id),
    ['b'],
  )
  assert.deepEqual(lines, ['a handler did not stop; its entries come back'])
  abort()
  await done
})
