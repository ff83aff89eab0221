import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drainReceived, LETTER, type ReceiveRig, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { DRAFT, drain, KEY } from '@kabutar/testing/sending-rig.ts'
import { createAccount } from '../accounts/accounts.ts'
import { accountRetention, type Retention, setRetention } from '../accounts/retention.ts'
import { newStorage, storedBytes } from '../accounts/storage.ts'
import { dueWork } from '../due-work.ts'
import { recordFeedback } from '../feedback/record.ts'
import { rereadReceived } from '../receiving/reread.ts'
import { historyOf } from '../sending/history.ts'
import { sendAgain } from '../sending/send-again.ts'
import { submit } from '../sending/submit.ts'
import { newCaches } from '../store/cache.ts'
import { dayKey, dayOfId } from '../store/keys.ts'
import { sweep } from '../store/sweep.ts'
import { eventsOf } from '../webhooks/event.ts'
import { listActivity } from './activity.ts'
import { blobKey, partCopyKey, rawCopyKey } from './blob-keys.ts'
import type { Draft } from './content.ts'
import { deleteReceived } from './delete.ts'
import { deleteSent } from './delete-sent.ts'
import { expireMail } from './expire.ts'
import { inspectSent } from './inspect-sent.ts'
import { measureStorage } from './measure-storage.ts'
import { copyRaw } from './message-copies.ts'
import { getReceived, getSent, getWholeReceived, getWholeSent, listReceived, listSent } from './read.ts'
import { contentKey } from './references.ts'

const never = new AbortController().signal
const HOUR = 3_600_000
const DAY = 24 * HOUR
const ATTACHED = { ...DRAFT, attachments: [{ filename: 'a.txt', content: Buffer.from('a file') }] }
const THIRTY: Retention = { contentDays: 30 }

async function received(ports: ReceiveRig): Promise<string> {
  const [id = ''] = await take(ports, LETTER)
  assert.deepEqual(await drainReceived(ports), [])
  return id
}

async function sent(ports: ReceiveRig, draft: Draft = ATTACHED): Promise<string> {
  const { id } = await submit(ports, KEY, draft)
  await drain(ports)
  return id
}

const expire = (ports: ReceiveRig, retention: Retention) => expireMail({ ...ports, retention }, 'a', never)
const isThere = async ({ blobs }: ReceiveRig, key: string) => (await blobs.open(key)) !== undefined

test('content is kept for whole days, then goes with its blobs and copies, and the row says since when', async () => {
  const ports = await receivePorts()
  const [mail, letter] = [await sent(ports), await received(ports)]
  const { blob } = (await getReceived(ports.table, 'a', letter)).content
  await copyRaw(ports, 'a', await inspectSent(ports, await getSent(ports.table, 'a', mail)))
  const keys = [blobKey('a', mail), rawCopyKey(blobKey('a', mail)), blob]
  ports.clock.advance(30 * DAY)
  assert.equal(await expire(ports, THIRTY), true)
  for (const key of keys) assert.ok(await isThere(ports, key), key)
  ports.clock.advance(DAY)
  await expire(ports, THIRTY)
  for (const key of keys) assert.ok(!(await isThere(ports, key)), key)

  const { message, content } = await getWholeSent(ports, 'a', mail)
  assert.deepEqual([content, message.expiredAt, message.subject], [undefined, ports.clock.now(), DRAFT.subject])
  const { expiredAt, preview } = await getReceived(ports.table, 'a', letter)
  assert.deepEqual([expiredAt, preview, message.preview], [ports.clock.now(), '', ''])
  const listed = async () => (await listActivity(ports, 'a', { limit: 9, directions: ['out', 'in'] })).items.length
  assert.equal(await listed(), 2)
  assert.equal((await listSent(ports, 'a', { limit: 9 })).items.length, 1)
  assert.equal((await listReceived(ports, 'a', { limit: 9 })).items[0]?.subject, 'Grüße')
  assert.ok((await historyOf(ports, message)).some(({ type }) => type === 'email.sent'))
  const gone = { code: 'not_found', message: 'The content of the email has expired.' }
  await assert.rejects(getWholeReceived(ports, 'a', letter), gone)
  await assert.rejects(rereadReceived(ports, 'a', letter), gone)
  await assert.rejects(sendAgain(ports, KEY, mail), gone)
  await deleteReceived(ports, 'a', letter)
  assert.equal((await listReceived(ports, 'a', { limit: 9 })).items.length, 0)
  await deleteSent(ports, 'a', mail)
  assert.equal(await listed(), 0)
})

test('nothing expires without a setting, or with 0 days of an account', async () => {
  const ports = await receivePorts()
  const mail = await sent(ports)
  ports.clock.advance(4000 * DAY)
  await expire(ports, {})
  await expire(ports, { contentDays: 0, eventDays: 0 })
  assert.notEqual((await getWholeSent(ports, 'a', mail)).content, undefined)
})

