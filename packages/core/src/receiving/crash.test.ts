/** A process that dies at any step, from the offer of a message to its webhook: what was accepted is received once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drainReceived, LETTER, letter, type ReceiveRig, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { dueWork } from '../due-work.ts'
import { getDetail } from '../mailboxes/detail.ts'
import { listFolders, listPlacements } from '../mailboxes/mailbox.ts'
import { partCopyKey } from '../messages/derived-blobs.ts'
import { getAttachments, getReceived, getWholeReceived, listReceived } from '../messages/read-received.ts'
import { sweep } from '../store/outbox.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'
import { readPayload, receivedEventId } from '../webhooks/event.ts'
import { rawKey } from './accept.ts'
import { deleteReceived } from './delete.ts'

class Crash extends Error {}
type Death = { readonly at: number; readonly after: boolean; steps: number; dead: boolean; name: string }

/** Every call of a port is a step at which the process can die, before the call or right after it. */
function mortal<T extends object>(port: T, death: Death, label: string): T {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        if (death.dead) throw new Crash()
        const mine = ++death.steps === death.at
        if (mine) Object.assign(death, { dead: true, name: `${label}.${String(name)}` })
        if (mine && !death.after) throw new Crash()
        const answer: unknown = await Reflect.apply(value, target, args)
        if (death.dead) throw new Crash()
        return answer
      }
    },
  })
}

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
  const { items: received } = await listReceived(ports, 'a', { limit: 10 })
  assert.deepEqual(
    received.map((one) => one.id),
    [id],
    at,
  )
  const whole = await getWholeReceived(ports, 'a', id)
  assert.equal(Buffer.from(whole.raw).toString(), LETTER, at)
  assert.equal(whole.received.mailboxIds.length, 2, at)
  for (const mailbox of whole.received.mailboxIds) {
    const placed = await listPlacements(ports.table, 'a', mailbox, 'inbox', { limit: 10 })
    assert.deepEqual(
      placed.map((placement) => [placement.uid, placement.id, placement.thread]),
      [[1, id, id]],
      at,
    )
    const [inbox] = await listFolders(ports.table, 'a', mailbox)
    assert.deepEqual([inbox?.total, inbox?.bytes, inbox?.modSeq], [1, LETTER.length, 2], at)
    assert.ok(await getDetail(ports, 'a', mailbox, whole.received), at)
  }
  const event = receivedEventId('a', id)
  assert.equal((await readPayload(ports.table, 'a', id, event))?.type, 'email.received', at)
  const hooks = await ports.webhookQueue.receive({ max: 10, visibilityMs: 1000, waitMs: 0 })
  assert.deepEqual([...new Set(hooks.map(({ body }) => JSON.parse(body).event))], [event], at)
  assert.deepEqual(await ports.receiveQueue.depth(), { ready: 0, leased: 0, delayed: 0 }, at)
}

for (const after of [false, true]) {
  test(`a crash ${after ? 'after' : 'before'} any step loses nothing that was accepted and doubles nothing`, async (t) => {
    let crashes = 0
    for (let at = 1; at <= MAX_STEPS; at++) {
      const ports = await receivePorts()
      const hook = { url: 'https://hooks.test/a', events: ['email.received'] }
      await createEndpoint(ports, 'a', hook)
      const death: Death = { at, after, steps: 0, dead: false, name: '' }
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
      const { items: received } = await listReceived(ports, 'a', { limit: 10 })
      if (accepted !== undefined || received.length > 0) await assertOnce(ports, id, `${death.name} (${at})`)
    }
    assert.ok(crashes > 20 && crashes < MAX_STEPS, `${crashes} steps`)
    t.diagnostic(`${crashes} steps`)
  })
}

const FILES = letter(
  'From: eve@far.test\nContent-Type: multipart/mixed; boundary=b',
  ['one', 'two'].map((name) => `--b\r\nContent-Disposition: attachment; filename=${name}\r\n\r\n${name}\r\n`).join('') +
    '--b--\r\n',
)

/** A message in two mailboxes with a copy of each attachment beside it. Answers its id and the keys of the copies. */
async function withCopies(ports: ReceiveRig): Promise<{ id: string; copies: readonly string[] }> {
  const [id = ''] = await take(ports, FILES, { recipients: RECIPIENTS })
  await drainReceived(ports)
  const { blob, attachments } = await getAttachments(ports, 'a', id)
  const copies = attachments.map((file) => partCopyKey(blob, file))
  assert.equal(copies.length, 2)
  for (const copy of copies) await ports.blobs.put(copy, Buffer.from('copy'), { maxBytes: 10 })
  return { id, copies }
}

for (const after of [false, true]) {
  test(`a crash ${after ? 'after' : 'before'} any step of a deletion leaves the message whole or nothing of it`, async (t) => {
    let crashes = 0
    for (let at = 1; at <= MAX_STEPS; at++) {
      const ports = await receivePorts()
      const { id, copies } = await withCopies(ports)
      const message = await getReceived(ports.table, 'a', id)
      const death: Death = { at, after, steps: 0, dead: false, name: '' }
      await deleteReceived(mortalPorts(ports, death), 'a', id).catch(() => undefined)
      if (!death.dead) break
      crashes++
      if (at === 1 && !after) {
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
      for (const key of [rawKey('a', id), ...copies]) assert.equal(await ports.blobs.open(key), undefined, name)
      for (const mailbox of message.mailboxIds) {
        assert.deepEqual(await listPlacements(ports.table, 'a', mailbox, 'inbox', { limit: 9 }), [], name)
        assert.equal(await getDetail(ports, 'a', mailbox, message), undefined, name)
      }
      await assert.rejects(deleteReceived(ports, 'a', id), { code: 'not_found' }, name)
    }
    assert.ok(crashes > 8 && crashes < MAX_STEPS, `${crashes} steps`)
    t.diagnostic(`${crashes} steps`)
  })
}

test('a deletion that was cut short is finished by its repetition, and by no late entry undone', async () => {
  const ports = await receivePorts()
  const [id = ''] = await take(ports, LETTER)
  const [entry] = await ports.receiveQueue.receive({ max: 1, visibilityMs: 1, waitMs: 0 })
  ports.clock.advance(10)
  await drainReceived(ports)
  const death: Death = { at: 2, after: false, steps: 0, dead: false, name: '' }
  await assert.rejects(deleteReceived(mortalPorts(ports, death), 'a', id), Crash)
  await ports.receiveQueue.send([{ body: entry?.body ?? '' }])
  assert.deepEqual(await drainReceived(ports), [])
  await deleteReceived(ports, 'a', id)
  assert.equal(await ports.blobs.open(rawKey('a', id)), undefined)
  await assert.rejects(deleteReceived(ports, 'a', id), { code: 'not_found' })
})
