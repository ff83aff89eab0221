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
  for (const size of [0, 1.5, 31_457_281, '5', undefined]) {
    assert.equal((await call(rig, 'POST /uploads', { size })).status, 422, String(size))
  }
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
