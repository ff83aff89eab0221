import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKey } from '@kabutar/core/accounts/keys.ts'
import { deleteUpload } from '@kabutar/core/messages/uploads.ts'
import { call, MAIL, setup } from '@kabutar/testing/http-rig.ts'

const FILE = Buffer.from('a large file')

async function put(
  { app }: Pick<Awaited<ReturnType<typeof setup>>, 'app'>,
  url: string,
  body: Buffer,
  headers: object,
) {
  const { pathname, search } = new URL(url)
  const init = { method: 'PUT', body, headers: { ...headers } as Record<string, string> }
  return app.request(pathname + search, init)
}

test('a link accepts its file, and an email attaches it by its id', async () => {
  const rig = await setup()
  const { token } = await createKey(rig.ports, 'a', { name: 's', permission: 'sending_access' })
  const sender = { ...rig, token }
  const made = await call(sender, 'POST /uploads', { size: FILE.length })
  const { id, url, method, headers } = made.body as { id: string; url: string; method: string; headers: object }
  assert.deepEqual([made.status, made.body.object, method], [201, 'upload', 'PUT'])
  const attached = { ...MAIL, attachments: [{ upload_id: id.toUpperCase(), filename: 'a.bin', content_id: 'a' }] }
  const early = await call(sender, 'POST /emails', attached)
  assert.deepEqual([early.status, early.body.name], [422, 'invalid_attachment'])
  const answer = await put(rig, url, FILE, headers)
  assert.deepEqual([answer.status, await answer.json()], [200, { object: 'upload', id }])
  assert.equal((await call(sender, 'POST /emails', attached)).status, 200)
})

test('refused in the form of the wire', async () => {
  const rig = await setup()
  const { url } = (await call(rig, 'POST /uploads', { size: FILE.length })).body as { url: string }
  const length = { 'Content-Length': String(FILE.length) }
  const cases = [
    { name: 'no length', url, headers: {}, status: 411 },
    { name: 'another length', url, headers: { 'Content-Length': '5' }, status: 403 },
    { name: 'a larger body than it says', url, headers: length, body: Buffer.alloc(50), status: 422 },
    { name: 'a changed size', url: url.replace('bytes=12', 'bytes=13'), headers: length, status: 403 },
    { name: 'no signature', url: url.slice(0, url.indexOf('?')), headers: length, status: 403 },
  ]
  for (const { name, url, headers, body = FILE, status } of cases) {
    const answer = await put(rig, url, body, headers)
    const { statusCode } = (await answer.json()) as { statusCode: number }
    assert.deepEqual([answer.status, statusCode], [status, status], name)
  }
  for (const size of [0, -1, 1.5, 1e9, 31_457_281, '10', null, 2 ** 53 + 1, 1e308, undefined]) {
    assert.equal((await call(rig, 'POST /uploads', { size })).status, 422, String(size))
  }
  assert.equal((await call(rig, 'POST /uploads', { size: 31_457_280 })).status, 201)
  const id = rig.ports.ids.next()
  const both = { ...MAIL, attachments: [{ upload_id: id, content: 'aGk=' }] }
  assert.equal((await call(rig, 'POST /emails', both)).body.name, 'invalid_attachment')
  assert.equal((await call(rig, 'POST /emails', { ...MAIL, attachments: [{ upload_id: 'x' }] })).status, 422)
})

test('a link takes one file: the same again is no error, another is refused, whatever their size', async () => {
  for (const size of [10, 100_000]) {
    const rig = await setup()
    const { url, headers } = (await call(rig, 'POST /uploads', { size })).body as { url: string; headers: object }
    const [file, other] = [Buffer.alloc(size, 1), Buffer.alloc(size, 2)]
    const racing = await Promise.all([file, file, file].map((body) => put(rig, url, body, headers)))
    assert.deepEqual(racing.map(({ status }) => status).sort(), [200, 409, 409])
    assert.equal((await put(rig, url, file, headers)).status, 200)
    const answer = await put(rig, url, other, headers)
    assert.deepEqual([answer.status, ((await answer.json()) as { name: string }).name], [403, 'invalid_access'])
    const key = new URL(url).pathname.replace('/uploads/', '')
    assert.ok(file.equals((await rig.ports.blobs.get(key)) ?? Buffer.alloc(0)))
  }
})

