import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DRAFT, KEY, sweepSends, testPorts } from '@kabutar/testing/sending-rig.ts'
import type { LogFields } from '../ports/log.ts'
import type { Outgoing } from '../ports/queue.ts'
import { type Item, StoreError } from '../ports/table.ts'
import { dueSend } from '../sending/send-queue.ts'
import { submit } from '../sending/submit.ts'
import { row } from './codec.ts'
import { duePartition, dueShard, outboxKindKey, sentMessageKey } from './keys.ts'
import { dueAt, dueOf } from './outbox.ts'
import { sweep } from './sweep.ts'

const MESSAGES = 300
const MINUTE = 60_000

async function dueMessages() {
  const ports = await testPorts()
  await Promise.all(Array.from({ length: MESSAGES }, () => submit(ports, KEY, DRAFT)))
  ports.clock.advance(5 * MINUTE)
  return ports
}

test('a sweep queues what is due, once', async () => {
  const ports = await dueMessages()
  assert.equal(await sweepSends(ports), MESSAGES)
  assert.equal(await sweepSends(ports), 0)
})

test('rows of an account are in one shard, and accounts in all of them', () => {
  const shards = new Set(Array.from({ length: 500 }, (_, n) => dueShard(`account-${n}`)))
  assert.equal(shards.size, 16)
  assert.equal(dueShard('a'), dueShard('a'))
})

test('after the signal a sweep begins nothing, and the next one does it all', async () => {
  const ports = await dueMessages()
  assert.equal(await sweep(ports, { 'sent-message': dueSend(ports.sendQueue) }, AbortSignal.abort()), 0)
  assert.equal(await sweepSends(ports), MESSAGES)
})

test('a partition that cannot be read fails the sweep, after the others were swept', async () => {
  const ports = await dueMessages()
  const code = 'Unavailable'
  const mine = duePartition('sent-message', dueShard(KEY.accountId))
  const query = (broken: string): typeof ports.table.query => {
    return async (wanted) => {
      if (wanted.pk === broken) throw new StoreError(code, 'the table does not answer')
      return ports.table.query(wanted)
    }
  }
  const other = duePartition('sent-message', (dueShard(KEY.accountId) + 1) % 16)
  await assert.rejects(sweepSends({ ...ports, table: { ...ports.table, query: query(other) } }), { code })
  assert.equal(await sweepSends(ports), 0, 'the sweep that failed had queued the rest')
  ports.clock.advance(60 * MINUTE)
  await assert.rejects(sweepSends({ ...ports, table: { ...ports.table, query: query(mine) } }), { code })
  assert.equal(await sweepSends(ports), MESSAGES)
})

test('a row is queued once in the hour after its first look, and half as often after each further one', async () => {
  const ports = await testPorts()
  await submit(ports, KEY, DRAFT)
  const queuedAt: number[] = []
  for (let minute = 30; minute <= 25 * 60; minute += 30) {
    ports.clock.advance(30 * MINUTE)
    if ((await sweepSends(ports)) > 0) queuedAt.push(minute)
  }
  assert.deepEqual(queuedAt, [30, 90, 210, 450, 930, 1410])
})

test('rows that were moved and not queued come again after two minutes', async () => {
  const ports = await dueMessages()
  const send = () => Promise.reject(new StoreError('Unavailable', 'the queue does not answer'))
  await assert.rejects(sweepSends({ ...ports, sendQueue: { ...ports.sendQueue, send } }))
  ports.clock.advance(2 * MINUTE)
  assert.equal(await sweepSends(ports), MESSAGES)
})

test('and so do rows that the table refuses for a while to take back', async () => {
  const ports = await dueMessages()
  let refused = 0
  const unavailable = () => new StoreError('Unavailable', 'the disk is full')
  const write: typeof ports.table.write = async (one) => {
    if (refused-- > 0) throw unavailable()
    return ports.table.write(one)
  }
  const send = async () => {
    refused = 3 * MESSAGES
    throw unavailable()
  }
  const full = { ...ports, table: { ...ports.table, write }, sendQueue: { ...ports.sendQueue, send } }
  await assert.rejects(sweepSends(full), { code: 'Unavailable' })
  ports.clock.advance(2 * MINUTE)
  assert.equal(await sweepSends(ports), MESSAGES)
})

const upload = (account: string, n: number, at: number) => {
  const id = `${account}-${n}`
  return row('upload', { pk: `${account}#uploads`, sk: id }, dueAt('upload', account, id, at))
}

