import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tableContract } from '@kabutar/core/ports/table.contract.ts'
import { StoreError, type Write } from '@kabutar/core/ports/table.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { faultyQueue, faultyTable, seeded, type TableFaults } from './faults.ts'

const table = (faults: Omit<TableFaults, 'random' | 'clock'>, seed = 1, clock = systemClock) =>
  faultyTable(sqliteTable(memoryEngine(), clock), { ...faults, clock, random: seeded(seed) })

tableContract('an engine with conflicts and a late index', async () => ({
  table: table({ conflict: 0.2, indexDelayMs: 100 }),
}))

const count: Write = { kind: 'update', key: { pk: 'a', sk: '1' }, add: { n: 1 } }

test('the same seed has the same faults', async () => {
  const run = async (seed: number) => {
    const store = table({ throttled: 0.5 }, seed)
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => store.write(count)))
    return results.map(({ status }) => status)
  }
  assert.deepEqual(await run(7), await run(7))
  assert.notDeepEqual(await run(7), await run(8))
})

test('throttled and conflicting calls wrote nothing; a lost answer did', async () => {
  const instantly = { ...systemClock, now: () => Date.now(), sleep: async () => undefined }
  for (const [faults, code] of [
    [{ throttled: 0.5 }, 'Throttled'],
    [{ conflict: 0.9 }, 'Conflict'],
    [{ lostAnswer: 0.5 }, 'Unavailable'],
  ] as const) {
    const below = sqliteTable(memoryEngine(), instantly)
    const store = faultyTable(below, { ...faults, clock: instantly, random: seeded(3) })
    let done = 0
    for (let n = 0; n < 40; n++) {
      try {
        await store.transact([count])
        done += 1
      } catch (error) {
        assert.ok(error instanceof StoreError)
        assert.equal(error.code, code)
      }
    }
    assert.ok(done > 5 && done < 40, `${done} of 40 with ${code}`)
    assert.equal((await below.get(count.key))?.n, code === 'Unavailable' ? 40 : done)
  }
})

test('the index lags, the table does not', async () => {
  const time = { now: 1_800_000_000_000 }
  const clock = { ...systemClock, now: () => time.now }
  const store = faultyTable(sqliteTable(memoryEngine(), clock), { clock, indexDelayMs: 1000, random: () => 1 })
  const item = { pk: 'a', sk: '1', gs1pk: 'due', gs1sk: '5' }
  const seen = async () => (await store.query({ pk: 'due', index: 'gs1', limit: 9 })).items.map((entry) => entry.gs1sk)
  await store.write({ kind: 'put', item })
  assert.deepEqual(await seen(), [])
  assert.deepEqual(await store.get(item), item)
  time.now += 1000
  assert.deepEqual(await seen(), ['5'])
  await store.write({ kind: 'update', key: item, set: { gs1sk: '7' } })
  await store.write({ kind: 'delete', key: item })
  assert.deepEqual(await seen(), ['5'])
  time.now += 1000
  assert.deepEqual(await seen(), [])
})

test('every entry comes, some of them twice and late, also while calls fail', async () => {
  const below = sqliteQueue(memoryEngine(), 'main', systemClock, { maxAttempts: 5 })
  const queue = faultyQueue(below, { duplicate: 0.2, reorder: 0.2, throttled: 0.1, random: seeded(5) })
  const received: number[] = []
  const patiently = async <T>(call: () => Promise<T>): Promise<T> => {
    for (let tries = 0; tries < 20; tries++) {
      try {
        return await call()
      } catch (error) {
        assert.equal((error as StoreError).code, 'Throttled')
      }
    }
    throw new Error('throttled 20 times in a row')
  }
  for (let n = 0; n < 200; n++) await patiently(() => queue.send([{ body: String(n) }]))
  for (let turn = 0; turn < 100; turn++) {
    const batch = await patiently(() => queue.receive({ max: 10, visibilityMs: 60_000, waitMs: 0 }))
    received.push(...batch.map(({ body }) => Number(body)))
    await patiently(() => queue.settle(batch.map((delivery) => ({ delivery, ok: true }))))
  }
  assert.equal(new Set(received).size, 200)
  assert.ok(received.length > 220)
  const first = [...new Set(received)]
  assert.notDeepEqual(
    first,
    first.toSorted((a, b) => a - b),
  )
  assert.deepEqual(await below.depth(), { ready: 0, leased: 0, delayed: 0 })
})
