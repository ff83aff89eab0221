import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { listReceived } from '@kabutar/core/messages/read.ts'
import { QUEUE_RULES, type Queue } from '@kabutar/core/ports/queue.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { drainReceived, LETTER, receivePorts } from '@kabutar/testing/receiving-rig.ts'
import { silent } from '@kabutar/testing/sending-rig.ts'
import { receiveFromSes } from './inbound.ts'
import { reconcile } from './reconcile.ts'

const never = new AbortController().signal
const created = (...keys: readonly string[]) =>
  JSON.stringify({
    Records: keys.map((key) => ({
      eventVersion: '2.1',
      eventTime: '2026-11-22T12:00:01.000Z',
      s3: { bucket: { name: 'bucket' }, object: { key: encodeURIComponent(key).replaceAll('%20', '+'), size: 5 } },
    })),
  })

async function rig() {
  const ports = await receivePorts()
  const engine = memoryEngine()
  const queue = (name: string) => sqliteQueue(engine, name, ports.clock, { maxAttempts: 5 })
  return {
    ...ports,
    reconcileQueue: queue('reconcile'),
    reconcileDead: queue('reconcile:dlq'),
    receiveQueue: queue('receive'),
  }
}

async function bodiesIn(queue: Queue): Promise<readonly string[]> {
  const bodies: string[] = []
  for (let receipts = 0; receipts < 1000; receipts++) {
    const received = await queue.receive({ max: 10, visibilityMs: 60_000, waitMs: 0 })
    if (received.length === 0) break
    bodies.push(...received.map(({ body }) => body))
    await queue.settle(received.map((delivery) => ({ delivery, ok: true })))
  }
  return bodies
}
type Event = { readonly Records: readonly { readonly s3: { readonly object: { readonly key: string } } }[] }
const keysOf = (bodies: readonly string[]) =>
  bodies.flatMap((body) => (JSON.parse(body) as Event).Records.map(({ s3 }) => decodeURIComponent(s3.object.key)))

test('many events become few entries that name every object, and the queue is emptied', async () => {
  const ports = await rig()
  const keys = Array.from({ length: 2345 }, (_, n) => `inbound/é ${n}+%`)
  await ports.reconcileQueue.send(keys.map((key) => ({ body: created(key) })))
  assert.deepEqual(await reconcile(ports, never), { objects: 2345, emptied: true })
  const bodies = await bodiesIn(ports.receiveQueue)
  assert.ok(bodies.length < 40, `${bodies.length} entries`)
  assert.deepEqual(keysOf(bodies).toSorted(), keys.toSorted())
  assert.deepEqual(await ports.reconcileQueue.depth(), { ready: 0, leased: 0, delayed: 0 })
})

test('an idle queue is polled once', async () => {
  const ports = await rig()
  let asked = 0
  const receive: Queue['receive'] = async (wanted) => {
    asked++
    return ports.reconcileQueue.receive(wanted)
  }
  assert.deepEqual(await reconcile({ ...ports, reconcileQueue: { ...ports.reconcileQueue, receive } }, never), {
    objects: 0,
    emptied: true,
  })
  assert.equal(asked, 1)
})

test('ten entries take at most three calls', async () => {
  const ports = await rig()
  await ports.reconcileQueue.send(Array.from({ length: 1000 }, (_, n) => ({ body: created(`inbound/${n}`) })))
  const calls = { receive: 0, send: 0, settled: 0 }
  const reconcileQueue: Queue = {
    ...ports.reconcileQueue,
    receive: async (wanted) => {
      calls.receive++
      return ports.reconcileQueue.receive(wanted)
    },
    settle: async (settlements) => {
      calls.settled += Math.ceil(settlements.length / 10)
      return ports.reconcileQueue.settle(settlements)
    },
  }
  const receiveQueue: Queue = {
    ...ports.receiveQueue,
    send: async (messages) => {
      calls.send += Math.ceil(messages.length / 10)
      return ports.receiveQueue.send(messages)
    },
  }
  await reconcile({ ...ports, reconcileQueue, receiveQueue }, never)
  assert.ok(calls.receive <= 120 && calls.settled === 100 && calls.send <= 24, JSON.stringify(calls))
})

test('an entry of 256 KB is split into entries that the queue takes', async () => {
  const ports = await rig()
  const keys = Array.from({ length: 1290 }, (_, n) => `inbound/${n}${'x'.repeat(60)}`)
  const whole = created(...keys)
  assert.ok(whole.length > 250_000 && whole.length <= QUEUE_RULES.maxBodyBytes, String(whole.length))
  const long = Array.from({ length: 80 }, (_, n) => `inbound/${n}${'é'.repeat(500)}`)
  await ports.reconcileQueue.send([{ body: whole }, { body: created(...long) }])
  assert.deepEqual(await reconcile(ports, never), { objects: 1370, emptied: true })
  const bodies = await bodiesIn(ports.receiveQueue)
  for (const body of bodies) assert.ok(Buffer.byteLength(body) <= QUEUE_RULES.maxBodyBytes)
  assert.deepEqual(keysOf(bodies).toSorted(), [...keys, ...long].toSorted())
})