/** Puts the due rows of one account, and one later row of another account in the same shard. */
async function backlog(rows: number) {
  const ports = await testPorts()
  const other =
    Array.from({ length: 1000 }, (_, n) => `other-${n}`).find((id) => dueShard(id) === dueShard('busy')) ?? ''
  const at = ports.clock.now() - 2 * MINUTE
  for (let n = 0; n < rows; n += 1000) {
    const some = Array.from({ length: Math.min(1000, rows - n) }, (_, i) => upload('busy', n + i, at))
    await Promise.all(some.map((item) => ports.table.write({ kind: 'put', item })))
  }
  await ports.table.write({ kind: 'put', item: upload(other, 0, at + MINUTE) })
  const queued: string[] = []
  const queue = {
    ...ports.sendQueue,
    send: async (all: readonly Outgoing[]) => void queued.push(...all.map((one) => one.body)),
  }
  return { ports, other, queued, works: { upload: { queue, entry: ({ pk }: Item) => pk.split('#')[0] ?? '' } } }
}

test('the backlog of one account delays no other, although the sweep ends before the backlog does', async () => {
  const { ports, other, queued, works } = await backlog(10_000)
  const ending = new AbortController()
  const { send } = works.upload.queue
  works.upload.queue.send = async (all) => {
    await send(all)
    if (queued.length > 1500) ending.abort()
  }
  await sweep(ports, works, ending.signal)
  assert.ok(queued.length < 3000, `${queued.length} were queued`)
  assert.ok(queued.includes(other))
})

test('a sweep fails that leaves rows behind which have been due for five minutes', async () => {
  const { ports, queued, works } = await backlog(5000)
  ports.clock.advance(4 * MINUTE)
  const ending = new AbortController()
  const { send } = works.upload.queue
  works.upload.queue.send = async (all) => {
    await send(all)
    if (queued.length > 1500) ending.abort()
  }
  await assert.rejects(sweep(ports, works, ending.signal), /rows of upload have been due for 360 seconds/)
  works.upload.queue.send = send
  await sweep(ports, works)
  assert.equal(queued.length, 5001)
})

describe('a sweep leaves rows alone that it does not know', () => {
  async function rig() {
    const errors: (LogFields | undefined)[] = []
    const ports = await testPorts()
    const log = { ...ports.log, error: (_: string, fields?: LogFields) => void errors.push(fields) }
    const id = ports.ids.next()
    const key = sentMessageKey('a', id)
    const dueTime = String(ports.clock.now() - MINUTE).padStart(15, '0')
    return { ports: { ...ports, log }, errors, key, id, dueTime }
  }

  test('of a kind that another version noted', async () => {
    const { ports, errors, key, id, dueTime } = await rig()
    const item = { ...key, format: 7, gs1pk: duePartition('digest', 3), gs1sk: `${dueTime}#${id}` }
    await ports.table.write({ kind: 'put', item })
    await ports.table.write({ kind: 'put', item: row('outbox-kind', outboxKindKey('digest'), {}) })
    for (let sweeps = 1; sweeps <= 2; sweeps++) {
      assert.equal(await sweepSends(ports), 0)
      assert.deepEqual(errors.at(-1), { reason: 'rows of the unknown kind digest', rows: 1 })
      assert.equal(errors.length, sweeps, 'logged once a sweep')
    }
    assert.deepEqual(await ports.table.get(key), item)
  })

  test('of a format that another version wrote', async () => {
    const { ports, errors, key, id, dueTime } = await rig()
    const gs1pk = duePartition('sent-message', dueShard('a'))
    const item = { ...key, format: 99, gs1pk, gs1sk: `${dueTime}#${id}` }
    await ports.table.write({ kind: 'put', item })
    assert.equal(await sweepSends(ports), 0)
    const reason = 'a row of kind sent-message has format 99; this version reads format 1'
    assert.deepEqual(errors, [{ reason, rows: 1 }])
    assert.deepEqual(await ports.table.get(key), item)
    assert.equal(dueOf(item), Number(dueTime))
  })

  test('and a version that knows the kind queues them', async () => {
    const { ports } = await rig()
    await submit(ports, KEY, DRAFT)
    ports.clock.advance(5 * MINUTE)
    await sweep(ports, {})
    assert.equal(await sweepSends(ports), 1)
  })
})