test('a message whose sending has not ended keeps its content until it has', async () => {
  const ports = await receivePorts()
  const { id } = await submit(ports, KEY, ATTACHED)
  ports.clock.advance(40 * DAY)
  await expire(ports, { contentDays: 30, eventDays: 30 })
  assert.notEqual((await getWholeSent(ports, 'a', id)).content, undefined)
  await drain(ports)
  assert.equal((await getSent(ports.table, 'a', id)).recipients[0]?.status, 'sent')
  ports.clock.advance(HOUR)
  await expire(ports, THIRTY)
  assert.equal((await getWholeSent(ports, 'a', id)).content, undefined)
})

test('a message that a worker takes up after it was read expires an hour later', async () => {
  const ports = await receivePorts()
  const mail = await sent(ports)
  ports.clock.advance(40 * DAY)
  const { version } = await getSent(ports.table, 'a', mail)
  const stale = { ...ports.table, query: ports.table.query }
  const query: typeof stale.query = async (asked) => {
    const page = await ports.table.query(asked)
    return { ...page, items: page.items.map((item) => (item.sk === mail ? { ...item, version: version - 1 } : item)) }
  }
  await expire({ ...ports, table: { ...ports.table, query } }, THIRTY)
  assert.notEqual((await getWholeSent(ports, 'a', mail)).content, undefined)
  ports.clock.advance(HOUR)
  await expire(ports, THIRTY)
  assert.equal((await getWholeSent(ports, 'a', mail)).content, undefined)
})

test('a message that is deleted after it was read does not expire, and is not listed again', async () => {
  const ports = await receivePorts()
  const mail = await sent(ports)
  ports.clock.advance(40 * DAY)
  const query: typeof ports.table.query = async (asked) => {
    const page = await ports.table.query(asked)
    if (page.items.some(({ sk }) => sk === mail)) await deleteSent(ports, 'a', mail)
    return page
  }
  await expire({ ...ports, table: { ...ports.table, query } }, THIRTY)
  assert.equal((await getSent(ports.table, 'a', mail)).expiredAt, undefined)
  assert.deepEqual((await listActivity(ports, 'a', { limit: 9, directions: ['out'] })).items, [])
})

test('a day that is passed over is walked through once an hour, so that days behind it have their turn', async () => {
  const ports = await receivePorts()
  await submit(ports, KEY, ATTACHED)
  ports.clock.advance(40 * DAY)
  await expire(ports, THIRTY)
  let walks = 0
  const query: typeof ports.table.query = (asked) => {
    if (asked.pk.includes('#out#')) walks++
    return ports.table.query(asked)
  }
  const again = () => expire({ ...ports, table: { ...ports.table, query } }, THIRTY)
  ports.clock.advance(HOUR - 1)
  await again()
  assert.equal(walks, 0)
  ports.clock.advance(1)
  await again()
  assert.notEqual(walks, 0)
})

test('a message that this version cannot read expires once one can', async () => {
  const ports = await receivePorts()
  const mail = await sent(ports)
  ports.clock.advance(40 * DAY)
  const query: typeof ports.table.query = async (asked) => {
    const page = await ports.table.query(asked)
    return { ...page, items: page.items.map((item) => (item.sk === mail ? { ...item, format: 99 } : item)) }
  }
  await expire({ ...ports, table: { ...ports.table, query } }, THIRTY)
  assert.notEqual((await getWholeSent(ports, 'a', mail)).content, undefined)
  ports.clock.advance(HOUR)
  await expire(ports, THIRTY)
  assert.equal((await getWholeSent(ports, 'a', mail)).content, undefined)
})

test('a crash between the mark and the deletion leaves nothing for good', async () => {
  const ports = await receivePorts()
  const [mail, letter] = [await sent(ports), await received(ports)]
  const { blob } = (await getReceived(ports.table, 'a', letter)).content
  ports.clock.advance(40 * DAY)
  const dying = { ...ports.blobs, delete: () => Promise.reject(new Error('killed')) }
  for (let n = 0; n < 2; n++) await assert.rejects(expire({ ...ports, blobs: dying }, THIRTY), /killed/)
  assert.ok(await isThere(ports, blob))
  await expire(ports, THIRTY)
  assert.ok(!(await isThere(ports, blob)))
  assert.ok(!(await isThere(ports, blobKey('a', mail))))
})

test('a message that is deleted while it expires leaves no copy of an attachment', async () => {
  const ports = await receivePorts()
  const file = ['--b', 'Content-Disposition: attachment; filename=a.txt', '', 'a file', '--b--', '']
  const [letter = ''] = await take(
    ports,
    Buffer.from(['From: b@x.com', 'Content-Type: multipart/mixed; boundary=b', '', ...file].join('\r\n')),
  )
  assert.deepEqual(await drainReceived(ports), [])
  const { received: message, attachments } = await getWholeReceived(ports, 'a', letter)
  const [copy = ''] = attachments.map((part) => partCopyKey(message.content.blob, part))
  await ports.blobs.put(copy, Buffer.from('a file'), { maxBytes: 10 })
  ports.clock.advance(40 * DAY)
  const dying = { ...ports.blobs, delete: () => Promise.reject(new Error('killed')) }
  await assert.rejects(expire({ ...ports, blobs: dying }, THIRTY), /killed/)
  await deleteReceived(ports, 'a', letter)
  assert.ok(!(await isThere(ports, copy)))
})

