import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as z from 'zod'
import { presentFields, unknownFields } from './fields.ts'

const Schema = z.object({
  reply_to: z.string().optional(),
  contentType: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  attachments: z.array(z.object({ filename: z.string().optional() })).optional(),
  content: z.union([z.string(), z.object({ data: z.string() })]).optional(),
})

test('null means absent, and [] is an empty map', () => {
  const given = { a: null, headers: [], to: [], list: [{ b: null, c: 1 }], capabilities: { sending: null }, zero: 0 }
  assert.deepEqual(presentFields(given), { headers: {}, to: [], list: [{ c: 1 }], capabilities: {}, zero: 0 })
  const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`)
  assert.deepEqual(presentFields([1, 'x', null, true]), [1, 'x', null, true])
  assert.ok(Array.isArray(presentFields(deep)))
  assert.throws(() => presentFields(JSON.parse('{"a":{"__proto__":{"a":1}}}')), { code: 'invalid_message' })
})

describe('unknownFields', () => {
  test('names what no schema knows, by its path', () => {
    const given = {
      color: 1,
      attachments: [{ filename: 'a', size: 1 }],
      headers: { any: 'x' },
      content: { data: '', type: '' },
    }
    assert.deepEqual(unknownFields(Schema, given), ['color', 'attachments.0.size', 'content.type'])
    assert.deepEqual(unknownFields(Schema, { constructor: 1 }), ['constructor'])
    assert.deepEqual(unknownFields(Schema, ['a']), [])
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`x${n}`, n]))
    assert.equal(unknownFields(Schema, many).length, 20)
  })

  test('refuses one that is known in the other case', () => {
    assert.throws(() => unknownFields(Schema, { replyTo: 'x' }), /Unknown field `replyTo`; write `reply_to`/)
    assert.throws(
      () => unknownFields(Schema, { content_type: 'x' }),
      /Unknown field `content_type`; write `contentType`/,
    )
  })
})
