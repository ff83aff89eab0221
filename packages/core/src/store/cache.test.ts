import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { testClock } from '@kabutar/testing/sending-rig.ts'
import { RECENT_MS, Recent } from './cache.ts'

const KEY = { pk: 'a', sk: '1' }

function rig() {
  const clock = testClock()
  const ports = { clock, table: sqliteTable(memoryEngine(), clock) }
  const recent = new Recent<string>()
  const asked: PromiseWithResolvers<string | undefined>[] = []
  const get = () =>
    recent.get(ports, KEY, () => {
      const one = Promise.withResolvers<string | undefined>()
      asked.push(one)
      return one.promise
    })
  const answer = (n: number, value: string | undefined) => asked[n]?.resolve(value)
  return { clock, recent, ports, asked, get, answer }
}

test('a value is read again when it is five seconds old', async () => {
  const { clock, asked, get, answer } = rig()
  const first = [get(), get()]
  answer(0, 'old')
  assert.deepEqual(await Promise.all(first), ['old', 'old'])
  clock.advance(RECENT_MS - 1)
  assert.equal(await get(), 'old')
  clock.advance(1)
  const next = get()
  answer(1, 'new')
  assert.equal(await next, 'new')
  assert.equal(asked.length, 2)
})

test('what is not there is asked for each time, and what could not be read too', async () => {
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

test('a read that was under way when the value changed is not kept', async () => {
  const { asked, get, answer, recent, ports } = rig()
  const before = get()
  recent.forget(ports.table)
  answer(0, 'old')
  assert.equal(await before, 'old')
  const after = get()
  answer(1, 'new')
  assert.equal(await after, 'new')
  assert.equal(asked.length, 2)
})
