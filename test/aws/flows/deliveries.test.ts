import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { SqsRecord } from '@kabutar/aws/lambda/queue-handler.ts'
import { ok, until } from '../../flows/support/ask.ts'
import { type Load, startLoad } from '../load.ts'

const HEADER = 'From: Eve <eve@far.test>\r\nTo: ada@kabutar.test, ben@elsewhere.test\r\n'
const mailOf = (subject: string) => `${HEADER}Subject: ${subject}\r\n\r\ntext\r\n`
/**
 * A mail whose notification is lost. It is received first, because S3's event comes 15 minutes later, which here are
 * 15 seconds; so its time of receipt is that long ago.
 */
const LOST = {
  sesId: 'lost',
  raw: mailOf('lost'),
  recipients: ['ada@kabutar.test', 'hidden@kabutar.test'],
  receivedAt: new Date(Date.now() - 16 * 60_000),
}

describe('duplicates, reordering and losses of SQS and SNS', () => {
  let load: Load
  /** Delivers each entry twice in one event, in reverse order, and once more later. */
  let disturbed = false
  const seen: (() => Promise<void>)[] = []
  before(async () => {
    const disturb = <R extends SqsRecord>(records: readonly R[], name: string): readonly R[] => {
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

  test('entries that come twice, in reverse order, and again at the end have one effect', async () => {
    assert.deepEqual(await listed('lost'), [], 'S3 sends its event later')
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

  test('a notification that comes before its object is retried', async () => {
    const mail = { sesId: 'early', raw: mailOf('early'), recipients: ['ada@kabutar.test'] }
    await load.platform.receive({ ...mail, notification: 'before' })
    const { id } = await found('early')
    assert.equal((await read(id)).reconstructed, undefined)
    assert.equal((await listed('early')).length, 1)
  })

  test('mail whose notification is lost is reconstructed, and a late notification completes it', async () => {
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