describe('a crash', () => {
  class Crash extends Error {}

  test('between send and delete sends an entry twice, and the mail is received once', async () => {
    const ports = await rig()
    await ports.blobs.put('inbound/ses-1', Buffer.from(LETTER), { maxBytes: 1e6 })
    await ports.reconcileQueue.send([{ body: created('inbound/ses-1') }])
    const settle = () => Promise.reject(new Crash())
    await assert.rejects(reconcile({ ...ports, reconcileQueue: { ...ports.reconcileQueue, settle } }, never), Crash)
    ports.clock.advance(5 * 60_000)
    assert.deepEqual(await reconcile(ports, never), { objects: 1, emptied: true })
    const bodies = await bodiesIn(ports.receiveQueue)
    assert.equal(bodies.length, 2)
    for (const [n, body] of bodies.entries()) {
      const delivery = { id: String(n), body, attempt: 1, sentAt: 0, handle: '' }
      assert.deepEqual(await receiveFromSes(ports, [delivery], never), [])
    }
    assert.deepEqual(await drainReceived(ports), [])
    assert.equal((await listReceived(ports, 'a', { limit: 10 })).items.length, 1)
  })

  test('before the send leaves every entry in the queue', async () => {
    const ports = await rig()
    await ports.reconcileQueue.send([{ body: created('inbound/1') }, { body: created('inbound/2') }])
    const send = () => Promise.reject(new Crash())
    await assert.rejects(reconcile({ ...ports, receiveQueue: { ...ports.receiveQueue, send } }, never), Crash)
    ports.clock.advance(5 * 60_000)
    assert.deepEqual(await reconcile(ports, never), { objects: 2, emptied: true })
  })
})

test('an entry that is not from S3 goes to the dead letters whole, and delays no other', async () => {
  const ports = await rig()
  const unreadable = ['not JSON', '{"Records":[{"s3":{}}]}', '{"v":1,"a":"a"}', '{"Records":']
  await ports.reconcileQueue.send([...unreadable, created('inbound/1')].map((body) => ({ body })))
  for (let receipts = 0; receipts < 6; receipts++) {
    assert.deepEqual(await reconcile(ports, never), { objects: receipts === 0 ? 1 : 0, emptied: true })
    ports.clock.advance(60_000)
  }
  assert.deepEqual((await bodiesIn(ports.reconcileDead)).toSorted(), unreadable.toSorted())
  assert.equal((await bodiesIn(ports.receiveQueue)).length, 1)
})

test("S3's test of the queue is deleted", async () => {
  const ports = await rig()
  await ports.reconcileQueue.send([{ body: '{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}' }])
  assert.deepEqual(await reconcile(ports, never), { objects: 0, emptied: true })
  assert.deepEqual(await ports.reconcileQueue.depth(), { ready: 0, leased: 0, delayed: 0 })
})

test('the signal ends the run between two receipts, and the result says that there may be more', async () => {
  const ports = await rig()
  const stop = new AbortController()
  await ports.reconcileQueue.send(Array.from({ length: 30 }, (_, n) => ({ body: created(`inbound/${n}`) })))
  const receive: Queue['receive'] = async (wanted) => {
    stop.abort()
    return ports.reconcileQueue.receive(wanted)
  }
  const { objects, emptied } = await reconcile(
    { ...ports, reconcileQueue: { ...ports.reconcileQueue, receive } },
    stop.signal,
  )
  assert.deepEqual([objects, emptied], [10, false])
  assert.deepEqual(await reconcile({ ...ports, log: silent }, never), { objects: 20, emptied: true })
})

test('an object that cannot be read delays no other object of its entry', async () => {
  const ports = await rig()
  for (const n of [1, 3]) await ports.blobs.put(`inbound/ses-${n}`, Buffer.from(LETTER), { maxBytes: 1e6 })
  const open: typeof ports.blobs.open = async (key, range) => {
    if (key === 'inbound/ses-2') throw new Error('S3 does not answer')
    return ports.blobs.open(key, range)
  }
  const body = created('inbound/ses-1', 'inbound/ses-2', 'inbound/ses-3')
  const delivery = { id: 'q', body, attempt: 1, sentAt: 0, handle: '' }
  const failing = { ...ports, blobs: { ...ports.blobs, open } }
  assert.deepEqual(
    (await receiveFromSes(failing, [delivery], never)).map(({ id }) => id),
    ['q'],
  )
  assert.deepEqual(await drainReceived(ports), [])
  assert.equal((await listReceived(ports, 'a', { limit: 10 })).items.length, 2)
})
