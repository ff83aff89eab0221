import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countedAttempts, type Delivery, type Failure, type Outgoing, type Queue } from '@kabutar/core/ports/queue.ts'
import { StoreError, type Table } from '@kabutar/core/ports/table.ts'
import { Failures } from '@kabutar/core/store/failures.ts'
import { sweep } from '@kabutar/core/store/sweep.ts'
import { testPorts } from '@kabutar/testing/sending-rig.ts'
import { dueWaitingEntry, keepWaiting } from './waiting-entries.ts'

const MINUTE = 60_000
/** Minutes between two sweeps. */
const STEP = 4
const never = new AbortController().signal

/** A queue of SQS's kind: each receipt counts, and the fifth failure is a dead letter. */
async function rig(body = 'an entry') {
  const ports = await testPorts()
  const entries: { delivery: Delivery; visibleAt: number }[] = []
  const dead: Delivery[] = []
  let made = 0
  const send = async (all: readonly Outgoing[]) => {
    for (const { body, delayMs = 0 } of all) {
      const [id, sentAt] = [String(made++), ports.clock.now()]
      entries.push({ delivery: { id, body, attempt: 0, sentAt, handle: id }, visibleAt: sentAt + delayMs })
    }
  }
  await send([{ body }])
  const seen: Delivery[] = []
  let fault: unknown
  const handler = async (batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Failure[]> => {
    seen.push(...batch)
    const failures = new Failures(ports, 'receive', signal)
    if (fault !== undefined) for (const delivery of batch) failures.add(delivery, fault)
    return failures.all()
  }
  const work = async (table: Table = ports.table, signal = never) => {
    for (const entry of entries.splice(0)) {
      const delivery = { ...entry.delivery, attempt: entry.delivery.attempt + 1 }
      if (entry.visibleAt > ports.clock.now()) entries.push(entry)
      else {
        const [failure] = await keepWaiting({ ...ports, table }, 'receive', handler)([delivery], signal)
        if (failure && delivery.attempt === 5) dead.push(delivery)
        else if (failure) entries.push({ delivery, visibleAt: ports.clock.now() + failure.retryInMs })
      }
    }
  }
  const due = { 'waiting-entry': dueWaitingEntry({ receive: { send } as unknown as Queue }) }
  const rows = async () => (await ports.table.query({ pk: 'waiting#receive', limit: 10 })).items.length
  return {
    ports,
    entries,
    seen,
    dead,
    rows,
    work,
    fail: (error: unknown) => {
      fault = error
    },
    async pass(minutes: number, table: Table = ports.table) {
      for (let minute = 0; minute < minutes; minute += STEP) {
        await sweep(ports, due)
        await work(table)
        ports.clock.advance(STEP * MINUTE)
      }
    },
  }
}

const gone = new StoreError('Unavailable', 'S3 does not answer')

test('an entry waits for a day in a row of the table, and is handled once the store is there', async () => {
  const at = await rig()
  at.fail(gone)
  await at.pass(24 * 60)
  assert.equal(at.dead.length, 0)
  assert.equal(await at.rows(), 1)
  const tries = at.seen.length
  assert.ok(tries > 48 && tries < 250, `${tries} tries`)
  at.fail(undefined)
  await at.pass(20)
  assert.equal(at.seen.length, tries + 1)
  const last = at.seen.at(-1)
  assert.ok(last && last.attempt > 1 && countedAttempts(last) === 1, 'received before, which is no attempt')
  assert.ok(at.seen.every(({ body, sentAt }) => body === 'an entry' && sentAt === at.seen[0]?.sentAt))
  assert.equal(await at.rows(), 0)
  await at.pass(10 * 60)
  assert.equal(at.seen.length, tries + 1, 'the sweep has nothing left')
})

test('an entry that fails for a reason of its own after it had waited is a dead letter after five receipts', async () => {
  const at = await rig()
  at.fail(gone)
  await at.pass(8)
  at.fail(new Error('a defect'))
  await at.pass(10 * 60)
  assert.equal(at.dead.length, 1)
  assert.equal(await at.rows(), 0)
})

test('a table that throttles a few times takes the row all the same', async () => {
  const at = await rig()
  at.fail(gone)
  let refusals = 4
  const busy: Table = {
    ...at.ports.table,
    write: (one) =>
      refusals-- > 0 ? Promise.reject(new StoreError('Throttled', 'too much')) : at.ports.table.write(one),
  }
  await at.work(busy)
  at.ports.clock.advance(MINUTE)
  await at.work(busy)
  assert.deepEqual([await at.rows(), at.entries.length], [1, 0])
})

test('while the table is down, five receipts are spread over hours', async () => {
  const at = await rig()
  at.fail(gone)
  const refuse = () => Promise.reject(gone)
  const down = { ...at.ports.table, write: refuse }
  await at.pass(5 * 60, down)
  assert.equal(at.dead.length, 0)
  at.fail(undefined)
  await at.pass(5 * 60)
  assert.equal(at.dead.length, 0)
  assert.equal(at.entries.length, 0)
})

test('an entry that is too long for a row, or whose function ends, stays in the queue', async () => {
  const long = await rig('x'.repeat(61_000))
  long.fail(gone)
  await long.work()
  long.ports.clock.advance(MINUTE)
  await long.work()
  assert.deepEqual([await long.rows(), long.entries.length], [0, 1])
  const ending = await rig()
  ending.fail(gone)
  await ending.work(ending.ports.table, AbortSignal.abort())
  assert.deepEqual([await ending.rows(), ending.entries.length], [0, 1])
})
