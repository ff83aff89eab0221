import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { attachmentDisposition } from '@kabutar/core/ports/blob-rules.ts'
import { blobsContract } from '@kabutar/core/ports/blobs.contract.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { memoryEngine } from '../sqlite/engine.ts'
import { systemClock } from '../system-clock.ts'
import { localBlobs } from './blobs.ts'

const baseUrl = new URL('https://mail.example.com/api/')

function blobsAt(folder = temporaryFolder()) {
  const time = { now: Date.now() }
  const clock = { ...systemClock, now: () => time.now }
  return { blobs: localBlobs(memoryEngine(), folder, { baseUrl, clock }), time, folder }
}

blobsContract('the embedded engine', async () => {
  const { blobs } = blobsAt()
  const download = async (url: URL) => {
    const link = blobs.verifyLink(url)
    if (!link) return new Response(null, { status: 403 })
    const headers = { 'content-type': link.contentType, 'content-disposition': attachmentDisposition(link.filename) }
    return new Response(Buffer.from((await blobs.get(link.key)) ?? []), { headers })
  }
  const upload = async (url: URL, body: Uint8Array) => {
    const { key, bytes } = blobs.verifyUpload(url) ?? { key: '', bytes: -1 }
    if (bytes !== body.length) return new Response(null, { status: 403 })
    await blobs.put(key, body, { maxBytes: bytes })
    return new Response(null)
  }
  return { blobs, download, upload }
})

const WANTED = { expiresInSeconds: 60, filename: 'a.pdf', contentType: 'application/pdf' }

test('a link is valid until it expires, under the base URL', async () => {
  const { blobs, time } = blobsAt()
  const url = await blobs.link('acc/x', WANTED)
  assert.equal(url.origin + url.pathname, 'https://mail.example.com/api/downloads/acc/x')
  assert.deepEqual(blobs.verifyLink(url), { key: 'acc/x', filename: 'a.pdf', contentType: 'application/pdf' })
  time.now += 61_000
  assert.equal(blobs.verifyLink(url), undefined)
})

test('an upload link is valid until it expires, under the base URL', async () => {
  const { blobs, time } = blobsAt()
  const url = await blobs.uploadLink('acc/x', { bytes: 7, expiresInSeconds: 60 })
  assert.equal(url.origin + url.pathname, 'https://mail.example.com/api/uploads/acc/x')
  assert.deepEqual(blobs.verifyUpload(url), { key: 'acc/x', bytes: 7 })
  time.now += 61_000
  assert.equal(blobs.verifyUpload(url), undefined)
})

test('a link to a part opens only that part', async () => {
  const { blobs } = blobsAt()
  const part = { from: 10, to: 20, encoding: 'quoted-printable' }
  const url = await blobs.linkPart('acc/x', part, WANTED)
  assert.deepEqual(blobs.verifyLink(url)?.part, part)
  const changed = (change: (query: URLSearchParams) => void) => {
    const other = new URL(url)
    change(other.searchParams)
    return blobs.verifyLink(other)
  }
  assert.equal(
    changed((query) => query.set('part', '10-21-quoted-printable')),
    undefined,
  )
  assert.equal(
    changed((query) => query.delete('part')),
    undefined,
  )
  const whole = await blobs.link('acc/x', WANTED)
  whole.searchParams.set('part', '10-20-base64')
  assert.equal(blobs.verifyLink(whole), undefined)
})

test('links stay valid over a restart and one rotation of the secret, but not over two', async () => {
  const { blobs, folder } = blobsAt()
  const url = await blobs.link('acc/x', WANTED)
  assert.ok(blobsAt(folder).blobs.verifyLink(url))
  blobs.rotateSecret()
  assert.ok(blobs.verifyLink(url))
  assert.ok(blobsAt(folder).blobs.verifyLink(url))
  blobs.rotateSecret()
  assert.equal(blobs.verifyLink(url), undefined)
  assert.equal(blobsAt(folder).blobs.verifyLink(url), undefined)
})

test('a link of another data folder is not valid', async () => {
  assert.equal(blobsAt().blobs.verifyLink(await blobsAt().blobs.link('acc/x', WANTED)), undefined)
  assert.equal(blobsAt().blobs.verifyLink(new URL('https://mail.example.com/downloads/acc/x')), undefined)
})

test('only the owner may read files and the secret, and a failed put leaves no file', async () => {
  const { blobs, folder } = blobsAt()
  await blobs.put('acc/large', Buffer.alloc(100_000), { maxBytes: 200_000 })
  await assert.rejects(blobs.put('acc/larger', Buffer.alloc(100_000), { maxBytes: 1 }), { code: 'TooLarge' })
  const endless = async function* () {
    for (;;) yield Buffer.alloc(50_000)
  }
  await assert.rejects(blobs.put('acc/endless', endless(), { maxBytes: 1_000_000 }), { code: 'TooLarge' })
  const paths = readdirSync(join(folder, 'blobs'), { recursive: true, withFileTypes: true })
  const files = paths.filter((entry) => entry.isFile())
  assert.equal(files.length, 1)
  for (const { parentPath, name } of files) assert.equal(statSync(join(parentPath, name)).mode & 0o777, 0o600)
  for (const entry of paths.filter((one) => one.isDirectory())) {
    assert.equal(statSync(join(entry.parentPath, entry.name)).mode & 0o777, 0o700)
  }
  assert.equal(statSync(join(folder, 'link-secret')).mode & 0o777, 0o600)
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('link-secret')),
    ['link-secret'],
  )
  assert.equal(Buffer.from(readFileSync(join(folder, 'link-secret'), 'utf8'), 'base64url').length, 32)
})
