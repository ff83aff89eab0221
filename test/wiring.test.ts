import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blobPorts } from '../functions/wiring.ts'

test('a module is loaded by the first call, again after a load that failed, and then never again', async () => {
  process.env.KABUTAR_BUCKET = 'bucket'
  let loads = 0
  const blobs = { get: async (key: string) => Buffer.from(key) }
  const { blobs: lazy } = blobPorts(async () => {
    loads++
    if (loads === 1) throw new Error('the file cannot be read')
    return { s3Client: () => ({}), s3Blobs: () => blobs } as never
  })
  assert.equal(loads, 0)
  await assert.rejects(lazy.get('a/b'), /cannot be read/)
  const found = await Promise.all([lazy.get('a/b'), lazy.get('a/c')])
  assert.deepEqual([found.map(String), loads], [['a/b', 'a/c'], 2])
})
