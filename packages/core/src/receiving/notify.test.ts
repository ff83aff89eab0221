/** The event of a received message outlives it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drainReceived, LETTER, letter, type ReceiveRig, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { deleteReceived } from '../messages/delete.ts'
import { listReceived } from '../messages/read.ts'
import type { GuardedRequest } from '../net/guarded.ts'
import type { Queue } from '../ports/queue.ts'
import { Semaphore } from '../store/semaphore.ts'
import { dispatchBatch } from '../webhooks/dispatch.ts'
import { dispatchState } from '../webhooks/dispatch-ports.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'

const never = new AbortController().signal

/** Dispatches the queued webhooks to an endpoint that answers `status`. Returns the bodies that it got. */
async function dispatched(ports: ReceiveRig, status: number): Promise<readonly string[]> {
  const bodies: string[] = []
  const client = {
    timeoutMs: 15_000,
    ready: async () => {},
    close() {},
    async request({ body }: GuardedRequest) {
      bodies.push(String(body))
      return { status, headers: {}, body: Buffer.from(''), truncated: false }
    },
  }
  const batch = await ports.webhookQueue.receive({ max: 10, visibilityMs: 1000, waitMs: 0 })
  const failures = await dispatchBatch(
    { ...ports, client, ...dispatchState(client, ports), userAgent: '' },
    batch,
    never,
  )
  assert.deepEqual(failures, [])
  await ports.webhookQueue.settle(batch.map((delivery) => ({ delivery, ok: true })))
  return bodies
}

test('the small messages of a batch are stored and told before a large one is read', async () => {
  const ports = await receivePorts()
  await createEndpoint(ports, 'a', { url: 'https://hooks.test/a', events: ['email.received'] })
  const [large = ''] = await take(ports, letter('Subject: large', 'x\r\n'.repeat(400_000)))
  const [small = ''] = await take(ports, LETTER)
  const told: string[] = []
  const webhookQueue: Queue = {
    ...ports.webhookQueue,
    async send(entries) {
      told.push(`told of ${entries.length}`)
      await ports.webhookQueue.send(entries)
    },
  }
  const memory = new Semaphore(ports.memory.units, ports.clock)
  const use = memory.use.bind(memory)
  memory.use = (weight, ...rest) => {
    told.push(weight > 1_000_000 ? 'large' : 'small')
    return use(weight, ...rest)
  }
  assert.deepEqual(await drainReceived({ ...ports, webhookQueue, memory }), [])
  assert.deepEqual(told, ['small', 'told of 1', 'large', 'told of 1'])
  assert.equal((await listReceived(ports, 'a', { limit: 9 })).items.length, [large, small].length)
})

test('a webhook that is retried after its message was deleted has the same body', async () => {
  const ports = await receivePorts()
  await createEndpoint(ports, 'a', { url: 'https://hooks.test/a', events: ['email.received'] })
  const [id = ''] = await take(ports, LETTER)
  await drainReceived(ports)
  const [first = '', ...more] = await dispatched(ports, 500)
  assert.deepEqual([JSON.parse(first).type, JSON.parse(first).data.email_id, more.length], ['email.received', id, 0])
  await deleteReceived(ports, 'a', id)
  ports.clock.advance(6000)
  assert.deepEqual(await dispatched(ports, 200), [first])
})
