/** Copies of messages for links: none stays that a request made while another deleted the message. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { partCopyKey } from '@kabutar/core/messages/blob-keys.ts'
import { call, MAIL, receiveOne, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { drain } from '@kabutar/testing/sending-rig.ts'
import { createApp } from './app.ts'

const FILE = { filename: 'a.txt', content: Buffer.from('a file').toString('base64') }
/** A body that no answer holds, since JSON escapes it, so that it is copied for a link. */
const LARGE = '"'.repeat(3_000_000)

/** A message that was sent or received, and the path that reads it; `large` if its body is. */
async function stored(rig: Setup, direction: 'sent' | 'received', large: boolean) {
  const text = large ? LARGE : 't'
  if (direction === 'received') {
    const raw = `From: eve@far.test\r\nTo: ada@kabutar.test\r\n\r\n${text.replace(/"{70}/g, '$&\r\n')}`
    return `/emails/receiving/${await receiveOne(rig, raw)}`
  }
  const { body } = await call(rig, 'POST /emails', { ...MAIL, text, attachments: [FILE] })
  await drain(rig.ports)
  return `/emails/${body.id}`
}

describe('a message that is deleted while it is copied', () => {
  const cases = [
    { direction: 'sent', of: '/source' },
    { direction: 'sent', of: '/attachments' },
    { direction: 'sent', of: '' },
    { direction: 'received', of: '' },
  ] as const
  for (const { direction, of } of cases) {
    for (const moment of ['before', 'after'] as const) {
      test(`leaves no copy of GET :id${of} of a ${direction} message that comes ${moment} its end`, async () => {
        const rig = await setup()
        const path = await stored(rig, direction, of === '')
        const { blobs } = rig.ports
        const { put, delete: deleteBlobs } = blobs
        const copied: string[] = []
        const remove = () => call(rig, `DELETE ${path}`)
        blobs.put = async (key, body, options) => {
          copied.push(key)
          if (moment === 'after') await remove()
          return put.call(blobs, key, body, options)
        }
        if (moment === 'before') {
          let calls = 0
          blobs.delete = async (keys) => {
            // The row tells nothing of the deletion of a sent message yet, and its content is still there.
            if (calls++ === 0) await call(rig, `GET ${path}${of}`)
            await deleteBlobs.call(blobs, keys)
          }
          assert.equal((await remove()).status, 200)
        } else assert.equal((await call(rig, `GET ${path}${of}`)).status, 404)
        assert.equal(copied.length > 0, direction === 'sent' || moment === 'after')
        for (const key of copied) assert.equal(await blobs.open(key), undefined, key)
      })
    }
  }

  test('leaves no copy of attachments, whatever they are', async () => {
    const rig = await setup()
    const types = ['message/rfc822', 'text/plain', 'text/html', 'text/calendar', 'application/ms-tnef', 'image/png']
    const attachments = types.map((content_type, n) => ({
      ...FILE,
      content_type,
      filename: `${n}`,
      content_id: `c${n}`,
    }))
    const { body } = await call(rig, 'POST /emails', { ...MAIL, text: 't', html: '<img src="cid:c5">', attachments })
    await drain(rig.ports)
    const { blobs } = rig.ports
    const { put } = blobs
    const copied: string[] = []
    blobs.put = (key, content, options) => {
      copied.push(key)
      return put.call(blobs, key, content, options)
    }
    await call(rig, `GET /emails/${body.id}/attachments`)
    assert.ok(copied.length > 3)
    assert.equal((await call(rig, `DELETE /emails/${body.id}`)).status, 200)
    for (const key of copied) assert.equal(await blobs.open(key), undefined, key)
  })

  for (const path of ['/attachments', '/attachments/:aid']) {
    test(`leaves no copy of GET :id${path} of a received message, where links lead to copies`, async () => {
      const rig = await setup()
      const { blobs } = rig.ports
      const of = `/emails/receiving/${await receiveOne(rig)}`
      const [file] = (await call(rig, `GET ${of}/attachments`)).body.data as readonly { readonly id: string }[]
      const copied: string[] = []
      const linkPart: typeof blobs.linkPart = async (key, part, options) => {
        await call(rig, `DELETE ${of}`)
        const copy = partCopyKey(key, part)
        copied.push(copy)
        await blobs.put(copy, Buffer.from('a file'), { maxBytes: 10 })
        return blobs.link(copy, options)
      }
      const app = createApp({ ...rig.ports, downloads: { ...blobs, linkPart } })
      const { status } = await call({ ...rig, app }, `GET ${of}${path.replace(':aid', file?.id ?? '')}`)
      assert.deepEqual([status, copied.length], [404, 1])
      assert.equal(await blobs.open(copied[0] ?? ''), undefined)
    })
  }

  test('and whose reader dies then is deleted with its copies by a second DELETE', async () => {
    const rig = await setup()
    const path = await stored(rig, 'sent', true)
    const { blobs, table } = rig.ports
    const { put } = blobs
    const { get } = table
    const copied: string[] = []
    for (const part of ['/source', '/attachments', '']) {
      let isDead = false
      blobs.put = async (key, body, options) => {
        copied.push(key)
        await put.call(blobs, key, body, options)
        isDead = true
      }
      table.get = (key) => (isDead ? Promise.reject(new Error('dead')) : get.call(table, key))
      assert.equal((await call(rig, `GET ${path}${part}`)).status, 500)
    }
    Object.assign(table, { get })
    Object.assign(blobs, { put })
    const chunks = await Promise.all(copied.map((key) => blobs.get(key)))
    assert.equal(copied.length, 3)
    assert.equal((await call(rig, `DELETE ${path}`)).status, 200)
    // What a dying reader put after the deletion had looked for copies.
    for (const [n, key] of copied.entries()) await blobs.put(key, chunks[n] ?? Buffer.of(), { maxBytes: 1e7 })
    assert.equal((await call(rig, `DELETE ${path}`)).status, 200)
    for (const key of copied) assert.equal(await blobs.open(key), undefined, key)
  })
})
