import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Blobs } from '@kabutar/core/ports/blobs.ts'
import { call, receiveOne, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { drainReceived, letter } from '@kabutar/testing/receiving-rig.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const part = (fields: string, body: string) => `--b\r\n${letter(fields, body)}\r\n`
const inline = (type: string, bytes: Buffer) =>
  letter(
    'Content-Type: multipart/related; boundary=b',
    [
      part('Content-Type: text/html', '<img src="cid:a@x">'),
      part(`Content-ID: <a@x>\nContent-Type: ${type}\nContent-Transfer-Encoding: base64`, bytes.toString('base64')),
      '--b--\r\n',
    ].join(''),
  )
const get = async (rig: Setup, id: string, query = '') => (await call(rig, `GET /emails/receiving/${id}${query}`)).body

describe('a received email', () => {
  test('is read without its raw bytes, but for the ranges of inline pictures that are asked for', async () => {
    const rig = await setup()
    const id = await receiveOne(rig, inline('image/png', PNG))
    const reads: unknown[] = []
    const { get: all, open } = rig.ports.blobs
    const counted: Partial<Blobs> = {
      get: (key) => {
        reads.push('all')
        return all(key)
      },
      open: (key, range) => {
        reads.push(range === undefined ? 'all' : range.to - range.from + 1)
        return open(key, range)
      },
    }
    Object.assign(rig.ports.blobs, counted)
    await get(rig, id, '?html_format=cid')
    assert.deepEqual(reads, [])
    await get(rig, id)
    assert.deepEqual(reads, [PNG.toString('base64').length])
  })

  test('shows inline pictures that are sent without their type', async () => {
    const rig = await setup()
    const shown = async (bytes: Buffer) =>
      (await get(rig, await receiveOne(rig, inline('application/octet-stream', bytes)))).html
    assert.equal(await shown(PNG), `<img src="data:image/png;base64,${PNG.toString('base64')}">`)
    assert.equal(await shown(Buffer.from('<svg onload="x()">')), '<img src="cid:a@x">')
  })

  test('is read again when it is asked for', async () => {
    const rig = await setup()
    const id = await receiveOne(rig, inline('image/png', PNG))
    const { status, body } = await call(rig, `POST /emails/receiving/${id}/reread`)
    assert.deepEqual([status, body], [200, { object: 'email', id }])
    assert.equal((await rig.ports.receiveQueue.depth()).ready, 1)
    await drainReceived(rig.ports)
    assert.match(String((await get(rig, id)).html), /data:/)
    assert.equal((await call(rig, `POST /emails/receiving/${rig.ports.ids.next()}/reread`)).status, 404)
  })
})
