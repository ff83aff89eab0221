import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { setTimeout as turn } from 'node:timers/promises'
import { decodePart } from '@kabutar/mail/mime/decode.ts'
import { indexMessage } from '@kabutar/mail/mime/indexer.ts'
import { readBytes } from '@kabutar/mail/read/message.ts'
import { drainReceived, type ReceiveRig, receivePorts } from '@kabutar/testing/receiving-rig.ts'
import { DRAFT, drain, KEY } from '@kabutar/testing/sending-rig.ts'
import { dueWork } from '../due-work.ts'
import { submit } from '../sending/submit.ts'
import { Semaphore } from '../store/semaphore.ts'
import { sweep } from '../store/sweep.ts'
import type { DraftAttachment } from './content.ts'
import { createUpload } from './uploads.ts'

const HOUR = 3_600_000

/** Uploads by the link, as an application does. */
async function upload(ports: ReceiveRig, body: Uint8Array, accountId = KEY.accountId): Promise<string> {
  const { id, url } = await createUpload(ports, accountId, body.byteLength)
  const { key = '' } = ports.blobs.verifyUpload(url) ?? {}
  await ports.blobs.put(key, body, { maxBytes: body.byteLength })
  return id
}

const send = (ports: ReceiveRig, attachments: readonly DraftAttachment[], key?: string) =>
  submit(ports, KEY, { ...DRAFT, attachments }, key)

async function clean(ports: ReceiveRig): Promise<void> {
  await sweep(ports, dueWork(ports))
  ports.clock.advance(60_000)
  assert.deepEqual(await drainReceived(ports), [])
}

test('a message carries the bytes of its uploads, in their order, and keeps them when the uploads have expired', async () => {
  const ports = await receivePorts()
  const [first, second] = [randomBytes(200_000), randomBytes(10)]
  const [a, b] = [await upload(ports, first), await upload(ports, second)]
  await send(ports, [
    { filename: 'a.bin', uploadId: a },
    { filename: 'inline.bin', content: Buffer.from('inline') },
    { filename: 'b.png', uploadId: b, contentType: 'image/png', contentId: 'b' },
    { filename: 'a again.bin', uploadId: a },
  ])
  ports.clock.advance(25 * HOUR)
  await clean(ports)
  assert.equal(await ports.blobs.open(`a/${a}`), undefined)
  await drain(ports)
  const raw = ports.relay.relayed[0]?.raw ?? new Uint8Array()
  const { attachments } = await readBytes(indexMessage(raw), raw)
  const parts = attachments.map((part) => ({
    ...part,
    bytes: Buffer.from(decodePart(raw.subarray(part.from, part.to), part.encoding)),
  }))
  const byName = (name: string) => parts.find(({ filename }) => filename === name)
  assert.ok(byName('a.bin')?.bytes.equals(first))
  assert.ok(byName('a again.bin')?.bytes.equals(first))
  assert.ok(byName('b.png')?.bytes.equals(second))
  assert.deepEqual([byName('b.png')?.contentType, byName('b.png')?.contentId], ['image/png', 'b'])
  assert.equal(byName('inline.bin')?.bytes.toString(), 'inline')
})

describe('refused, with nothing stored:', () => {
  const cases: { name: string; code?: string; id(ports: ReceiveRig): Promise<string> }[] = [
    { name: 'an unknown upload', id: async (ports) => ports.ids.next() },
    { name: "another account's", id: (ports) => upload(ports, Buffer.from('theirs'), 'b') },
    { name: 'an upload without its file', id: async (ports) => (await createUpload(ports, KEY.accountId, 5)).id },
    {
      name: 'a blob of the account that is no upload',
      id: async (ports) => {
        const id = ports.ids.next()
        await ports.blobs.put(`a/${id}`, Buffer.from('mail'), { maxBytes: 9 })
        return id
      },
    },
    {
      name: 'more than 40 MB in all',
      code: 'message_too_large',
      id: (ports) => upload(ports, Buffer.alloc(16 * 1024 * 1024)),
    },
  ]
  for (const { name, code = 'invalid_attachment', id } of cases) {
    test(name, async () => {
      const ports = await receivePorts()
      const uploadId = await id(ports)
      const twice = [1, 2].map((n) => ({ filename: `${n}`, uploadId }))
      await assert.rejects(send(ports, twice), { code })
      assert.equal((await ports.sendQueue.depth()).ready, 0)
    })
  }

  test('an upload of more than a message may have', async () => {
    const ports = await receivePorts()
    await assert.rejects(createUpload(ports, 'a', 30 * 1024 * 1024 + 1), { code: 'message_too_large' })
    await createUpload(ports, 'a', 30 * 1024 * 1024)
  })
})

test('an idempotency key covers the ids of uploads, and is answered after they expired', async () => {
  const ports = await receivePorts()
  const [a, b] = [await upload(ports, Buffer.from('same')), await upload(ports, Buffer.from('same'))]
  const first = await send(ports, [{ filename: 'f', uploadId: a }], 'k')
  await ports.blobs.delete([`a/${a}`])
  assert.deepEqual(await send(ports, [{ filename: 'f', uploadId: a }], 'k'), first)
  await assert.rejects(send(ports, [{ filename: 'f', uploadId: b }], 'k'), { code: 'idempotency_mismatch' })
})

test('an upload is deleted a day after it was created, used or not, put or not', async () => {
  const ports = await receivePorts()
  const put = await upload(ports, randomBytes(100_000))
  const { id: never } = await createUpload(ports, 'a', 5)
  const rows = () => ports.table.query({ pk: 'a#uploads', prefix: '', limit: 9 })
  ports.clock.advance(23 * HOUR)
  await clean(ports)
  assert.deepEqual((await rows()).items.map(({ sk }) => sk).sort(), [put, never].sort())
  ports.clock.advance(HOUR)
  await clean(ports)
  assert.deepEqual((await rows()).items, [])
  assert.equal(await ports.blobs.open(`a/${put}`), undefined)
})

test('a batch composes one large message at a time, and small messages do not wait for it', async () => {
  const ports = await receivePorts()
  const order: string[] = []
  let inHand = 0
  const relay = {
    ...ports.relay,
    async send(...[envelope, raw, options]: Parameters<typeof ports.relay.send>) {
      inHand += raw.byteLength
      assert.ok(inHand < 42 * 1024 * 1024, `${inHand} bytes in hand`)
      if (raw.byteLength > 1e6) await turn(20)
      inHand -= raw.byteLength
      order.push(raw.byteLength > 1e6 ? 'large' : 'small')
      return ports.relay.send(envelope, Buffer.alloc(0), options)
    },
  }
  const content = Buffer.alloc(20 * 1024 * 1024)
  for (const large of [true, true, true, false]) {
    await send(ports, large ? [{ filename: 'f', content }] : [])
  }
  // Room for one of them: each takes five times its bytes.
  await drain({ ...ports, relay, memory: new Semaphore(150 * 1024 * 1024, ports.clock) })
  assert.deepEqual(order, ['small', 'large', 'large', 'large'])
})
