import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { acceptForOwnDomains } from '@kabutar/local/relay/own-domains.ts'
import { countingTable } from '@kabutar/testing/counting-table.ts'
import { drainReceived, LETTER, letter, type ReceiveRig, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { DRAFT, KEY } from '@kabutar/testing/sending-rig.ts'
import { blobKey } from '../messages/blob-keys.ts'
import { deleteReceived } from '../messages/delete.ts'
import { getReceived, getWholeReceived, listReceived } from '../messages/read.ts'
import { getReading } from '../messages/stored-reading.ts'
import { submit } from '../sending/submit.ts'
import { receivedReadingKey } from '../store/keys.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'
import { eventsOf, readPayload, receivedEventId } from '../webhooks/event.ts'
import { receiveBatch } from './receive.ts'

const DAY = 24 * 3_600_000

const never = new AbortController().signal

async function receiveOne(ports: ReceiveRig, raw: string, some = {}) {
  const [id = ''] = await take(ports, raw, some)
  assert.deepEqual(await drainReceived(ports), [])
  return getReceived(ports.table, 'a', id)
}

describe('a received message', () => {
  test('has a row, a reading and an event', async () => {
    const ports = await receivePorts()
    const hook = { url: 'https://hooks.test/a', events: ['email.received'] }
    await createEndpoint(ports, 'a', hook)
    const received = await receiveOne(ports, LETTER, { recipients: ['Ada@kabutar.test', 'info@kabutar.test'] })
    const { id } = received
    assert.deepEqual(
      [received.from, received.to, received.subject, received.messageId, received.size],
      ['Eve <eve@far.test>', ['Ada <ada@kabutar.test>'], 'Grüße', '<1@far.test>', LETTER.length],
    )
    assert.deepEqual(
      [received.direction, received.thread, received.content.form, received.content.blob],
      ['received', id, 'raw', blobKey('a', id)],
    )
    assert.deepEqual(received.envelope.recipients, ['Ada@kabutar.test', 'info@kabutar.test'])
    const { mime, reading } = await getReading(ports, received)
    assert.deepEqual([reading.preview, reading.text, reading.messageId], ['Hello.', 'Hello.\n', '<1@far.test>'])
    assert.equal(mime?.size, LETTER.length)
    const event = await readPayload(ports.table, 'a', id, receivedEventId('a', id))
    const { type, data } = JSON.parse(event?.body ?? '')
    assert.deepEqual(
      [type, data.email_id, data.received_for],
      ['email.received', id, ['Ada@kabutar.test', 'info@kabutar.test']],
    )
    assert.equal((await ports.webhookQueue.depth()).ready, 1)
  })

  test('for two domains and another account has one row an account', async () => {
    const ports = await receivePorts()
    const recipients = ['ada@kabutar.test', 'ada@second.test', 'bob@b.test', 'bob2@b.test']
    const [mine = '', theirs = ''] = await take(ports, LETTER, { recipients })
    await drainReceived(ports)
    for (const [account, id, own] of [
      ['a', mine, recipients.slice(0, 2)],
      ['b', theirs, recipients.slice(2)],
    ] as const) {
      const { items } = await listReceived(ports, account, { limit: 10 })
      assert.deepEqual(
        items.map((one) => [one.id, one.envelope.recipients]),
        [[id, own]],
      )
    }
    await assert.rejects(getReceived(ports.table, 'b', mine), { code: 'not_found' })
  })

  test('announced five times at once is received once, and its event has one id', async () => {
    const ports = await receivePorts()
    const [id = ''] = await take(ports, LETTER)
    const [first] = await ports.receiveQueue.receive({ max: 1, visibilityMs: 1, waitMs: 0 })
    await ports.receiveQueue.send(Array.from({ length: 4 }, () => ({ body: first?.body ?? '' })))
    ports.clock.advance(10)
    assert.deepEqual(await drainReceived(ports), [])
    const { items } = await listReceived(ports, 'a', { limit: 10 })
    assert.deepEqual(
      items.map((one) => one.id),
      [id],
    )
    assert.equal((await eventsOf(ports.table, 'a', id)).length, 1)
  })

  test('with headers of extreme lengths fits its rows', async () => {
    const ports = await receivePorts()
    const many = Array.from({ length: 900 }, (_, i) => `"${'ü'.repeat(40)}${i}" <r${i}@far.test>`).join(',\n ')
    const files = Array.from(
      { length: 1200 },
      (_, i) =>
        `--b\r\nContent-Disposition: attachment; filename="${createHash('sha512').update(String(i)).digest('hex').repeat(3)}"\r\n\r\nx\r\n`,
    )
    const fields = `From: ${'f'.repeat(5000)} <f@far.test>\nTo: ${many}\nCc: ${many}\nSubject: ${'s'.repeat(60_000)}`
    const raw = letter(`${fields}\nContent-Type: multipart/mixed; boundary=b`, `${files.join('')}--b--\r\n`)
    const recipients = Array.from({ length: 100 }, (_, i) => `${'l'.repeat(60)}${i}@kabutar.test`)
    const received = await receiveOne(ports, raw, { recipients })
    assert.ok(received.to.length > 10 && received.attachments.length > 10)
    assert.equal(received.envelope.recipients.length, 100)
    const { attachments } = await getWholeReceived(ports, 'a', received.id)
    assert.ok(attachments.length > 900, `${attachments.length}`)
    assert.ok(attachments.slice(0, -1).every(({ size }) => size === 1))
    assert.equal(new Set(attachments.map(({ id }) => id)).size, attachments.length)
    assert.equal(received.content.reading.place, 'blob')
  })

  test('that is malformed is stored and read', async () => {
    const ports = await receivePorts()
    for (const raw of ['', '\r\n', '\0\xff'.repeat(50), 'From', `${'x'.repeat(300_000)}`]) {
      const received = await receiveOne(ports, raw, { returnPath: '' })
      const whole = await getWholeReceived(ports, 'a', received.id)
      assert.deepEqual(whole.reading.undecoded, [])
      const kept = (await ports.blobs.get(whole.received.content.blob)) ?? ''
      assert.ok(Buffer.from(kept).equals(Buffer.from(raw)))
    }
  })

  test('whose entry is damaged goes to the dead letters alone', async () => {
    const ports = await receivePorts()
    await ports.receiveQueue.send([{ body: '{"v":2}' }, { body: 'nonsense' }])
    const [id = ''] = await take(ports, LETTER)
    assert.equal((await drainReceived(ports)).length, 2)
    await getReceived(ports.table, 'a', id)
    for (let i = 0; i < 6; i++) {
      ports.clock.advance(600_000)
      await drainReceived(ports)
    }
    assert.deepEqual(await ports.receiveQueue.depth(), { ready: 0, leased: 0, delayed: 0 })
  })

  test('whose blob is not there waits for it, 15 minutes at most each time', async () => {
    const ports = await receivePorts()
    const [id = ''] = await take(ports, LETTER)
    await ports.blobs.delete([blobKey('a', id)])
    const waits: number[] = []
    for (let tries = 0; tries < 20; tries++) {
      waits.push(...(await drainReceived(ports)).map(({ retryInMs }) => retryInMs))
      ports.clock.advance(waits.at(-1) ?? 0)
    }
    assert.deepEqual(
      waits.slice(0, 10),
      [5, 5, 10, 20, 40, 80, 160, 320, 640, 900].map((seconds) => 1000 * seconds),
    )
    assert.deepEqual([waits.length, Math.max(...waits)], [20, 900_000])
    await ports.blobs.put(blobKey('a', id), Buffer.from(LETTER), { maxBytes: 1e6 })
    assert.deepEqual(await drainReceived(ports), [])
    assert.equal((await getReceived(ports.table, 'a', id)).undecoded, undefined)
  })

  test('whose blob is gone for good is a dead letter after 14 days, which says why, and comes back by hand', async () => {
    const ports = await receivePorts()
    const [id = ''] = await take(ports, LETTER)
    await ports.blobs.delete([blobKey('a', id)])
    for (let day = 0; day < 14; day++) {
      await drainReceived(ports)
      ports.clock.advance(DAY)
    }
    assert.equal((await ports.deadLetters.count()).size, 0)
    for (let tries = 0; tries < 6; tries++) {
      await drainReceived(ports)
      ports.clock.advance(900_000)
    }
    const [dead] = await ports.deadLetters.list(10)
    assert.equal(dead?.reason, 'StoreError: the content of an accepted message is not there')
    await ports.blobs.put(blobKey('a', id), Buffer.from(LETTER), { maxBytes: 1e6 })
    assert.equal(await ports.deadLetters.redriveAll(), 1)
    assert.deepEqual(await drainReceived(ports), [])
    assert.equal((await getReceived(ports.table, 'a', id)).undecoded, undefined)
  })
})

test('a message costs at most 7 write units, alone and in a batch of ten', async (t) => {
  const ports = await receivePorts()
  const counted = countingTable(ports.table)
  const cost = async (messages: number) => {
    for (let n = 0; n < messages; n++) await take(ports, LETTER.replace('<1@', `<${n}.${ports.ids.next()}@`))
    counted.reset()
    await drainReceived({ ...ports, table: counted })
    return counted.units().write / messages
  }
  await cost(1)
  const [one, ten] = [await cost(1), await cost(10)]
  t.diagnostic(`${one} alone, ${ten} each of ten`)
  assert.ok(one <= 7 && ten <= 7, `${one}, ${ten}`)
})

test('a page is full though messages among it are being deleted', async () => {
  const ports = await receivePorts()
  const ids: string[] = []
  for (let n = 0; n < 12; n++) ids.push(...(await take(ports, LETTER)))
  await drainReceived(ports)
  ids.sort()
  const unwilling = { ...ports.blobs, delete: () => Promise.reject(new Error('not now')) }
  for (const id of ids.slice(3, 9)) {
    await assert.rejects(deleteReceived({ ...ports, blobs: unwilling }, 'a', id), /not now/)
  }
  const left = [...ids.slice(0, 3), ...ids.slice(9)].reverse()
  const first = await listReceived(ports, 'a', { limit: 4 })
  assert.deepEqual([first.items.map(({ id }) => id), first.hasMore], [left.slice(0, 4), true])
  const rest = await listReceived(ports, 'a', { limit: 4, after: left[3] ?? '' })
  assert.deepEqual([rest.items.map(({ id }) => id), rest.hasMore], [left.slice(4), false])
})

describe('deleting', () => {
  test('removes bytes, reading and row; a late entry brings nothing back for 90 days', async () => {
    const ports = await receivePorts()
    const [id = ''] = await take(ports, LETTER)
    const [entry] = await ports.receiveQueue.receive({ max: 1, visibilityMs: 1, waitMs: 0 })
    ports.clock.advance(10)
    await drainReceived(ports)
    await assert.rejects(deleteReceived(ports, 'b', id), { code: 'not_found' })
    await deleteReceived(ports, 'a', id)
    ports.clock.advance(89 * 24 * 3_600_000)
    await ports.receiveQueue.send([{ body: entry?.body ?? '' }])
    assert.deepEqual(await drainReceived(ports), [])
    await assert.rejects(getReceived(ports.table, 'a', id), { code: 'not_found' })
    assert.equal(await ports.blobs.get(blobKey('a', id)), undefined)
    assert.equal(await ports.table.get(receivedReadingKey('a', id)), undefined)
    await assert.rejects(deleteReceived(ports, 'a', id), { code: 'not_found' })
    ports.clock.advance(2 * 24 * 3_600_000)
    assert.deepEqual(await eventsOf(ports.table, 'a', id), [], 'the event has expired')
  })

  test('beside a second entry that was read before leaves nothing of the message', async () => {
    const ports = await receivePorts()
    const [id = ''] = await take(ports, LETTER)
    const [entry] = await ports.receiveQueue.receive({ max: 1, visibilityMs: 1, waitMs: 0 })
    assert.ok(entry !== undefined)
    // The first entry is received, and the message deleted, just before the second one writes its row.
    const transact: typeof ports.table.transact = async (...args) => {
      await receiveBatch(ports, [entry], never)
      await deleteReceived(ports, 'a', id)
      return ports.table.transact(...args)
    }
    const slow = { ...ports, table: { ...ports.table, transact } }
    assert.deepEqual(await receiveBatch(slow, [{ ...entry, id: 'again' }], never), [])
    await assert.rejects(getReceived(ports.table, 'a', id), { code: 'not_found' })
    assert.deepEqual((await listReceived(ports, 'a', { limit: 10 })).items, [])
    assert.equal(await ports.blobs.open(blobKey('a', id)), undefined)
    assert.equal(await ports.table.get(receivedReadingKey('a', id)), undefined)
  })
})

describe('threads', () => {
  const reply = (n: number, refs: string) =>
    letter(`From: e@far.test\nSubject: Re\nMessage-ID: <${n}@far.test>\nReferences: ${refs}`)

  test('follow References, in whatever order messages come', async () => {
    const ports = await receivePorts()
    const second = await receiveOne(ports, reply(2, '<1@far.test>'))
    const first = await receiveOne(ports, LETTER)
    const third = await receiveOne(ports, reply(3, '<1@far.test> <2@far.test>'))
    const other = await receiveOne(ports, reply(9, '<8@far.test>'))
    assert.deepEqual([first.thread, second.thread, third.thread], [second.id, second.id, second.id])
    assert.equal(other.thread, other.id)
  })

  test('a reply to a sent message is in its thread; a reply in another account is not', async () => {
    const ports = await receivePorts()
    const { id } = await submit(ports, KEY, DRAFT)
    const answer = await receiveOne(ports, reply(5, `<${id}@kabutar.test>`))
    assert.equal(answer.thread, id)
    const [theirs = ''] = await take(ports, reply(5, `<${id}@kabutar.test>`), { recipients: ['x@b.test'] })
    await drainReceived(ports)
    assert.equal((await getReceived(ports.table, 'b', theirs)).thread, theirs)
  })
})

describe('captured mail', () => {
  test('to our own domains is received once, however often it is sent, in the thread of the sent message', async () => {
    const ports = await receivePorts()
    const { id } = await submit(ports, KEY, DRAFT)
    const raw = Buffer.from(letter(`From: ada@kabutar.test\nMessage-ID: <${id}@kabutar.test>`))
    const returnPath = `bounces+${id}@kabutar.test`
    const envelope = { returnPath, recipients: ['out@far.test', 'bob@b.test', 'me@second.test'] }
    for (let sent = 0; sent < 2; sent++) {
      await acceptForOwnDomains(ports, envelope, raw)
      assert.deepEqual(await drainReceived(ports), [])
    }
    const { items } = await listReceived(ports, 'a', { limit: 10 })
    assert.deepEqual(
      items.map(({ thread, envelope: { recipients } }) => [thread, recipients]),
      [[id, ['me@second.test']]],
    )
    const theirs = await listReceived(ports, 'b', { limit: 10 })
    assert.deepEqual(
      theirs.items.map(({ envelope: { recipients } }) => recipients),
      [['bob@b.test']],
    )
    await acceptForOwnDomains(ports, { returnPath, recipients: ['out@far.test'] }, raw)
    assert.equal((await ports.receiveQueue.depth()).ready, 0)
  })
})
