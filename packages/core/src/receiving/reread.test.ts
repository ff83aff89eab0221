import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { drainReceived, LETTER, type ReceiveRig, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { blobKey } from '../messages/blob-keys.ts'
import { deleteReceived } from '../messages/delete.ts'
import { getReceived, getWholeReceived } from '../messages/read.ts'
import { receivedReadingKey } from '../store/keys.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'
import { eventsOf } from '../webhooks/event.ts'
import { receiveBatch } from './receive.ts'
import { rereadReceived } from './reread.ts'

const never = new AbortController().signal

/** A message whose readers have died four times. */
async function receiveUnread(ports: ReceiveRig): Promise<string> {
  const [id = ''] = await take(ports, LETTER)
  const [entry] = await ports.receiveQueue.receive({ max: 1, visibilityMs: 1000, waitMs: 0 })
  assert.ok(entry !== undefined)
  assert.deepEqual(await receiveBatch(ports, [{ ...entry, attempt: 5 }], never), [])
  await ports.receiveQueue.settle([{ delivery: entry, ok: true }])
  return id
}

describe('a message that kills its readers', () => {
  test('is received unread at the last receipt, with its bytes and its envelope', async () => {
    const ports = await receivePorts()
    const id = await receiveUnread(ports)
    const { received, reading, attachments } = await getWholeReceived(ports, 'a', id)
    assert.deepEqual([received.undecoded, reading.undecoded, attachments], [['whole'], ['whole'], []])
    assert.deepEqual([received.envelope.recipients, received.size], [['ada@kabutar.test'], LETTER.length])
    assert.equal(Buffer.from((await ports.blobs.get(blobKey('a', id))) ?? '').toString(), LETTER)
    assert.equal((await eventsOf(ports.table, 'a', id)).length, 1)
  })

  test('is received unread after two deaths, or at the last receipt that counts', async () => {
    const cases = [
      { receipts: { attempt: 3, deaths: 2 }, undecoded: ['whole'] },
      { receipts: { attempt: 2, deaths: 1 }, undecoded: undefined },
      { receipts: { attempt: 9, excused: 4 }, undecoded: ['whole'] },
      { receipts: { attempt: 9, excused: 5 }, undecoded: undefined },
    ]
    for (const { receipts, undecoded } of cases) {
      const ports = await receivePorts()
      const [id = ''] = await take(ports, LETTER)
      const [entry] = await ports.receiveQueue.receive({ max: 1, visibilityMs: 1000, waitMs: 0 })
      assert.ok(entry)
      assert.deepEqual(await receiveBatch(ports, [{ ...entry, ...receipts }], never), [])
      assert.deepEqual((await getReceived(ports.table, 'a', id)).undecoded, undecoded, JSON.stringify(receipts))
    }
  })

  test('does not take the others of its batch along: they are received one by one', async () => {
    const ports = await receivePorts()
    await take(ports, LETTER)
    await take(ports, LETTER.replace('<1@', '<2@'))
    const entries = await ports.receiveQueue.receive({ max: 10, visibilityMs: 1000, waitMs: 0 })
    let open = 0
    let most = 0
    const transact: typeof ports.table.transact = async (...args) => {
      most = Math.max(most, ++open)
      await ports.table.transact(...args)
      open--
    }
    const slow = { ...ports, table: { ...ports.table, transact } }
    const again = entries.map((entry) => ({ ...entry, attempt: 3 }))
    assert.deepEqual(await receiveBatch(slow, again, never), [])
    assert.equal(most, 1)
  })
})

describe('reading again', () => {
  test('replaces the reading and the row, and tells no webhook', async () => {
    const ports = await receivePorts()
    await createEndpoint(ports, 'a', { url: 'https://hooks.test/a', events: ['email.received'] })
    const id = await receiveUnread(ports)
    const before = (await ports.webhookQueue.depth()).ready
    await rereadReceived(ports, 'a', id)
    assert.deepEqual(await drainReceived(ports), [])
    const { received, reading } = await getWholeReceived(ports, 'a', id)
    assert.deepEqual([received.from, received.subject, received.undecoded], ['Eve <eve@far.test>', 'Grüße', undefined])
    assert.equal(received.preview, 'Hello.')
    assert.deepEqual([reading.text, reading.undecoded], ['Hello.\n', []])
    assert.equal((await ports.webhookQueue.depth()).ready, before)
    assert.equal((await eventsOf(ports.table, 'a', id)).length, 1)
  })

  test('of a message that is deleted at the same time leaves nothing', async () => {
    const ports = await receivePorts()
    const [id = ''] = await take(ports, LETTER)
    await drainReceived(ports)
    await rereadReceived(ports, 'a', id)
    const write: typeof ports.table.write = async (request) => {
      if (request.kind === 'update') await deleteReceived(ports, 'a', id)
      return ports.table.write(request)
    }
    assert.deepEqual(await drainReceived({ ...ports, table: { ...ports.table, write } }), [])
    await assert.rejects(getReceived(ports.table, 'a', id), { code: 'not_found' })
    assert.equal(await ports.table.get(receivedReadingKey('a', id)), undefined)
    assert.equal(await ports.blobs.open(blobKey('a', id)), undefined)
  })

  test('of a message that kills its reader once more is given up, with an error line', async () => {
    const ports = await receivePorts()
    const id = await receiveUnread(ports)
    await rereadReceived(ports, 'a', id)
    const [entry] = await ports.receiveQueue.receive({ max: 1, visibilityMs: 1000, waitMs: 0 })
    assert.ok(entry !== undefined)
    assert.deepEqual(await receiveBatch(ports, [{ ...entry, attempt: 5 }], never), [])
    assert.deepEqual((await getReceived(ports.table, 'a', id)).undecoded, ['whole'])
  })

  test('of a message that is not there is refused', async () => {
    const ports = await receivePorts()
    const [id = ''] = await take(ports, LETTER)
    await drainReceived(ports)
    await assert.rejects(rereadReceived(ports, 'b', id), { code: 'not_found' })
  })
})
