import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { SqsRecord } from '@kabutar/aws/lambda/queue-handler.ts'
import { ok, until } from '../../flows/support/ask.ts'
import { type Load, startLoad } from '../load.ts'

const HEADER = 'From: Eve <eve@far.test>\r\nTo: ada@kabutar.test, ben@elsewhere.test\r\n'
const mailOf = (subject: string) => `${HEADER}Subject: ${subject}\r\n\r\ntext\r\n`
/**
 * Its notification is lost first of all, since S3's own event takes a quarter of an hour, which here is 15 seconds; so it
 * came that long ago.
 */
const LOST = {
  sesId: 'lost',
  raw: mailOf('lost'),
  recipients: ['ada@kabutar.test', 'hidden@kabutar.test'],
  receivedAt: new Date(Date.now() - 16 * 60_000),
}

describe('what SQS and SNS may do to what they carry', () => {
  let load: Load
  /** What comes for the first time comes twice in one event, backwards, and once more later. */
  let disturbed = false
  const seen: (() => Promise<void>)[] = []
  before(async () => {
    const disturb = (records: readonly SqsRecord[], name: string): readonly SqsRecord[] => {
      const first = records.filter(({ attributes }) => attributes.ApproximateReceiveCount === '1')
      const queue = QUEUES[name]
      if (!disturbed || queue === undefined) return records
      const bodies = first.map(({ body }) => ({ body }))
      if (seen.length < 60) seen.push(() => load.platform.queue(queue).send(bodies))
      return [...records, ...first].reverse()
    }
    load = await startLoad({ disturb })
    await load.platform.receive({ ...LOST, notification: 'lost' })
  })
  after(async () => {
    await load?.close()
  })

  test('entries that come twice, backwards, and once more when all is done, are harmless', async () => {
    assert.deepEqual(await listed('lost'), [], 'S3 is heard of late')
    disturbed = true
    await Promise.all([load.send(40), load.receive(30)])
    await load.settle()
    disturbed = false
    assert.ok(seen.length > 20, `${seen.length} batches`)
    for (const again of seen) await again()
    await load.settle()
    assert.deepEqual(load.doubled(), [])
  })

  const listed = async (subject: string) =>
    (await ok(load.resend.emails.receiving.list({ limit: 100 }))).data.filter((email) => email.subject === subject)
  const found = (subject: string, seconds = 15) => until(subject, async () => (await listed(subject))[0], seconds)
  type Marked = { readonly reconstructed?: boolean; readonly received_for: readonly string[] }
  const read = async (id: string) => (await ok(load.resend.emails.receiving.get(id))) as unknown as Marked

  test('a notification before its object waits for it', async () => {
    const mail = { sesId: 'early', raw: mailOf('early'), recipients: ['ada@kabutar.test'] }
    await load.platform.receive({ ...mail, notification: 'before' })
    const { id } = await found('early')
    assert.equal((await read(id)).reconstructed, undefined)
    assert.equal((await listed('early')).length, 1)
  })

  test('a lost notification: S3 tells of the object, and a late one completes what was made up', async () => {
    const { id } = await found('lost', 40)
    const made = await read(id)
    assert.deepEqual([made.reconstructed, made.received_for], [true, ['ada@kabutar.test']])
    await load.platform.notify(LOST)
    const completed = await until('the envelope', async () => {
      const now = await read(id)
      return now.reconstructed === undefined && now
    })
    assert.deepEqual(completed.received_for, LOST.recipients)
    assert.equal((await listed('lost')).length, 1)
  })
})

const QUEUES: Readonly<Record<string, 'send' | 'receive' | 'feedback' | 'webhooks'>> = {
  send: 'send',
  receive: 'receive',
  feedback: 'feedback',
  notify: 'webhooks',
}
