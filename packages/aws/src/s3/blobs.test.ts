import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { blobsContract } from '@kabutar/core/ports/blobs.contract.ts'
import { downloadPresigned, linkRefusal, uploadPresigned } from '../../../../test/aws/presigned.ts'
import { startSqsS3 } from '../../../../test/aws/sqs-s3.ts'
import { s3Blobs } from './blobs.ts'
import { safeContentType } from './presigned-links.ts'

const servers = await startSqsS3()
after(() => servers.close())
const BUCKET = 'contract'
await servers.createBucket(BUCKET)
const blobs = s3Blobs(servers.s3, BUCKET)

blobsContract('S3', async () => ({ blobs, download: downloadPresigned, upload: uploadPresigned }))

test('an upload link takes one file, with the header that keeps the next from replacing it', async () => {
  const [first, second] = [Buffer.from('first'), Buffer.from('other')]
  const url = await blobs.uploadLink('acc/once', { bytes: first.length, expiresInSeconds: 60 })
  assert.equal(url.searchParams.get('X-Amz-SignedHeaders'), 'content-length;host;if-none-match')
  const plain = { host: url.host, 'content-length': String(first.length) }
  assert.equal(linkRefusal(url, 'PUT', plain)?.status, 403)
  assert.equal((await uploadPresigned(url, first)).status, 200)
  assert.equal((await uploadPresigned(url, second)).status, 412)
  assert.deepEqual(Buffer.from((await blobs.get('acc/once')) ?? []), first)
})

const MIB = 1024 * 1024
async function* mebibytes(count: number, then?: Error) {
  for (let n = 0; n < count; n++) yield new Uint8Array(MIB).fill(n)
  if (then) throw then
}

test('20 MiB are uploaded in parts and read back in order', async () => {
  await blobs.put('acc/parts', mebibytes(20), { maxBytes: 20 * MIB })
  const body = (await blobs.get('acc/parts')) ?? new Uint8Array()
  assert.equal(body.length, 20 * MIB)
  for (let n = 0; n < 20; n++) assert.deepEqual([body[n * MIB], body[(n + 1) * MIB - 1]], [n, n])
})

test('bodies of exactly one and exactly two parts are stored whole', async () => {
  for (const count of [8, 16]) {
    await blobs.put(`acc/exact-${count}`, mebibytes(count), { maxBytes: 20 * MIB })
    assert.equal((await blobs.open(`acc/exact-${count}`))?.size, count * MIB)
  }
})

test('a multipart upload is aborted if its body throws or is too large', async () => {
  await assert.rejects(blobs.put('acc/broken', mebibytes(20, new Error('gone')), { maxBytes: 64 * MIB }), /gone/)
  await assert.rejects(blobs.put('acc/large', mebibytes(20), { maxBytes: 18 * MIB }), { code: 'TooLarge' })
  const { Uploads = [] } = await servers.s3.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }))
  assert.deepEqual(Uploads, [])
  assert.equal(await blobs.get('acc/broken'), undefined)
})

test('one call deletes more than a thousand blobs', async () => {
  await blobs.put('acc/last', new Uint8Array(1), { maxBytes: 1 })
  await blobs.delete([...Array.from({ length: 1500 }, (_, n) => `acc/none-${n}`), 'acc/last'])
  assert.equal(await blobs.get('acc/last'), undefined)
})

for (const [type, expected] of [
  ['application/pdf', 'application/pdf'],
  ['Text/Plain; charset=utf-8', 'text/plain'],
  ['text/html', 'application/octet-stream'],
  ['image/svg+xml', 'application/octet-stream'],
  ['application/javascript', 'application/octet-stream'],
  ['text/plain\r\nx: y', 'application/octet-stream'],
  ['', 'application/octet-stream'],
] as const) {
  test(`a link serves ${JSON.stringify(type)} as ${expected}`, () => assert.equal(safeContentType(type), expected))
}
