import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { systemClock } from '@kabutar/local/system-clock.ts'
import type { Delivery, Queue, ReceiveOptions } from './queue.ts'
import { StoreError } from './table.ts'

/** `main` gives up after 2 receipts; what it gives up on is received from `deadLetters`. Both are empty and real in time. */
type Open = () => Promise<{ readonly main: Queue; readonly deadLetters: Queue }>

const WANTED: ReceiveOptions = { max: 10, visibilityMs: 30_000, waitMs: 1000 }
const NOW: ReceiveOptions = { ...WANTED, waitMs: 0 }
const done = (delivery: Delivery) => ({ delivery, ok: true as const })
const failed = (delivery: Delivery, retryInMs: number) => ({ delivery, ok: false as const, retryInMs })

/**
 * Tests of every adapter of Queue. SQS counts in seconds, so the waits here do too; the suite takes about 6 seconds.
 * Entries may come twice and in any order: every test goes by bodies.
 */
export function queueContract(adapter: string, open: Open): void {
  describe(`${adapter} keeps the Queue contract`, { concurrency: false }, () => {
    let main: Queue
    let deadLetters: Queue
    before(async () => {
      ;({ main, deadLetters } = await open())
    })

    /** Receives until there are `count` different bodies, at most 20 times. */
    const drain = async (queue: Queue, count: number, options = WANTED): Promise<Delivery[]> => {
      const found = new Map<string, Delivery>()
      for (let tries = 0; tries < 20 && found.size < count; tries++) {
        for (const delivery of await queue.receive(options)) found.set(delivery.body, delivery)
      }
      return [...found.values()]
    }
    const empty = async () => assert.deepEqual(await main.depth(), { ready: 0, leased: 0, delayed: 0 })

    test('25 entries are received in batches and are gone when they are settled', async () => {
      const before = Date.now()
      await main.send(Array.from({ length: 25 }, (_, n) => ({ body: `{"n":${n},"text":"é 😀"}` })))
      const first = await main.receive(WANTED)
      assert.ok(first.length >= 1 && first.length <= 10)
      const deliveries = [...first, ...(await drain(main, 25 - first.length))]
      assert.equal(new Set(deliveries.map(({ body }) => body)).size, 25)
      assert.equal(new Set(deliveries.map(({ id }) => id)).size, 25)
      for (const { attempt, sentAt, body } of deliveries) {
        assert.equal(attempt, 1)
        assert.ok(Math.abs(sentAt - before) < 5000)
        assert.match(body, /é 😀/)
      }
      assert.deepEqual(await main.settle(deliveries.map(done)), [])
      await empty()
      assert.deepEqual(await main.receive(NOW), [])
    })

    test('sending nothing is no error', async () => {
      await main.send([])
      assert.deepEqual(await main.settle([]), [])
      await empty()
    })

    test('an entry that failed comes back after its delay, and after its attempts goes whole to the dead letters', async () => {
      await main.send([{ body: 'good' }, { body: 'bad' }])
      const batch = await drain(main, 2)
      const sentAt = batch.find(({ body }) => body === 'bad')?.sentAt
      await main.settle(batch.map((delivery) => (delivery.body === 'good' ? done(delivery) : failed(delivery, 1000))))
      assert.deepEqual(await main.receive(NOW), [])
      const from = Date.now()
      const [again] = await drain(main, 1)
      assert.ok(again)
      assert.ok(Date.now() - from > 300)
      assert.deepEqual([again.body, again.attempt, again.sentAt], ['bad', 2, sentAt])
      await main.settle([failed(again, 0)])
      assert.deepEqual(await main.receive(WANTED), [])
      const [dead] = await drain(deadLetters, 1)
      assert.equal(dead?.body, 'bad')
      await deadLetters.settle([done(dead)])
      await empty()
    })

    test('an entry comes back when its consumer died, and at last goes to the dead letters', async () => {
      await main.send([{ body: 'held' }])
      const short = { ...WANTED, visibilityMs: 1000 }
      const [first] = await drain(main, 1, short)
      assert.equal(first?.attempt, 1)
      assert.deepEqual(await main.receive(NOW), [])
      const [second] = await drain(main, 1, short)
      assert.equal(second?.attempt, 2)
      assert.notEqual(second?.handle, first?.handle)
      assert.deepEqual(await main.receive({ ...WANTED, waitMs: 1500 }), [])
      const [dead] = await drain(deadLetters, 1)
      assert.equal(dead?.body, 'held')
      await deadLetters.settle([done(dead)])
      await empty()
    })

    test('a lease is extended', async () => {
      await main.send([{ body: 'long' }])
      const deliveries = await drain(main, 1, { ...WANTED, visibilityMs: 1000 })
      await main.extend(deliveries, 10_000)
      await systemClock.sleep(1200)
      assert.deepEqual(await main.receive(NOW), [])
      assert.deepEqual(await main.settle(deliveries.map(done)), [])
      await empty()
    })

    test('a delayed entry comes late, and ends the wait of a consumer', async () => {
      const from = Date.now()
      await main.send([{ body: 'late', delayMs: 1000 }])
      assert.deepEqual(await main.receive(NOW), [])
      const [late] = await drain(main, 1, { ...WANTED, waitMs: 3000 })
      assert.equal(late?.body, 'late')
      assert.ok(Date.now() - from >= 990 && Date.now() - from < 3000)
      await main.settle([done(late)])
      await empty()
    })

    test('the next entry ends the wait of a consumer', async () => {
      const waiting = main.receive({ ...WANTED, waitMs: 5000 })
      await systemClock.sleep(100)
      const from = Date.now()
      await main.send([{ body: 'wake' }])
      const [woken] = await waiting
      assert.equal(woken?.body, 'wake')
      assert.ok(Date.now() - from < 1500)
      await main.settle([done(woken)])
      await empty()
    })

    test('the signal ends the wait of a consumer', async () => {
      const stop = new AbortController()
      const from = Date.now()
      const waiting = main.receive({ ...WANTED, waitMs: 5000, signal: stop.signal })
      await systemClock.sleep(50)
      stop.abort()
      assert.deepEqual(await waiting, [])
      assert.deepEqual(await main.receive({ ...WANTED, waitMs: 5000, signal: stop.signal }), [])
      assert.ok(Date.now() - from < 1500)
    })

    const refused = [
      { name: 'a delay past 15 minutes', message: { body: 'x', delayMs: 900_001 }, code: 'Invalid' },
      { name: 'a delay below 0', message: { body: 'x', delayMs: -1 }, code: 'Invalid' },
      { name: 'a body past 256 KB', message: { body: 'é'.repeat(131_073) }, code: 'TooLarge' },
    ]
    for (const { name, message, code } of refused) {
      test(`refused: ${name}, and nothing of that call is sent`, async () => {
        await assert.rejects(main.send([{ body: 'fine' }, message]), (error) => {
          assert.ok(error instanceof StoreError)
          assert.equal(error.code, code)
          return true
        })
        await empty()
      })
    }
  })
}
