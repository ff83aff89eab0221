import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inflateSync } from 'node:zlib'
import { MAX_READING_JSON_BYTES } from '@kabutar/mail/limits.ts'
import { directCompute } from '../ports/compute.ts'
import { blobStart, decodeBlob, decodeJson, encodeJson, storedJson } from './stored-json.ts'

const VALUES: readonly object[] = [
  {},
  { text: 'ü' },
  { text: 'x'.repeat(5000) },
  { list: Array.from({ length: 20_000 }, (_, n) => `${n * 7919}`) },
]

test('a value comes back as it was, from a row and from a blob', async () => {
  for (const value of VALUES) {
    const encoded = await encodeJson(directCompute, value, 0)
    const stored = storedJson(encoded)
    if (stored !== undefined) assert.deepEqual(await decodeJson(stored), value)
    const blob = Buffer.concat([blobStart(encoded), Buffer.from('files')])
    const { value: decoded, rest } = await decodeBlob(directCompute, blob)
    assert.deepEqual([decoded, rest.toString()], [value, 'files'])
  }
})

test('the stored form is JSON, or JSON in the zlib format', async () => {
  const small = await encodeJson(directCompute, { text: 'hi' }, 0)
  assert.deepEqual(small, { json: '{"format":1,"text":"hi"}' })
  const large = storedJson(await encodeJson(directCompute, { text: 'x'.repeat(5000) }, 0))
  assert.ok(large !== undefined && 'deflated' in large)
  assert.deepEqual(JSON.parse(inflateSync(Buffer.from(large.deflated, 'base64')).toString()), {
    format: 1,
    text: 'x'.repeat(5000),
  })
})

describe('another format is refused by its number', () => {
  const error = { code: 'UnknownFormat', message: /format 99/ }

  test('in a row', () => assert.rejects(decodeJson({ json: '{"format":99}' }), error))

  test('in a blob', async () => {
    const blob = blobStart(await encodeJson(directCompute, {}, 0)).toString()
    await assert.rejects(decodeBlob(directCompute, Buffer.from(blob.replace('"format":1', '"format":99'))), error)
    await assert.rejects(
      decodeBlob(
        directCompute,
        Buffer.from(blob.replace('{"format":1}', '{"format":99}').replace(/"bytes":\d+/, '"bytes":13')),
      ),
      error,
    )
  })
})

test('JSON that could not be decoded again is not encoded', async () => {
  const text = 'x'.repeat(MAX_READING_JSON_BYTES)
  await assert.rejects(encodeJson(directCompute, { text }, text.length), { code: 'TooLarge' })
})
