import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRAFT, KEY, testPorts } from '@kabutar/testing/sending-rig.ts'
import { leaseMs, takeLease } from './lease.ts'
import { sendBatch } from './send.ts'
import { submit } from './submit.ts'

const WORKER = { id: 'w', exclusive: false }

test('of two workers that take a message at once, one has it', async () => {
  const ports = await testPorts()
  const { id } = await submit(ports, KEY, DRAFT)
  const take = () => takeLease(ports.table, KEY.accountId, id, WORKER, ports.clock.now())
  const both = await Promise.all([take(), take()])
  assert.deepEqual(both.map((one) => ('not' in one ? one.not : one.message.attempts)).sort(), [1, 'held'])
})

test('an entry that the queue has given to two workers is not ended by the one that finds it held', async () => {
  const ports = await testPorts()
  await submit(ports, KEY, DRAFT)
  const batch = await ports.sendQueue.receive({ max: 1, visibilityMs: 60_000, waitMs: 0 })
  const never = new AbortController().signal
  const answers: unknown[] = []
  const relay: typeof ports.relay = {
    ...ports.relay,
    async send(...mail) {
      answers.push(...(await sendBatch({ ...ports, worker: { id: 'other', exclusive: false } }, batch, never)))
      return ports.relay.send(...mail)
    },
  }
  answers.push(...(await sendBatch({ ...ports, relay, worker: WORKER }, batch, never)))
  assert.deepEqual(answers, [{ id: batch[0]?.id, waits: true, retryInMs: 10_000 }])
  assert.equal(ports.relay.relayed.length, 1)
})

test('the sweep looks at a leased message after the lease has ended, however large the message is', async () => {
  const ports = await testPorts()
  const attachments = [{ filename: 'f', content: Buffer.alloc(6_000_000) }]
  const { id } = await submit(ports, KEY, { ...DRAFT, attachments })
  const taken = await takeLease(ports.table, KEY.accountId, id, WORKER, ports.clock.now())
  assert.ok(!('not' in taken))
  const { message } = taken
  assert.equal(message.lease?.until, ports.clock.now() + leaseMs(message))
  assert.ok((message.due ?? 0) > (message.lease?.until ?? 0))
})

test('a message that is not there is missing', async () => {
  const ports = await testPorts()
  const taken = await takeLease(ports.table, KEY.accountId, ports.ids.next(), WORKER, ports.clock.now())
  assert.deepEqual(taken, { not: 'missing' })
})
