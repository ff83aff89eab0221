/** Accepted mail is listed, read and deleted, however large its header, its names and its recipients are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drainReceived, letter, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { claimDomain } from '../domains/domains.ts'
import { blobKey } from '../messages/blob-keys.ts'
import { deleteReceived } from '../messages/delete.ts'
import { getReceived, getWholeReceived, listReceived } from '../messages/read.ts'
import { eventsOf } from '../webhooks/event.ts'

const never = { code: 'not_found' }

test('a row over 64 KB is cut with a sign, and the whole lists are in the message', async () => {
  const ports = await receivePorts()
  const many = (n: number) => Array.from({ length: n }, () => 'a@b').join(',\n ')
  const parts = Array.from({ length: 120 }, () => '--b\r\nContent-Type: a/b\r\n\r\n\r\n').join('')
  const raw = letter(
    `From: "${'語'.repeat(990)}" <a@b.c>\nSubject: ${'語'.repeat(998)}\nMessage-ID: <${'語'.repeat(300)}@x>
To: ${many(1900)}\nCc: ${many(1900)}\nBcc: ${many(1900)}\nReply-To: ${many(1900)}
Content-Type: multipart/mixed; boundary=b`,
    `${parts}--b--\r\n`,
  )
  const local = (n: number) => `"${String(n).padStart(2, '0')}${'\\"'.repeat(30)}"`
  const domain = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(45)}.test`
  await claimDomain(ports, 'a', domain)
  const recipients = Array.from({ length: 100 }, (_, n) => `${local(n)}@${domain}`)
  const [id = ''] = await take(ports, raw, { recipients, helo: 'h'.repeat(250), returnPath: `m@${domain}` })
  assert.deepEqual(await drainReceived(ports), [])
  const { items } = await listReceived(ports, 'a', { limit: 10 })
  assert.deepEqual([items[0]?.id, items[0]?.envelope.recipients.length], [id, 100])
  assert.ok(items[0]?.truncated?.includes('to'), `${items[0]?.truncated}`)
  const { reading } = await getWholeReceived(ports, 'a', id)
  assert.deepEqual([reading.to.length, reading.replyTo.length], [1900, 1900])
  assert.deepEqual((await eventsOf(ports.table, 'a', id))[0]?.data.truncated, items[0]?.truncated)
  await deleteReceived(ports, 'a', id)
  await assert.rejects(getReceived(ports.table, 'a', id), never)
})

test('a reading too large to be stored is cut with a sign, read and deleted', async () => {
  const ports = await receivePorts()
  const part = `--b\r\nContent-Type: a/b; name="${'\u0001'.repeat(8000)}"\r\n\r\n\r\n`
  const raw = letter('From: e@far.test\nSubject: big\nContent-Type: multipart/mixed; boundary=b', part.repeat(999))
  const [id = ''] = await take(ports, raw)
  assert.deepEqual(await drainReceived(ports), [])
  const { received, reading } = await getWholeReceived(ports, 'a', id)
  assert.equal(received.subject, 'big')
  assert.ok(reading.truncated.includes('parts'), `${reading.truncated}`)
  await getWholeReceived(ports, 'a', id)
  await deleteReceived(ports, 'a', id)
  await assert.rejects(getReceived(ports.table, 'a', id), never)
  assert.equal(await ports.blobs.get(blobKey('a', id)), undefined)
})

test('a message is deleted though its reading cannot be read', async () => {
  const ports = await receivePorts()
  const [id = ''] = await take(ports, letter('From: e@far.test', 'x'.repeat(20_000)))
  await drainReceived(ports)
  const { content } = await getReceived(ports.table, 'a', id)
  assert.equal(content.reading.place, 'row')
  const readingOf = (pk: string) => pk.includes('#reading#')
  const table = {
    ...ports.table,
    get: (key: { pk: string; sk: string }) =>
      readingOf(key.pk) ? Promise.reject(new SyntaxError('damaged')) : ports.table.get(key),
  }
  await deleteReceived({ ...ports, table }, 'a', id)
  await assert.rejects(getReceived(ports.table, 'a', id), never)
  assert.equal(await ports.blobs.get(blobKey('a', id)), undefined)
})
