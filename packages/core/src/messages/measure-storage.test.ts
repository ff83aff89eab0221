import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countingTable } from '@kabutar/testing/counting-table.ts'
import { drainReceived, LETTER, type ReceiveRig, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { DRAFT, drain, KEY } from '@kabutar/testing/sending-rig.ts'
import { createAccount } from '../accounts/accounts.ts'
import { refuseIfFull, storedBytes } from '../accounts/storage.ts'
import { dueWork } from '../due-work.ts'
import type { Log } from '../ports/log.ts'
import { submit } from '../sending/submit.ts'
import { newCaches } from '../store/cache.ts'
import { dayKey, dayOfId, storageKey } from '../store/keys.ts'
import { sweep } from '../store/sweep.ts'
import { deleteReceived } from './delete.ts'
import { deleteSent } from './delete-sent.ts'
import { measureStorage } from './measure-storage.ts'
import { createUpload } from './uploads.ts'

const never = new AbortController().signal
const MINUTE = 60_000
const HOUR = 60 * MINUTE

async function measured(ports: ReceiveRig): Promise<number> {
  await measureStorage(ports, 'a', never)
  return storedBytes({ ...ports, caches: newCaches(ports.clock) }, 'a')
}

async function received(ports: ReceiveRig): Promise<string> {
  const [id = ''] = await take(ports, LETTER)
  assert.deepEqual(await drainReceived(ports), [])
  return id
}

async function sent(ports: ReceiveRig, text = 'x'.repeat(5000)): Promise<string> {
  const { id } = await submit(ports, KEY, { ...DRAFT, text })
  await drain(ports)
  return id
}

test('messages of both directions and uploads are summed, and what is deleted is not', async () => {
  const ports = await receivePorts()
  const [letter, mail] = [await received(ports), await sent(ports)]
  await received(ports)
  assert.equal(await measured(ports), 0, 'they are younger than five minutes')
  ports.clock.advance(6 * MINUTE)
  const two = 2 * LETTER.length
  assert.equal(await measured(ports), two + 5000)
  assert.equal(await measured(ports), two + 5000)
  await createUpload(ports, 'a', 700)
  assert.equal(await measured(ports), two + 5000 + 700)
  await deleteReceived(ports, 'a', letter)
  assert.equal(await measured(ports), LETTER.length + 5000 + 700)
  await deleteSent(ports, 'a', mail)
  assert.equal(await measured(ports), LETTER.length + 700)
})

test('an hour reads only what is new, and a day that is over is read once more at most', async () => {
  const ports = await receivePorts()
  for (let n = 0; n < 300; n++) await sent(ports, 'x')
  ports.clock.advance(6 * MINUTE)
  const table = countingTable(ports.table)
  const readBy = async () => {
    table.reset()
    await measureStorage({ ...ports, table }, 'a', never)
    return table.units().read
  }
  const first = await readBy()
  const second = await readBy()
  assert.ok(first > 25 && second < 15, `${first}, then ${second} read units`)
  ports.clock.advance(30 * HOUR)
  await readBy()
  assert.ok((await readBy()) <= 4)
  assert.equal(await measured(ports), 300)
  // Mail that comes late is counted: an entry waited over midnight.
  const letter = await take(ports, LETTER)
  ports.clock.advance(48 * HOUR)
  await measured(ports)
  assert.deepEqual(await drainReceived(ports), [])
  assert.equal((await ports.table.get(dayKey('a', 'in', dayOfId(letter[0] ?? ''))))?.closed, undefined)
  assert.equal(await measured(ports), 300 + LETTER.length)
})

test('a sum that is cut short goes on a minute later, and keeps the last one meanwhile', async () => {
  const ports = await receivePorts()
  await received(ports)
  ports.clock.advance(6 * MINUTE)
  assert.equal(await measured(ports), LETTER.length)
  await received(ports)
  ports.clock.advance(6 * MINUTE)
  await measureStorage(ports, 'a', AbortSignal.abort())
  const row = await ports.table.get(storageKey('a'))
  assert.equal(row?.bytes, LETTER.length)
  assert.ok(String(row?.gs1sk).startsWith(String(ports.clock.now() + MINUTE).padStart(15, '0')))
})

test('the sweep has a new account measured each hour', async () => {
  const ports = await receivePorts()
  const { id } = await createAccount(ports, 'A')
  const measuring = async () => {
    await sweep(ports, dueWork(ports))
    const entries = await ports.receiveQueue.depth()
    assert.deepEqual(await drainReceived(ports), [])
    return entries.ready
  }
  assert.equal(await measuring(), 1)
  ports.clock.advance(30 * MINUTE)
  assert.equal(await measuring(), 0)
  ports.clock.advance(31 * MINUTE)
  assert.equal(await measuring(), 1)
  assert.equal((await ports.table.get(storageKey(id)))?.bytes, 0)
})

test('an account that stores as much as it may is refused, until a later sum is below', async () => {
  const lines: unknown[] = []
  const log: Log = { debug() {}, info() {}, error() {}, warn: (message, fields) => void lines.push([message, fields]) }
  const ports = { ...(await receivePorts()), log, storageBytes: LETTER.length }
  const id = await received(ports)
  await refuseIfFull(ports, 'a')
  ports.clock.advance(6 * MINUTE)
  await measured(ports)
  const full = { code: 'storage_full', temporary: true, status: '4.2.2' }
  await assert.rejects(refuseIfFull(ports, 'a'), full)
  await assert.rejects(submit(ports, KEY, DRAFT), full)
  await assert.rejects(createUpload(ports, 'a', 1), full)
  assert.deepEqual(lines[0], [
    'an account stores as much as it may, and is refused more',
    { account: 'a', bytes: LETTER.length },
  ])
  await refuseIfFull({ ...ports, storageBytes: Number.POSITIVE_INFINITY }, 'a')
  await refuseIfFull(ports, 'b')
  await deleteReceived(ports, 'a', id)
  await measured(ports)
  ports.clock.advance(MINUTE)
  await submit(ports, KEY, DRAFT)
})
