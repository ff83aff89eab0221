import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Log, LogFields } from '@kabutar/core/ports/log.ts'
import { queueContract } from '@kabutar/core/ports/queue.contract.ts'
import type { Queue } from '@kabutar/core/ports/queue.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { systemClock } from '../system-clock.ts'
import { type Engine, memoryEngine, openEngine } from './engine.ts'
import { sqliteQueue } from './queue.ts'
import { endLongDelays, releaseLeases } from './queue-entries.ts'

queueContract('the embedded engine', async () => {
  const engine = openEngine(temporaryFolder())
  return {
    main: sqliteQueue(engine, 'main', systemClock, { maxAttempts: 2 }),
    deadLetters: sqliteQueue(engine, 'main:dlq', systemClock, { maxAttempts: 99 }),
  }
})

/** A log that keeps its errors. */
function jsonLines(lines: string[]): Log {
  const none = () => undefined
  const error = (message: string, fields?: LogFields) => void lines.push(JSON.stringify({ message, ...fields }))
  return { debug: none, info: none, warn: none, error }
}

const main = (): Queue => sqliteQueue(memoryEngine(), 'main', systemClock, { maxAttempts: 2 })

test('a lost lease settles nothing and is reported', async () => {
  const queue = main()
  await queue.send([{ body: 'x' }])
  const [first] = await queue.receive({ max: 1, visibilityMs: 1, waitMs: 0 })
  const [second] = await queue.receive({ max: 1, visibilityMs: 60_000, waitMs: 1000 })
  assert.ok(first && second)
  await queue.extend([first], 0)
  assert.deepEqual(await queue.settle([{ delivery: first, ok: true }]), [first.id])
  assert.deepEqual(await queue.settle([{ delivery: first, ok: false, retryInMs: 0 }]), [first.id])
  assert.deepEqual(await queue.depth(), { ready: 0, leased: 1, delayed: 0 })
  assert.deepEqual(await queue.settle([{ delivery: second, ok: true }]), [])
})

test('eight waiting consumers share eight entries, sent in one call or in eight', async () => {
  const queue = main()
  for (const apart of [true, false]) {
    const waiting = Array.from({ length: 8 }, () => queue.receive({ max: 1, visibilityMs: 60_000, waitMs: 2000 }))
    await systemClock.sleep(5)
    const from = Date.now()
    const messages = Array.from({ length: 8 }, (_, n) => ({ body: String(n) }))
    await Promise.all(apart ? messages.map((message) => queue.send([message])) : [queue.send(messages)])
    const deliveries = (await Promise.all(waiting)).flat()
    assert.ok(Date.now() - from < 1000)
    assert.equal(new Set(deliveries.map(({ body }) => body)).size, 8)
    await queue.settle(deliveries.map((delivery) => ({ delivery, ok: true })))
  }
})

test('an entry wakes the most recent waiter', async () => {
  const queue = main()
  const order: string[] = []
  const wait = async (name: string) => {
    const found = await queue.receive({ max: 1, visibilityMs: 60_000, waitMs: 200 })
    if (found.length > 0) order.push(name)
  }
  const waiting = [wait('first'), wait('second')]
  await systemClock.sleep(5)
  await queue.send([{ body: 'x' }])
  await Promise.all(waiting)
  assert.deepEqual(order, ['second'])
})

test('a receive waits if the full batch before it was the last', async () => {
  const queue = main()
  await queue.send([{ body: 'x' }, { body: 'y' }])
  const take = (waitMs: number) => queue.receive({ max: 2, visibilityMs: 60_000, waitMs })
  assert.equal((await take(0)).length, 2)
  assert.equal((await take(0)).length, 0)
  const waiting = take(2000)
  await systemClock.sleep(5)
  await queue.send([{ body: 'z' }])
  assert.equal((await waiting)[0]?.body, 'z')
})

test('a consumer that leaves passes its wake-up to the next one', async () => {
  const queue = main()
  const stop = new AbortController()
  const leaving = queue.receive({ max: 1, visibilityMs: 60_000, waitMs: 5000, signal: stop.signal })
  const staying = queue.receive({ max: 1, visibilityMs: 60_000, waitMs: 5000 })
  await systemClock.sleep(5)
  const from = Date.now()
  await queue.send([{ body: 'x', delayMs: 30 }])
  stop.abort()
  assert.deepEqual(await leaving, [])
  assert.equal((await staying)[0]?.body, 'x')
  assert.ok(Date.now() - from < 1500)
})

test('a queue does not see the entries of another', async () => {
  const engine = memoryEngine()
  const [one, other] = ['one', 'other'].map((name) => sqliteQueue(engine, name, systemClock, { maxAttempts: 2 }))
  await one?.send([{ body: 'x' }])
  assert.deepEqual(await other?.receive({ max: 1, visibilityMs: 1000, waitMs: 0 }), [])
  assert.deepEqual(await other?.depth(), { ready: 0, leased: 0, delayed: 0 })
})

for (const order of ['before', 'after']) {
  test(`an entry that becomes visible wakes one consumer of many; it was sent ${order} they waited`, async () => {
    const engine = memoryEngine()
    const queue = sqliteQueue(engine, 'main', systemClock, { maxAttempts: 2 })
    const stop = new AbortController()
    const send = () => queue.send([60, 20, 40].map((delayMs) => ({ body: String(delayMs), delayMs })))
    if (order === 'before') await send()
    const wanted = { max: 10, visibilityMs: 60_000, waitMs: 5000, signal: stop.signal }
    const waiting = Array.from({ length: 8 }, () => queue.receive(wanted))
    if (order === 'after') await send()
    let leases = 0
    const commit = engine.commit.bind(engine)
    engine.commit = (work) => {
      leases++
      return commit(work)
    }
    await systemClock.sleep(200)
    assert.ok(leases >= 1 && leases <= 3, `${leases} leases`)
    stop.abort()
    const deliveries = (await Promise.all(waiting)).flat()
    assert.deepEqual(deliveries.map(({ body }) => body).toSorted(), ['20', '40', '60'])
  })
}

