/** The process dies at each step from the offer of a message to its webhook: an accepted message is received once. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Crash, type Death, deathAt, mortal } from '@kabutar/testing/mortal.ts'
import { drainReceived, LETTER, letter, type ReceiveRig, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { dueWork } from '../due-work.ts'
import { blobKey, partCopyKey } from '../messages/blob-keys.ts'
import { deleteReceived } from '../messages/delete.ts'
import { getReceived, getWholeReceived, listReceived } from '../messages/read.ts'
import { receivedMessageKey, receivedReadingKey } from '../store/keys.ts'
import { sweep } from '../store/sweep.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'
import { eventsOf, receivedEventId } from '../webhooks/event.ts'

function mortalPorts(ports: ReceiveRig, death: Death) {
  return {
    ...ports,
    table: mortal(ports.table, death, 'table'),
    blobs: mortal(ports.blobs, death, 'blobs'),
    receiveQueue: mortal(ports.receiveQueue, death, 'receiveQueue'),
    webhookQueue: mortal(ports.webhookQueue, death, 'webhookQueue'),
  }
}

const RECIPIENTS = ['ada@kabutar.test', 'ada@second.test']
const MAX_STEPS = 100

async function assertOnce(ports: ReceiveRig, id: string, at: string): Promise<void> {
  const { items } = await listReceived(ports, 'a', { limit: 10 })
  assert.deepEqual(
    items.map((one) => one.id),
    [id],
    at,
  )
  const whole = await getWholeReceived(ports, 'a', id)
  const raw = (await ports.blobs.get(whole.received.content.blob)) ?? ''
  assert.equal(Buffer.from(raw).toString(), LETTER, at)
  assert.deepEqual([whole.reading.subject, whole.reading.text], ['Grüße', 'Hello.\n'], at)
  assert.deepEqual([whole.received.thread, whole.received.envelope.recipients], [id, RECIPIENTS], at)
  const event = receivedEventId('a', id)
  assert.deepEqual(
    (await eventsOf(ports.table, 'a', id)).map((one) => [one.id, one.type]),
    [[event, 'email.received']],
    at,
  )
  const hooks = await ports.webhookQueue.receive({ max: 10, visibilityMs: 1000, waitMs: 0 })
  assert.deepEqual([...new Set(hooks.map(({ body }) => JSON.parse(body).event))], [event], at)
  assert.deepEqual(await ports.receiveQueue.depth(), { ready: 0, leased: 0, delayed: 0 }, at)
}

for (const after of [false, true]) {
  test(`a crash ${after ? 'after' : 'before'} any step loses no accepted message and doubles none`, async (t) => {
    let crashes = 0
    for (let at = 1; at <= MAX_STEPS; at++) {
      const ports = await receivePorts()
      const hook = { url: 'https://hooks.test/a', events: ['email.received'] }
      await createEndpoint(ports, 'a', hook)
      const death = deathAt(at, after)
      const mortals = mortalPorts(ports, death)
      const id = ports.ids.next()
      const accepted = await take(mortals, LETTER, { id, recipients: RECIPIENTS }).catch(() => undefined)
      await drainReceived(mortals).catch(() => undefined)
      if (!death.dead) break
      crashes++
      for (let minutes = 0; minutes < 5; minutes++) {
        ports.clock.advance(61_000)
        assert.deepEqual(await drainReceived(ports), [], death.name)
      }
      const { items } = await listReceived(ports, 'a', { limit: 10 })
      if (accepted !== undefined || items.length > 0) await assertOnce(ports, id, `${death.name} (${at})`)
    }
    assert.ok(crashes > 12 && crashes < MAX_STEPS, `${crashes} steps`)
    t.diagnostic(`${crashes} steps`)
  })
}

const FILES = letter(
  'From: eve@far.test\nContent-Type: multipart/mixed; boundary=b',
  ['one', 'two'].map((name) => `--b\r\nContent-Disposition: attachment; filename=${name}\r\n\r\n${name}\r\n`).join('') +
    '--b--\r\n',
)

/** A message with a copy of each attachment beside it. Answers its id and the keys of the copies. */
async function withCopies(ports: ReceiveRig): Promise<{ id: string; copies: readonly string[] }> {
  const [id = ''] = await take(ports, FILES, { recipients: RECIPIENTS })
  await drainReceived(ports)
  const { received, attachments } = await getWholeReceived(ports, 'a', id)
  const { blob } = received.content
  const copies = attachments.map((file) => partCopyKey(blob, file))
  assert.equal(copies.length, 2)
  for (const copy of copies) await ports.blobs.put(copy, Buffer.from('copy'), { maxBytes: 10 })
  return { id, copies }
}

for (const after of [false, true]) {
  test(`a crash ${after ? 'after' : 'before'} any step of a deletion leaves the whole message or nothing of it`, async (t) => {
    let crashes = 0
    for (let at = 1; at <= MAX_STEPS; at++) {
      const ports = await receivePorts()
      const { id, copies } = await withCopies(ports)
      const death = deathAt(at, after)
      await deleteReceived(mortalPorts(ports, death), 'a', id).catch(() => undefined)
      if (!death.dead) break
      crashes++
      // The row is read, and then written.
      if (at < (after ? 2 : 3)) {
        assert.equal((await getReceived(ports.table, 'a', id)).id, id)
        continue
      }
      const name = `${death.name} (${at})`
      await assert.rejects(getReceived(ports.table, 'a', id), { code: 'not_found' }, name)
      assert.deepEqual((await listReceived(ports, 'a', { limit: 10 })).items, [], name)
      await sweep(ports, dueWork(ports))
      assert.equal((await ports.receiveQueue.depth()).ready, 0, 'not at once')
      ports.clock.advance(121_000)
      await sweep(ports, dueWork(ports))
      assert.deepEqual(await drainReceived(ports), [], name)
      for (const key of [blobKey('a', id), ...copies]) assert.equal(await ports.blobs.open(key), undefined, name)
      for (const key of [receivedMessageKey('a', id), receivedReadingKey('a', id)]) {
        assert.equal(await ports.table.get(key), undefined, name)
      }
      await assert.rejects(deleteReceived(ports, 'a', id), { code: 'not_found' }, name)
    }
    assert.ok(crashes > 6 && crashes < MAX_STEPS, `${crashes} steps`)
    t.diagnostic(`${crashes} steps`)
  })
}

describe('a deletion that was cut short', () => {
  async function cutShort() {
    const ports = await receivePorts()
    const [id = ''] = await take(ports, LETTER)
    const [entry] = await ports.receiveQueue.receive({ max: 1, visibilityMs: 1, waitMs: 0 })
    ports.clock.advance(10)
    await drainReceived(ports)
    await assert.rejects(deleteReceived(mortalPorts(ports, deathAt(3, false)), 'a', id), Crash)
    const assertGone = async () => {
      assert.equal(await ports.blobs.open(blobKey('a', id)), undefined)
      await assert.rejects(deleteReceived(ports, 'a', id), { code: 'not_found' })
    }
    return { ports, id, body: entry?.body ?? '', assertGone }
  }

  test('is finished by its repetition', async () => {
    const { ports, id, assertGone } = await cutShort()
    await deleteReceived(ports, 'a', id)
    await assertGone()
  })

  test('is finished, and not undone, by a late entry', async () => {
    const { ports, body, assertGone } = await cutShort()
    await ports.receiveQueue.send([{ body }])
    assert.deepEqual(await drainReceived(ports), [])
    await assertGone()
  })
})
