import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { s3Blobs } from '@kabutar/aws/s3/blobs.ts'
import { startSqsS3 } from '../aws/sqs-s3.ts'

const MB = 1024 * 1024
const MAILS = 10
/** Less than the function's 512 MB; without a bound it was 535. */
const MAX_MB = 440

test('a batch of ten mails of 40 MB fits the memory of its function', { timeout: 120_000 }, async (t) => {
  const servers = await startSqsS3()
  try {
    await servers.createBucket('memory')
    const blobs = s3Blobs(servers.s3, 'memory')
    const raw = mailOf(40 * MB)
    const inParts = () => ReadableStream.from([raw])
    for (let n = 0; n < MAILS; n++) await blobs.put(`inbound/ses${n}`, inParts(), { maxBytes: 40 * MB })
    const script = new URL('./receive-batch.ts', import.meta.url).pathname
    const { stdout } = await promisify(execFile)(process.execPath, [script, servers.endpoint, 'memory', String(MAILS)])
    t.diagnostic(stdout.trim())
    const { failures, peak } = JSON.parse(stdout) as { failures: number; peak: number }
    assert.equal(failures, 0)
    assert.ok(peak <= MAX_MB, `${peak} MB`)
  } finally {
    await servers.close()
  }
})

function mailOf(bytes: number): Buffer {
  const head =
    'From: eve@far.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n' +
    '--b\r\nContent-Disposition: attachment; filename=a\r\nContent-Transfer-Encoding: base64\r\n\r\n'
  const line = `${randomBytes(57).toString('base64')}\r\n`
  return Buffer.from(head + line.repeat(Math.floor((bytes - head.length) / line.length)))
}
