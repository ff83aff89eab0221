import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery, Queue, Settlement } from '@kabutar/core/ports/queue.ts'
import { queueHandler } from './queue-handler.ts'

const record = (messageId: string, attempt: number) => ({
  messageId,
  receiptHandle: `handle-${messageId}`,
  body: `body-${messageId}`,
  attributes: { ApproximateReceiveCount: String(attempt), SentTimestamp: '1700000000000' },
})
const EVENT = { Records: [record('a', 1), record('b', 4), record('c', 1)] }
const CONTEXT = { getRemainingTimeInMillis: () => 30_000 }

function recorder(settle?: () => Promise<readonly string[]>) {
  const settled: Settlement[] = []
  const queue: Queue = {
    maxAttempts: 5,
    send: async () => {},
    receive: async () => [],
    settle: async (settlements) => {
      settled.push(...settlements)
      return settle ? settle() : []
    },
    extend: async () => {},
    depth: async () => ({ ready: 0, leased: 0, delayed: 0 }),
  }
  return { queue, settled }
}

test('failed entries are reported by id and become visible after their own wait; the others are done', async () => {
  const { queue, settled } = recorder()
  const seen: Delivery[] = []
  const handler = queueHandler(queue, async (batch) => {
    seen.push(...batch)
    return [{ id: 'b', retryInMs: 90_000 }]
  })
  assert.deepEqual(await handler(EVENT, CONTEXT), { batchItemFailures: [{ itemIdentifier: 'b' }] })
  assert.deepEqual(seen[1], {
    id: 'b',
    body: 'body-b',
    attempt: 4,
    sentAt: 1_700_000_000_000,
    handle: 'handle-b',
  })
  assert.deepEqual(settled, [{ delivery: seen[1], ok: false, retryInMs: 90_000 }])
})

test('a batch without failures settles nothing', async () => {
  const { queue, settled } = recorder()
  assert.deepEqual(await queueHandler(queue, async () => [])(EVENT, CONTEXT), { batchItemFailures: [] })
  assert.deepEqual(settled, [])
})

test('a throw reaches Lambda, which returns the whole batch to the queue', async () => {
  const { queue } = recorder()
  const handler = queueHandler(queue, () => Promise.reject(new Error('a bug')))
  await assert.rejects(handler(EVENT, CONTEXT), /a bug/)
})

test('a failure is reported although its wait could not be set', async () => {
  const { queue } = recorder(() => Promise.reject(new Error('SQS is away')))
  const handler = queueHandler(queue, async () => [{ id: 'a', retryInMs: 1000 }])
  assert.deepEqual(await handler(EVENT, CONTEXT), { batchItemFailures: [{ itemIdentifier: 'a' }] })
})

test('the signal aborts two seconds before Lambda ends the invocation', async () => {
  const { queue } = recorder()
  const handler = queueHandler(queue, async (_batch, signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    return []
  })
  const from = Date.now()
  await handler(EVENT, { getRemainingTimeInMillis: () => 2_100 })
  assert.ok(Date.now() - from < 1000)
})