test('events go after their days, and one that comes later is kept for 30 days', async () => {
  const ports = await receivePorts()
  const mail = await sent(ports)
  ports.clock.advance(31 * DAY)
  await expire(ports, { eventDays: 90 })
  assert.ok((await eventsOf(ports.table, 'a', mail)).length > 0)
  ports.clock.advance(60 * DAY)
  await expire(ports, { eventDays: 90 })
  assert.equal((await eventsOf(ports.table, 'a', mail)).length, 0)
  const message = await getSent(ports.table, 'a', mail)
  assert.equal(message.eventsExpiredAt, ports.clock.now())
  assert.deepEqual(
    (await historyOf(ports, message)).map(({ type }) => type),
    ['accepted'],
  )
  const complaint = [{ recipient: DRAFT.to[0]?.address ?? '', status: 'complained' }] as const
  await recordFeedback(ports, {
    accountId: 'a',
    id: mail,
    messageId: message.messageId,
    occurrence: '',
    outcomes: complaint,
  })
  assert.equal((await eventsOf(ports.table, 'a', mail)).length, 1)
  ports.clock.advance(30 * DAY)
  assert.equal((await eventsOf(ports.table, 'a', mail)).length, 0)
})

test('a day is walked through once, by parts where it is long, and its octets are counted anew', async () => {
  const ports = await receivePorts()
  for (let n = 0; n < 120; n++) await sent(ports, { ...DRAFT, text: 'x'.repeat(3000) })
  const mail = await sent(ports)
  ports.clock.advance(31 * DAY)
  const measured = async () => {
    await measureStorage(ports, 'a', never)
    return storedBytes({ ...ports, caches: newCaches(ports.clock) }, 'a')
  }
  assert.ok((await measured()) > 120 * 3000)
  await expire(ports, THIRTY)
  assert.equal(await measured(), 0)
  assert.deepEqual((await ports.table.get(dayKey('a', 'out', dayOfId(mail))))?.contentExpiry, { done: true })
  let queries = 0
  const query: typeof ports.table.query = (asked) => {
    queries++
    return ports.table.query(asked)
  }
  await expire({ ...ports, table: { ...ports.table, query } }, THIRTY)
  assert.equal(queries, 2, 'the days of both directions')
})

test('what an account says counts before the setting, and can be taken back', async () => {
  const ports = await receivePorts()
  const { id } = await createAccount(ports, 'A')
  const kept = () => accountRetention(ports.table, id, THIRTY)
  assert.deepEqual(await kept(), THIRTY)
  await setRetention(ports.table, id, { contentDays: 7, eventDays: 60 })
  assert.deepEqual(await kept(), { contentDays: 7, eventDays: 60 })
  await setRetention(ports.table, id, { contentDays: 0, eventDays: null })
  assert.deepEqual(await kept(), { contentDays: 0 })
  await setRetention(ports.table, id, { contentDays: null, eventDays: undefined })
  assert.deepEqual(await kept(), THIRTY)
  for (const wrong of [{ contentDays: -1 }, { contentDays: 1.5 }, { contentDays: 4000 }, { eventDays: 29 }]) {
    const change = { contentDays: undefined, eventDays: undefined, ...wrong }
    await assert.rejects(setRetention(ports.table, id, change), { code: 'invalid_message' })
  }
  const change = { contentDays: 1, eventDays: undefined }
  await assert.rejects(setRetention(ports.table, 'nobody', change), { code: 'not_found' })
})

test('the sweep has it done each hour, by the row that has the storage summed', async () => {
  const ports = await receivePorts()
  const mail = await sent(ports)
  await ports.table.write({ kind: 'put', item: newStorage('a', ports.clock.now()) })
  const hour = async () => {
    await sweep(ports, dueWork(ports))
    assert.deepEqual(await drainReceived({ ...ports, retention: THIRTY }), [])
    return (await getSent(ports.table, 'a', mail)).expiredAt
  }
  assert.equal(await hour(), undefined)
  ports.clock.advance(31 * DAY)
  assert.equal(await hour(), ports.clock.now())
})

test('what a mailbox has is kept until it is expunged there', async () => {
  const ports = await receivePorts()
  const id = await received(ports)
  const key = contentKey('a', { direction: 'received', id })
  const refs = (count: number) => ports.table.write({ kind: 'update', key, set: { refs: count } })
  await refs(2)
  ports.clock.advance(31 * DAY)
  await expire(ports, THIRTY)
  assert.equal((await getReceived(ports.table, 'a', id)).expiredAt, undefined)
  await refs(1)
  ports.clock.advance(HOUR)
  await expire(ports, THIRTY)
  assert.equal((await getReceived(ports.table, 'a', id)).expiredAt, ports.clock.now())
})
