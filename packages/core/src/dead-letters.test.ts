import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadLettersIn } from './dead-letters.ts'

const queue = (ready: number, leased = 0) => ({ depth: async () => ({ ready, leased, delayed: 0 }) })

test('only queues with entries are named, those in hand included', async () => {
  const queues = new Map([
    ['SendDead', queue(3)],
    ['ReceiveDead', queue(0)],
    ['LostDead', queue(0, 1)],
  ])
  assert.equal(await deadLettersIn(queues), 'SendDead 3, LostDead 1')
  assert.equal(await deadLettersIn(new Map([['SendDead', queue(0)]])), undefined)
})
