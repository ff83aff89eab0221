import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { downloadPresigned } from '../../../../test/aws/presigned.ts'
import { startSqsS3 } from '../../../../test/aws/sqs-s3.ts'
import { s3Blobs } from './blobs.ts'
import { partLinks } from './part-links.ts'

const servers = await startSqsS3()
after(() => servers.close())
await servers.createBucket('parts')
const blobs = s3Blobs(servers.s3, 'parts')
const links = partLinks(blobs)
const WANTED = { expiresInSeconds: 60, filename: 'a.txt', contentType: 'text/plain' }
const PART = { from: 4, to: 12, encoding: 'base64' }

test('a link opens the decoded part', async () => {
  await blobs.put('acc/mail', Buffer.from('....aGVsbG8='), { maxBytes: 100 })
  const answer = await downloadPresigned(await links.linkPart('acc/mail', PART, WANTED))
  assert.equal(await answer.text(), 'hello')
})

test('a part of a deleted message gets no link and stores no empty copy', async () => {
  await assert.rejects(links.linkPart('acc/gone', PART, WANTED), { code: 'Unavailable' })
  assert.equal(await blobs.open('parts/acc/gone/4-12'), undefined)
})
