import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testClock } from '@kabutar/testing/sending-rig.ts'
import { Cache } from './cache.ts'

const KEY = { pk: 'a', sk: '1' }
const STALE = 5000

function rig() {
  const clock = testClock()
  const cache = new Cache<string>(clock, STALE)
  const asked: PromiseWithResolvers<string | undefined>[] = []
  const get = () =>
    cache.get(KEY, () => {
      const one = Promise.withResolvers<string | undefined>()
      asked.push(one)
      return one.promise
    })
  const answer = (n: number, value: string | undefined) => asked[n]?.resolve(value)
  return { clock, cache, asked, get, answer }
}

test('a value is read again when it is stale, and callers at the same time share a read', async () => {
  const { clock, asked, get, answer } = rig()
  const first = [get(), get()]
  answer(0, 'old')
  assert.deepEqual(await Promise.all(first), ['old', 'old'])
  clock.advance(STALE - 1)
  assert.equal(await get(), 'old')
  clock.advance(1)
  const next = get()
  answer(1, 'new')
  assert.equal(await next, 'new')
  assert.equal(asked.length, 2)
})

test('a row that is missing or could not be read is asked for again', async () => {
  const { asked, get, answer } = rig()
  const none = [get(), get()]
  answer(0, undefined)
  await Promise.resolve()
  const failed = get()
  asked[1]?.reject(new Error('busy'))
  await assert.rejects(failed, /busy/)
  const last = get()
  for (const [n] of asked.entries()) answer(n, 'there')
  assert.equal(await last, 'there')
  assert.deepEqual((await Promise.allSettled(none)).length, 2)
})

test('a read that was under way when the cache was cleared is not kept', async () => {
  const { asked, get, answer, cache } = rig()
  const before = get()
  cache.clear()
  answer(0, 'old')
  assert.equal(await before, 'old')
  const after = get()
  answer(1, 'new')
  assert.equal(await after, 'new')
  assert.equal(asked.length, 2)
})

test('caches of two processes know nothing of each other', async () => {
  const [one, other] = [rig(), rig()]
  one.answer(0, 'x')
  const reading = one.get()
  one.answer(0, 'old')
  assert.equal(await reading, 'old')
  const elsewhere = other.get()
  other.answer(0, 'new')
  assert.equal(await elsewhere, 'new')
})
