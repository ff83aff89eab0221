import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { attachmentDisposition } from '@kabutar/core/ports/blob-rules.ts'
import { blobsContract } from '@kabutar/core/ports/blobs.contract.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { memoryEngine } from '../sqlite/engine.ts'
import { systemClock } from '../system-clock.ts'
import { BlobFiles } from './blob-files.ts'
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

test('a damaged blob is never read as a whole one', async () => {
  const errors: string[] = []
  const none = () => undefined
  const log = { debug: none, info: none, warn: none, error: (message: string) => void errors.push(message) }
  const engine = memoryEngine()
  const folder = temporaryFolder()
  const blobs = localBlobs(engine, folder, { baseUrl, clock: systemClock, log })
  const body = randomBytes(200_000)
  const file = (key: string) => new BlobFiles(folder).pathOf(key)
  const damages: Readonly<Record<string, (key: string) => void>> = {
    'cut short': (key) => truncateSync(file(key), 100_000),
    emptied: (key) => truncateSync(file(key), 0),
    'one bit changed': (key) => writeFileSync(file(key), body.with(150_000, (body[150_000] ?? 0) ^ 1)),
    'changed in the database': (key) =>
      engine.db.prepare('UPDATE blob SET body = zeroblob(100) WHERE key = ?').run(key),
  }
  for (const [n, [name, damage]] of Object.entries(damages).entries()) {
    const key = `acc/${n}`
    const bytes = name.includes('database') ? body.subarray(0, 100) : body
    await blobs.put(key, bytes, { maxBytes: 1e6 })
    damage(key)
    await assert.rejects(blobs.get(key), { code: 'Damaged' }, name)
    const opened = await blobs.open(key)
    assert.equal(opened?.size, bytes.length)
    let read = 0
    await assert.rejects(
      async () => {
        for await (const chunk of opened?.body ?? []) read += chunk.length
      },
      { code: 'Damaged' },
      name,
    )
    assert.ok(read < bytes.length, `${name}: ${read}`)
  }
  assert.equal(errors.length, 2 * Object.keys(damages).length)
})

test('of bodies that race for one key, one is kept whole', async () => {
  const { blobs } = blobsAt()
  const bodies = Array.from({ length: 8 }, () => randomBytes(100_000))
  await Promise.all(bodies.map((body) => blobs.put('acc/x', body, { maxBytes: 1e6 })))
  const kept = Buffer.from((await blobs.get('acc/x')) ?? [])
  assert.ok(bodies.some((body) => body.equals(kept)))
  await blobs.put('acc/x', randomBytes(100_000), { maxBytes: 1e6 })
  assert.ok(kept.equals((await blobs.get('acc/x')) ?? Buffer.alloc(0)))
})
