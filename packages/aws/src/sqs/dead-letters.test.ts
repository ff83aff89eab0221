import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testClock } from '@kabutar/testing/sending-rig.ts'
import { deadLetterWatch } from './dead-letters.ts'

const MINUTE = 60_000
const queue = (ready: number, leased = 0) => ({ depth: async () => ({ ready, leased, delayed: 0 }) })

test('the error names the queues with entries, leased entries included', async () => {
  const queues = new Map([
    ['SendDead', queue(3)],
    ['ReceiveDead', queue(0)],
    ['ReconcileDead', queue(0, 1)],
  ])
  await assert.rejects(deadLetterWatch(queues, testClock())(), /dead letters: SendDead 3, ReconcileDead 1;/)
})

test('it looks at the first call, then every ten minutes, and at each call while there are dead letters', async () => {
  const clock = testClock()
  let [looks, ready] = [0, 0]
  const depth = async () => {
    looks++
    return { ready, leased: 0, delayed: 0 }
  }
  const watch = deadLetterWatch(new Map([['SendDead', { depth }]]), clock)
  const minutes = async (count: number) => {
    let refused = 0
    for (let minute = 0; minute < count; minute++, clock.advance(MINUTE)) await watch().catch(() => refused++)
    return refused
  }
  assert.deepEqual([await minutes(10), looks], [0, 1])
  ready = 1
  assert.deepEqual([await minutes(7), looks], [7, 8])
  ready = 0
  assert.deepEqual([await minutes(20), looks], [0, 10])
})

test('after a look that failed, the next call looks again', async () => {
  let tries = 0
  const depth = async () => {
    if (tries++ === 0) throw new Error('SQS does not answer')
    return { ready: 0, leased: 0, delayed: 0 }
  }
  const watch = deadLetterWatch(new Map([['SendDead', { depth }]]), testClock())
  await assert.rejects(watch())
  await watch()
  assert.equal(tries, 2)
})
