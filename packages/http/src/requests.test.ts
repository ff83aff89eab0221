/** Every route treats the fields, bodies and methods of a request in the same way. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { call, MAIL, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { createApp } from './app.ts'

const request = ({ app, token }: Setup, what: string, init: RequestInit = {}) => {
  const [method = '', path = ''] = what.split(' ')
  return app.request(path, { method, ...init, headers: { Authorization: `Bearer ${token}`, ...init.headers } })
}
const ignored = async (rig: Setup, what: string, body?: object) => {
  const answer = await request(rig, what, body && { body: JSON.stringify(body) })
  return [answer.status, answer.headers.get('kabutar-ignored')]
}

describe('fields and parameters that are not known', () => {
  test('are ignored and named', async () => {
    const rig = await setup()
    assert.deepEqual(await ignored(rig, 'POST /emails', MAIL), [200, null])
    const more = { ...MAIL, color: 1, attachments: [{ content: 'aGk=', size: 2 }], 'ü,\n': 1 }
    assert.deepEqual(await ignored(rig, 'POST /emails', more), [200, 'color, attachments.0.size, %C3%BC%2C%0A'])
    assert.deepEqual(await ignored(rig, 'GET /emails?to=x&limit=1&status=y'), [200, 'to, status'])
    const hook = { endpoint: 'https://e.example/', events: ['email.sent'], webhook_id: 'x' }
    assert.deepEqual(await ignored(rig, 'POST /webhooks?x=1', hook), [201, 'x, webhook_id'])
    assert.deepEqual(await ignored(rig, 'POST /emails', { ...MAIL, from: 'x', color: 1 }), [422, 'color'])
  })

  test('are refused in the other case of one that is known', async () => {
    const rig = await setup()
    const cases: readonly [string, object | undefined, RegExp][] = [
      ['POST /emails', { ...MAIL, replyTo: 'a@x.test' }, /Unknown field `replyTo`; write `reply_to`/],
      ['POST /emails', { ...MAIL, scheduledAt: 'in 1 h' }, /write `scheduled_at`/],
      ['POST /emails', { ...MAIL, attachments: [{ content: '', contentId: 'a' }] }, /`attachments\.0\.contentId`/],
      ['GET /emails/receiving/0199a0b0-0000-7000-8000-000000000001?htmlFormat=cid', undefined, /write `html_format`/],
    ]
    for (const [what, body, says] of cases) {
      const answer = await call(rig, what, body)
      assert.equal(answer.status, 422, what)
      assert.match(String(answer.body.message), says)
    }
  })

  test('are refused by name where ignoring them would change what is sent', async () => {
    const rig = await setup()
    for (const name of ['scheduled_at', 'topic_id', 'template']) {
      const { status, body } = await call(rig, 'POST /emails', { ...MAIL, [name]: 'x' })
      assert.deepEqual([status, body.message], [422, `The \`${name}\` field is not in this version.`])
      assert.equal((await call(rig, 'POST /emails', { ...MAIL, [name]: null })).status, 200)
    }
    const { body } = await call(rig, 'POST /domains', { name: 'x.test', tracking_subdomain: 'links' })
    assert.equal(body.message, 'The `tracking_subdomain` field is not in this version.')
  })
})

describe('null and the empty map of PHP', () => {
  test('null is absent in every request', async () => {
    const rig = await setup()
    const hook = { endpoint: 'https://e.example/', events: ['email.sent'] }
    const { body } = await call(rig, 'POST /webhooks', hook)
    const change = { endpoint: null, events: ['email.opened'], status: null }
    assert.equal((await call(rig, `PATCH /webhooks/${body.id}`, change)).status, 200)
    assert.deepEqual((await call(rig, `GET /webhooks/${body.id}`)).body.events, ['email.opened'])
    assert.equal((await call(rig, 'POST /api-keys', { name: 'x', permission: null, domain_id: null })).status, 201)
    const domain = { name: 'x.test', region: null, capabilities: { sending: null }, tls: null }
    assert.equal((await call(rig, 'POST /domains', domain)).status, 201)
    assert.equal((await call(rig, 'POST /domains', { name: 'y.test', capabilities: [] })).status, 201)
    const missing = await call(rig, 'POST /emails', { ...MAIL, to: null })
    assert.deepEqual([missing.status, missing.body.message], [422, 'Missing `to` field.'])
  })
})

describe('attachments', () => {
  const contents = [
    { name: 'base64', content: 'aGk=' },
    { name: 'numbers', content: [104, 105] },
    { name: 'a Buffer', content: { type: 'Buffer', data: [104, 105] } },
  ]
  test('are the same file in each form', async () => {
    const rig = await setup()
    const ids = new Set()
    for (const { name, content } of contents) {
      const mail = { ...MAIL, attachments: [{ filename: 'a', content }] }
      const { status, body } = await call(rig, 'POST /emails', mail, { 'Idempotency-Key': 'one' })
      assert.equal(status, 200, name)
      ids.add(body.id)
    }
    assert.equal(ids.size, 1)
  })

  test('that are refused say why', async () => {
    const rig = await setup()
    const cases: readonly [object, RegExp][] = [
      [{ content: [256] }, /base64, or numbers from 0 to 255/],
      [{ content: 'aGk=', content_type: 'multipart/mixed' }, /no file can have its `content_type`/],
      [{ content: 'aGk=', content_type: 'message/external-body; a=b' }, /no file can have/],
      [{ path: 'https://x.test/a' }, /`path` is not in this version/],
    ]
    for (const [attachment, says] of cases) {
      const { status, body } = await call(rig, 'POST /emails', { ...MAIL, attachments: [attachment] })
      assert.deepEqual([status, body.name], [422, 'invalid_attachment'])
      assert.match(String(body.message), says)
    }
  })

  test('that are too large go by upload, and the answer says so', async () => {
    const { status, body } = await call(await setup(), 'POST /emails', ' '.repeat(42 * 1024 * 1024 + 1))
    assert.equal(status, 413)
    assert.match(String(body.message), /POST \/uploads/)
  })
})

describe('bodies', () => {
  const text = JSON.stringify(MAIL)
  const cases: readonly { name: string; body: Uint8Array; headers?: Record<string, string>; status: number }[] = [
    { name: 'a byte order mark', body: Buffer.from(`\ufeff${text}`), status: 200 },
    { name: 'bytes that are not UTF-8', body: Buffer.from(text.replace('"s"', '"\u00e9"'), 'latin1'), status: 400 },
    { name: 'gzip', body: gzipSync(text), headers: { 'Content-Encoding': 'gzip' }, status: 415 },
    { name: 'identity', body: Buffer.from(text), headers: { 'Content-Encoding': 'identity' }, status: 200 },
    { name: 'half of a JSON', body: Buffer.from(text.slice(0, -1)), status: 400 },
  ]
  for (const { name, body, headers = {}, status } of cases) {
    test(`${name}: ${status}`, async () => {
      assert.equal((await request(await setup(), 'POST /emails', { body, headers })).status, status)
    })
  }
})

test('405 says which methods there are (RFC 9110 section 15.5.6)', async () => {
  const rig = await setup()
  const allowed = async (what: string) => {
    const answer = await request(rig, what)
    return [answer.status, answer.headers.get('allow')]
  }
  assert.deepEqual(await allowed('PUT /emails'), [405, 'POST, GET, HEAD'])
  assert.deepEqual(await allowed('DELETE /health'), [405, 'GET, HEAD'])
  assert.deepEqual(await allowed('POST /emails/0199a0b0-0000-7000-8000-000000000001'), [405, 'GET, DELETE, HEAD'])
  assert.deepEqual(await allowed('PUT /emails/receiving'), [405, 'GET, HEAD'])
})

test('no answer may be stored, whoever asks', async () => {
  const rig = await setup()
  for (const what of ['GET /api-keys', 'GET /emails', 'GET /health', 'GET /nowhere', 'DELETE /emails']) {
    assert.equal((await request(rig, what)).headers.get('cache-control'), 'no-store', what)
  }
  const key = await request(rig, 'POST /api-keys', { body: '{"name":"k"}' })
  assert.deepEqual([key.status, key.headers.get('cache-control')], [201, 'no-store'])
})

test('a client that goes away within its body is no error in the log', async () => {
  const rig = await setup()
  const errors: string[] = []
  const log = { ...rig.ports.log, error: (message: string) => void errors.push(message) }
  const app = createApp({ ...rig.ports, log, downloads: rig.ports.blobs })
  const gone = () =>
    new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from('{')),
      pull: (controller) => controller.error(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })),
    })
  const { url } = (await call(rig, 'POST /uploads', { size: 100_000 })).body as { url: string }
  const { pathname, search } = new URL(url)
  const paths: readonly [string, string, Record<string, string>][] = [
    ['POST', '/emails', {}],
    ['POST', '/emails', { 'Content-Length': '99' }],
    ['PUT', pathname + search, { 'Content-Length': '100000' }],
  ]
  for (const [method, path, more] of paths) {
    const headers = { Authorization: `Bearer ${rig.token}`, ...more }
    const init: RequestInit = { method, headers, body: gone(), duplex: 'half' }
    assert.equal((await app.request(path, init)).status, 400, path)
  }
  assert.deepEqual(errors, [])
})

test('a field named __proto__ is refused, not lost', async () => {
  const rig = await setup()
  for (const body of [
    `{"__proto__":{},${JSON.stringify(MAIL).slice(1)}`,
    `${JSON.stringify(MAIL).slice(0, -1)},"headers":{"__proto__":"x"}}`,
  ]) {
    const { status, body: answer } = await call(rig, 'POST /emails', body)
    assert.deepEqual([status, answer.message], [422, 'A field cannot be named `__proto__`.'])
  }
})

describe('a body with a million values', () => {
  test('is refused before it is parsed, beside an attachment of 10 MB as the SDKs of Go, Python and Rust write it', async () => {
    const rig = await setup()
    const file = `{"content":[${'255,'.repeat(10 * 1024 * 1024 - 1)}255],"filename":"a.bin"}`
    const mail = `${JSON.stringify(MAIL).slice(0, -1)},"attachments":[${file}]}`
    assert.equal((await call(rig, 'POST /emails', mail)).status, 200)
    const { status, body } = await call(rig, 'POST /emails', `[${'{},'.repeat(1_000_000)}{}]`)
    assert.deepEqual([status, body.message], [422, 'The request body has more than 100000 values.'])
  })
})
