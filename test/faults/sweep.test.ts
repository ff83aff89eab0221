/**
 * The sweep does not flood the queue of a stopped worker: each row waits longer from entry to entry. The backlog of one
 * account does not keep another one waiting. MESSAGES=100000 is the long form: more messages of one account than a sweep queues.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outgoing, Queue } from '@kabutar/core/ports/queue.ts'
import type { Item } from '@kabutar/core/ports/table.ts'
import { sendBatch } from '@kabutar/core/sending/send.ts'
import { parseSendEntry } from '@kabutar/core/sending/send-queue.ts'
import { submit } from '@kabutar/core/sending/submit.ts'
import { row } from '@kabutar/core/store/codec.ts'
import { DUE_SHARDS, duePartition, dueShard } from '@kabutar/core/store/keys.ts'
import { dueAt } from '@kabutar/core/store/outbox.ts'
import { sweep } from '@kabutar/core/store/sweep.ts'
import { DRAFT, KEY, type Rig, sweepSends, testPorts } from '@kabutar/testing/sending-rig.ts'

const MESSAGES = Number(process.env.MESSAGES ?? 15_000)
const ROWS = 100_000
const SWEEPS = 30
const MINUTE = 60_000
/** Entries by the sweep, in addition to the one by `submit`. */
const MOST_ENTRIES = 1
const AT_ONCE = 250
const WORKERS = 8

test('30 sweeps behind a stopped worker queue no row more than once', { timeout: 10 * MINUTE }, async (t) => {
  const rig = await testPorts()
  const entries = new Map<string, number>()
  const ports = { ...rig, sendQueue: counted(rig.sendQueue, entries) }
  const took = stopwatch()
  const ids = await submitMany(rig)
  t.diagnostic(`${ids.size} accepted in ${took()}`)
  let queued = 0
  for (let sweeps = 0; sweeps < SWEEPS; sweeps++) {
    rig.clock.advance(MINUTE)
    queued += await sweepSends(ports)
  }
  assert.ok(queued >= MESSAGES, `only ${queued} were queued: the sweep does not see every row`)
  const most = [...entries.values()].reduce((a, b) => Math.max(a, b), 0)
  t.diagnostic(`${SWEEPS} sweeps queued ${queued} entries, at most ${most} for one message, in ${took()}`)
  assert.ok(most <= MOST_ENTRIES, `${most} entries for one message`)

  const { received, again } = tallied(rig)
  const handled = await workOff(ports)
  t.diagnostic(`the worker met ${handled} entries in ${took()}`)
  assert.equal(again(), 0, 'sent twice')
  assert.equal(received.size, ids.size)
  for (const id of ids) assert.ok(received.has(id), id)
  const left = await rig.sendQueue.depth()
  assert.deepEqual(left, { ready: 0, leased: 0, delayed: 0 })
  assert.equal(await stillDue(rig), 0)
})

function stopwatch(): () => string {
  let from = performance.now()
  return () => {
    const seconds = (performance.now() - from) / 1000
    from = performance.now()
    return `${seconds.toFixed(1)} s`
  }
}

async function submitMany(ports: Rig): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  while (ids.size < MESSAGES) {
    const some = await Promise.all(Array.from({ length: AT_ONCE }, () => submit(ports, KEY, DRAFT)))
    for (const { id } of some) ids.add(id)
  }
  return ids
}

/** Counts entries by message. */
function counted(queue: Queue, entries: Map<string, number>): Queue {
  return {
    ...queue,
    async send(messages) {
      for (const { body } of messages) {
        const { id } = parseSendEntry(body)
        entries.set(id, (entries.get(id) ?? 0) + 1)
      }
      await queue.send(messages)
    },
  }
}

/** A relay that records which messages came, without their content. */
function tallied({ relay }: Rig) {
  const received = new Set<string>()
  let times = 0
  relay.send = async (_envelope, _raw, { tags }) => {
    times++
    received.add(tags?.kabutar_id ?? '')
    return { relayId: '', outcome: 'sent', rejected: [] }
  }
  return { received, again: () => times - received.size }
}

/** Runs the worker again; a minute later the entries that the sweep delayed are visible too. */
async function workOff(ports: Rig): Promise<number> {
  let handled = 0
  for (let minutes = 0; minutes < 2; minutes++) {
    const counts = await Promise.all(Array.from({ length: WORKERS }, () => work(ports)))
    handled += counts.reduce((a, b) => a + b)
    ports.clock.advance(MINUTE)
  }
  return handled
}

async function work(ports: Rig): Promise<number> {
  for (let handled = 0; ; ) {
    const batch = await ports.sendQueue.receive({ max: 10, visibilityMs: MINUTE, waitMs: 0 })
    if (batch.length === 0) return handled
    handled += batch.length
    const failures = await sendBatch(ports, batch, new AbortController().signal)
    assert.equal(failures.length, 0)
    await ports.sendQueue.settle(batch.map((delivery) => ({ delivery, ok: true })))
  }
}

async function stillDue({ table }: Rig): Promise<number> {
  let due = 0
  for (let shard = 0; shard < DUE_SHARDS; shard++)
    due += (await table.query({ pk: duePartition('sent-message', shard), index: 'gs1', limit: 1 })).items.length
  return due
}

test('100,000 due rows of one account delay a row of another by less than a minute', {
  timeout: 10 * MINUTE,
}, async (t) => {
  const ports = await testPorts()
  const due = (account: string, n: number, at: number) => {
    const id = `${account}-${n}`
    return row('upload', { pk: `${account}#uploads`, sk: id }, dueAt('upload', account, id, at))
  }
  const inShardOf = (account: string) =>
    Array.from({ length: 1000 }, (_, n) => `other-${n}`).find((id) => dueShard(id) === dueShard(account)) ?? ''
  const [busy, other] = ['busy', inShardOf('busy')]
  const at = ports.clock.now() - 2 * MINUTE
  for (let n = 0; n < ROWS; n += 1000) {
    const rows = Array.from({ length: 1000 }, (_, i) => due(busy, n + i, at))
    await Promise.all(rows.map((item) => ports.table.write({ kind: 'put', item })))
  }
  await ports.table.write({ kind: 'put', item: due(other, 0, at + MINUTE) })
  const queuedIn = new Map<string, number[]>()
  let sweeps = 0
  const send = async (all: readonly Outgoing[]) => {
    for (const { body } of all) queuedIn.set(body, [...(queuedIn.get(body) ?? []), sweeps])
  }
  const works = { upload: { queue: { ...ports.sendQueue, send }, entry: ({ sk }: Item) => sk } }
  const took = stopwatch()
  for (; sweeps < 10 && queuedIn.size <= ROWS; sweeps++) {
    await sweep(ports, works)
    ports.clock.advance(MINUTE)
  }
  t.diagnostic(`${ROWS} rows were queued by ${sweeps} sweeps in ${took()}`)
  assert.deepEqual(queuedIn.get(`${other}-0`), [0], 'by the first sweep')
  assert.equal(queuedIn.size, ROWS + 1)
  assert.ok([...queuedIn.values()].every((times) => times.length === 1))
})
