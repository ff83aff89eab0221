import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { Semaphore } from './semaphore.ts'

test('work in hand never takes more than the budget, in order, whatever fails', async () => {
  const budget = new Semaphore(80, systemClock)
  const begun: number[] = []
  let inHand = 0
  let most = 0
  const sizes = [40, 30, 30, 500, 1, 0, 79, 40, 40, 40]
  const work = sizes.map((bytes, i) =>
    budget.use(bytes, async () => {
      begun.push(i)
      inHand += bytes
      most = Math.max(most, bytes > 80 ? 80 : inHand)
      if (bytes > 80) assert.equal(inHand, bytes, 'the large one is alone')
      await turn()
      inHand -= bytes
      if (i % 3 === 0) throw new Error('failed')
      return bytes
    }),
  )
  const ended = await Promise.allSettled(work)
  assert.deepEqual(begun, [...sizes.keys()])
  assert.ok(most <= 80 && most >= 70, `${most}`)
  assert.deepEqual(
    ended.map((one) => one.status === 'fulfilled'),
    sizes.map((_, i) => i % 3 !== 0),
  )
})

test('nothing is begun after the signal', async () => {
  const ending = new AbortController()
  const budget = new Semaphore(1, systemClock)
  const first = budget.use(1, async () => ending.abort(new Error('time is up')))
  await assert.rejects(
    budget.use(1, async () => assert.fail('begun'), { signal: ending.signal }),
    /time is up/,
  )
  await first
})

test('work that may not wait longer is refused, and those behind it take their turn', async () => {
  const budget = new Semaphore(10, systemClock)
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const first = budget.use(6, () => ended)
  const heavy = budget.use(5, async () => assert.fail('begun'), { waitMs: 5 })
  const light = budget.use(4, async () => 'light')
  await assert.rejects(heavy, { code: 'busy', status: '4.3.1' })
  assert.equal(await light, 'light')
  end()
  await first
  assert.equal(await budget.use(10, async () => 'whole', { waitMs: 5 }), 'whole')
})
