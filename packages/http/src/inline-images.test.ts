import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReceivedAttachment } from '@kabutar/core/messages/message.ts'
import { withImages } from './inline-images.ts'

const MB = 1024 * 1024
const PNG = Buffer.from('\x89PNG\r\n\x1a\nrest', 'latin1')

/** One part with the Content-ID `a`, and the lengths of the ranges that are read of it. */
function onePart(contentType: string, bytes: Buffer) {
  const raw = Buffer.from(bytes.toString('base64'))
  const part = { contentId: 'a', contentType, encoding: 'base64', from: 0, to: raw.length, size: bytes.length }
  const reads: number[] = []
  async function* range(from: number, to: number) {
    reads.push(to - from)
    yield raw.subarray(from, to)
  }
  const { signal } = new AbortController()
  const show = (html: string, maxBytes = 4 * MB) =>
    withImages(html, [part as ReceivedAttachment], range, { maxBytes, signal })
  return { show, reads }
}

const MENTIONS = '<img src=cid:a><img src="cid:%61">'.repeat(500)

describe('a part that is mentioned a thousand times', () => {
  test('and is no image has its first kilobyte read, once', async () => {
    const { show, reads } = onePart('application/octet-stream', Buffer.alloc(64 * 1024))
    assert.equal(await show(MENTIONS), MENTIONS)
    assert.deepEqual(reads, [1024])
  })

  test('and is an image is read once, in place of each mention', async () => {
    const { show, reads } = onePart('image/png', PNG)
    const uri = `data:image/png;base64,${PNG.toString('base64')}`
    assert.equal(await show(MENTIONS), `<img src=${uri}><img src="${uri}">`.repeat(500))
    assert.equal(reads.length, 1)
  })

  test('and does not fit with the beginning of its address is read once', async () => {
    const { show, reads } = onePart('image/png', PNG)
    assert.equal(await show(MENTIONS, 20), MENTIONS)
    assert.equal(reads.length, 1)
  })

  test('and is an image without a type is shown as one', async () => {
    const { show, reads } = onePart('application/octet-stream', PNG)
    assert.match(await show('cid:a cid:a'), /^(data:image\/png;base64,\S+ ?){2}$/)
    assert.equal(reads.length, 2)
  })
})

describe('a request that its client has closed', () => {
  const parts = Array.from({ length: 50 }, (_, n) => {
    const place = { from: n * 1000, to: n * 1000 + 1000, size: 750 }
    return { contentId: `i${n}`, contentType: 'image/png', encoding: 'base64', ...place } as ReceivedAttachment
  })
  const html = parts.map(({ contentId }) => `<img src="cid:${contentId}">`).join('')

  test('has no further image read, nor the rest of one', async () => {
    const request = new AbortController()
    let chunks = 0
    async function* range() {
      for (let n = 0; n < 1000; n++) {
        if (++chunks === 3) request.abort()
        yield Buffer.from('AAAA')
      }
    }
    await withImages(html, parts, range, { maxBytes: 4 * MB, signal: request.signal })
    assert.ok(chunks < 10, `${chunks} chunks were read`)
  })
})
