import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { call, MAIL, setup } from '@kabutar/testing/http-rig.ts'

const without = (field: string) => Object.fromEntries(Object.entries(MAIL).filter(([name]) => name !== field))
const file = (attachment: object) => ({ ...MAIL, attachments: [attachment] })

describe('POST /emails refuses bad input in the form of the wire and stores nothing', () => {
  const cases: { name: string; body: unknown; status?: number; error: string; says: RegExp }[] = [
    { name: 'not JSON', body: '{"from":', status: 400, error: 'validation_error', says: /not valid JSON/ },
    { name: 'an empty body', body: '', status: 400, error: 'validation_error', says: /not valid JSON/ },
    { name: 'a list', body: [MAIL], error: 'validation_error', says: /request body/ },
    { name: 'null', body: 'null', error: 'validation_error', says: /request body/ },
    { name: 'no from', body: without('from'), error: 'missing_required_field', says: /Missing `from` field/ },
    { name: 'no to', body: without('to'), error: 'missing_required_field', says: /Missing `to` field/ },
    { name: 'no subject', body: without('subject'), error: 'missing_required_field', says: /Missing `subject` field/ },
    { name: 'neither html nor text', body: without('text'), error: 'missing_required_field', says: /`html` or `text`/ },
    {
      name: 'a field of a later version',
      body: { ...MAIL, scheduled_at: 'in 1 min' },
      error: 'validation_error',
      says: /`scheduled_at`/,
    },
    { name: 'a wrong type', body: { ...MAIL, subject: 7 }, error: 'validation_error', says: /`subject`/ },
    { name: 'a wrong type in a list', body: { ...MAIL, to: ['a@y.test', 7] }, error: 'validation_error', says: /`to/ },
    { name: 'a malformed from', body: { ...MAIL, from: 'ada' }, error: 'invalid_from_address', says: /`from`/ },
    { name: 'a malformed cc', body: { ...MAIL, cc: 'bob' }, error: 'validation_error', says: /`cc`/ },
    {
      name: 'an address with a line break',
      body: { ...MAIL, to: 'b@y.test\r\nBcc: e@y.test' },
      error: 'validation_error',
      says: /`to`/,
    },
    {
      name: 'a display name with a line break',
      body: { ...MAIL, from: 'A\nBcc: e@y.test <ada@kabutar.test>' },
      error: 'invalid_from_address',
      says: /`from`/,
    },
    {
      name: 'two addresses in one',
      body: { ...MAIL, to: 'b@y.test, c@y.test' },
      error: 'validation_error',
      says: /`to`/,
    },
    {
      name: 'a subject with a line break',
      body: { ...MAIL, subject: 'a\r\nBcc: e@y.test' },
      error: 'validation_error',
      says: /subject/,
    },
    {
      name: 'a header with a line break',
      body: { ...MAIL, headers: { 'X-A': 'a\r\nBcc: e@y.test' } },
      error: 'validation_error',
      says: /X-A/,
    },
    {
      name: 'a forbidden header',
      body: { ...MAIL, headers: { 'Content-Type': 'x' } },
      error: 'validation_error',
      says: /Content-Type cannot be set/,
    },
    {
      name: '51 recipients',
      body: { ...MAIL, to: Array.from({ length: 51 }, (_, i) => `r${i}@y.test`) },
      error: 'validation_error',
      says: /at most 50/,
    },
    {
      name: 'a tag with a space',
      body: { ...MAIL, tags: [{ name: 'a b', value: 'c' }] },
      error: 'validation_error',
      says: /tags/,
    },
    {
      name: 'base64 that is not',
      body: file({ filename: 'a', content: 'a$b=' }),
      error: 'invalid_attachment',
      says: /base64/,
    },
    {
      name: 'truncated base64',
      body: file({ filename: 'a', content: 'YWJ' }),
      error: 'invalid_attachment',
      says: /base64/,
    },
    { name: 'base64url', body: file({ filename: 'a', content: '-_-_' }), error: 'invalid_attachment', says: /base64/ },
    {
      name: 'an attachment without content',
      body: file({ filename: 'a' }),
      error: 'invalid_attachment',
      says: /content/,
    },
    {
      name: 'an attachment by path',
      body: file({ path: 'https://x.test/a' }),
      error: 'invalid_attachment',
      says: /path/,
    },
    {
      name: 'a filename with a line break',
      body: file({ filename: 'a\r\nb', content: '' }),
      error: 'validation_error',
      says: /filename/,
    },
    {
      name: 'a content type with a line break',
      body: file({ content: '', content_type: 'a/b\r\nX: y' }),
      error: 'validation_error',
      says: /content_type/,
    },
    {
      name: 'attachments over 40 MB',
      body: file({ content: 'A'.repeat(41_943_044) }),
      error: 'validation_error',
      says: /40 MB/,
    },
    {
      name: 'a body over the limit',
      body: ' '.repeat(42 * 1024 * 1024 + 1),
      status: 413,
      error: 'validation_error',
      says: /limit/,
    },
    {
      name: 'a domain that is not ours',
      body: { ...MAIL, from: 'a@other.test' },
      status: 403,
      error: 'validation_error',
      says: /other.test domain is not verified/,
    },
  ]
  for (const { name, body, status = 422, error, says } of cases) {
    test(name, async () => {
      const rig = await setup()
      const answer = await call(rig, 'POST /emails', body)
      assert.deepEqual(
        [answer.status, answer.body.statusCode, answer.body.name],
        [status, status, error],
        JSON.stringify(answer.body).slice(0, 300),
      )
      assert.match(String(answer.body.message), says)
      assert.deepEqual(Object.keys(answer.body).sort(), ['message', 'name', 'statusCode'])
      assert.deepEqual((await call(rig, 'GET /emails')).body, { object: 'list', has_more: false, data: [] })
      assert.equal((await rig.ports.sendQueue.depth()).ready, 0)
    })
  }

  test('an idempotency key that is too long or empty', async () => {
    const answer = await call(await setup(), 'POST /emails', MAIL, { 'Idempotency-Key': 'k'.repeat(257) })
    assert.deepEqual([answer.status, answer.body.name], [400, 'invalid_idempotency_key'])
  })
})