/** What is made of a link for `size` bytes, and how many bytes come. */
const FORGED: Readonly<Record<string, (url: URL, size: number, other: URL) => number>> = {
  'a byte less': (_, size) => size - 1,
  'a byte more': (_, size) => size + 1,
  'five bytes more, which the link says': (url, size) => set(url, 'bytes', String(size + 5), size + 5),
  'the size with a sign': (url, size) => set(url, 'bytes', `+${size}`, size),
  'no size': (url, size) => set(url, 'bytes', undefined, size),
  'a second more': (url, size) => set(url, 'expires', String(Number(url.searchParams.get('expires')) + 1), size),
  'no expiry': (url, size) => set(url, 'expires', undefined, size),
  'an empty signature': (url, size) => set(url, 'signature', '', size),
  'a padded signature': (url, size) => set(url, 'signature', `${url.searchParams.get('signature')}=`, size),
  'the signature of another link': (url, size, other) =>
    set(url, 'signature', other.searchParams.get('signature') ?? '', size),
  'another account': (url, size) => {
    url.pathname = url.pathname.replace('/a/', '/b/')
    return size
  },
  'the name of another upload': (url, size, other) => {
    url.pathname = other.pathname
    return size
  },
  'the folder of downloads': (url, size) => {
    url.pathname = url.pathname.replace('/uploads/', '/downloads/')
    return size
  },
}

function set({ searchParams }: URL, name: string, value: string | undefined, size: number): number {
  if (value === undefined) searchParams.delete(name)
  else searchParams.set(name, value)
  return size
}

test('a link that is forged in 13 ways takes nothing, for a file in the database and one on the disk', async () => {
  assert.equal(Object.keys(FORGED).length, 13)
  const rig = await setup()
  for (const size of [10, 70_000]) {
    const made = async () => (await call(rig, 'POST /uploads', { size })).body as { id: string; url: string }
    const [{ id, url }, other] = [await made(), await made()]
    for (const [name, change] of Object.entries(FORGED)) {
      const forged = new URL(url)
      const bytes = change(forged, size, new URL(other.url))
      const { status } = await put(rig, forged.href, Buffer.alloc(bytes, 1), { 'Content-Length': String(bytes) })
      assert.ok(status >= 400 && status < 500, `${name}: ${status}`)
    }
    const { pathname, search } = new URL(url)
    const read = await rig.app.request(pathname + search)
    assert.ok(read.status >= 400 && read.status < 500, `GET: ${read.status}`)
    for (const upload_id of [id, other.id]) {
      const attached = await call(rig, 'POST /emails', { ...MAIL, attachments: [{ upload_id }] })
      assert.equal(attached.body.name, 'invalid_attachment')
    }
    assert.equal((await put(rig, url, Buffer.alloc(size, 1), { 'Content-Length': String(size) })).status, 200)
  }
})

test('an account has at most 100 uploads at once, also if it asks for 150 at once', async () => {
  const rig = await setup()
  const asked = await Promise.all(Array.from({ length: 150 }, () => call(rig, 'POST /uploads', { size: 9 })))
  const made = asked.filter(({ status }) => status === 201)
  assert.equal(made.length, 100)
  assert.ok(asked.every(({ status, body }) => status === 201 || body.name === 'resource_locked'))
  for (let n = 0; n < 3; n++) await deleteUpload(rig.ports, 'a', String(made[0]?.body.id))
  assert.equal((await call(rig, 'POST /uploads', { size: 9 })).status, 201)
  assert.equal((await call(rig, 'POST /uploads', { size: 9 })).status, 409)
})