describe('an attempt', () => {
  const NOW = { max: 10, visibilityMs: 60_000, waitMs: 0 }

  test('is not counted for an entry that waits, and is for one that fails', async () => {
    const lines: string[] = []
    const log = jsonLines(lines)
    const queue = sqliteQueue(memoryEngine(), 'main', systemClock, { maxAttempts: 2, log })
    await queue.send([{ body: 'x' }])
    for (let waits = 1; waits <= 20; waits++) {
      const [delivery] = await queue.receive(NOW)
      assert.deepEqual([delivery?.attempt, delivery?.excused ?? 0], [waits, waits - 1])
      if (delivery) await queue.settle([{ delivery, ok: false, retryInMs: 0, waits: true }])
    }
    for (let failures = 0; failures < 2; failures++) {
      const [delivery] = await queue.receive(NOW)
      if (delivery) await queue.settle([{ delivery, ok: false, retryInMs: 0 }])
    }
    assert.deepEqual(lines, [])
    assert.deepEqual(await queue.receive(NOW), [])
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /dead letters.*"queue":"main","id":"\d+","attempts":2,"deaths":0/)
  })

  /** Another process on the same entries, after this one died. */
  const afterDeath = (engine: Engine) => {
    releaseLeases(engine, systemClock, ['main'])
    return sqliteQueue(engine, 'main', systemClock, { maxAttempts: 2 })
  }

  test('is lost by the entry alone that killed the process, and by none of its batch', async () => {
    const engine = memoryEngine()
    let queue = sqliteQueue(engine, 'main', systemClock, { maxAttempts: 2 })
    await queue.send(['a', 'killer', 'b'].map((body) => ({ body })))
    for (let deaths = 0; deaths < 3; deaths++) {
      assert.equal((await queue.receive(NOW)).length, 3)
      // The three that died together come alone; until one is settled no consumer gets another.
      queue = afterDeath(engine)
      const [first] = await queue.receive(NOW)
      assert.deepEqual([first?.body, first?.deaths ?? 0, first?.excused], ['a', 0, 1 + 2 * deaths])
      assert.deepEqual(await queue.receive({ ...NOW, waitMs: 50 }), [])
      const waiting = queue.receive({ ...NOW, waitMs: 5000 })
      if (first) await queue.settle([{ delivery: first, ok: false, retryInMs: 0, waits: true }])
      const [killer] = await waiting
      assert.deepEqual([killer?.body, killer?.deaths ?? 0], ['killer', 0])
      if (killer) await queue.settle([{ delivery: killer, ok: false, retryInMs: 0, waits: true }])
      const [last] = await queue.receive(NOW)
      assert.equal(last?.body, 'b')
      if (last) await queue.settle([{ delivery: last, ok: false, retryInMs: 0, waits: true }])
    }
    const batch = await queue.receive(NOW)
    await queue.settle(
      batch.flatMap((delivery) => (delivery.body === 'killer' ? [] : [{ delivery, ok: true as const }])),
    )
    for (const deaths of [1, 2]) {
      queue = afterDeath(engine)
      const [killer] = await queue.receive(NOW)
      assert.deepEqual(
        [killer?.body, killer?.deaths],
        [deaths === 1 ? 'killer' : undefined, deaths === 1 ? 1 : undefined],
      )
    }
    assert.equal((await sqliteQueue(engine, 'main:dlq', systemClock, { maxAttempts: 2 }).depth()).ready, 1)
  })

  test('is given back to a batch of a queue that takes no mail, and its entries come together', async () => {
    const engine = memoryEngine()
    const before = sqliteQueue(engine, 'other', systemClock, { maxAttempts: 2 })
    await before.send(['a', 'b'].map((body) => ({ body })))
    await before.receive(NOW)
    releaseLeases(engine, systemClock, ['main'])
    const after = await sqliteQueue(engine, 'other', systemClock, { maxAttempts: 2 }).receive(NOW)
    assert.deepEqual(
      after.map(({ body, attempt, excused }) => [body, attempt, excused]),
      [
        ['a', 2, 1],
        ['b', 2, 1],
      ],
    )
  })
})

test('a time of day that is set back delays no entry and no consumer', async () => {
  let back = 0
  const clock = { ...systemClock, now: () => Date.now() - back }
  const engine = memoryEngine()
  const queue = sqliteQueue(engine, 'main', clock, { maxAttempts: 2 })
  const wanted = { max: 10, visibilityMs: 60_000, waitMs: 300, signal: AbortSignal.timeout(3000) }
  await queue.send([{ body: 'late', delayMs: 100 }])
  const waiting = queue.receive(wanted)
  await systemClock.sleep(20)
  back = 86_400_000
  const from = performance.now()
  assert.deepEqual(await waiting, [], 'the wait ends in time')
  assert.ok(performance.now() - from < 1000)
  const again = queue.receive({ ...wanted, waitMs: 2000 })
  await systemClock.sleep(20)
  await endLongDelays(engine, clock)
  assert.deepEqual(
    (await again).map(({ body }) => body),
    ['late'],
  )
})
