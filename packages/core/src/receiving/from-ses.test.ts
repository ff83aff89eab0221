import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { listDays } from '../days.ts'
import { listPlacements } from '../mailboxes/mailbox.ts'
import type { Delivery } from '../ports/queue.ts'
import { eventsOf } from '../webhooks/event.ts'
import { receiveFromSes } from './from-ses.ts'
import { receivedOf } from './received.ts'
import { deleteReceived } from './remove.ts'
import { drainReceived, LETTER, type ReceiveRig, receivePorts } from './testing.ts'

const never = new AbortController().signal
const entry = (body: object | string): Delivery => ({
  id: 'q',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  attempt: 1,
  sentAt: 0,
  handle: 'h',
})
const receipt = (recipients: readonly string[], sesId: string) => ({
  notificationType: 'Received',
  receipt: {
    timestamp: '2026-11-22T12:00:00.000Z',
    recipients,
    action: { type: 'S3', objectKey: `inbound/${sesId}` },
  },
  mail: { messageId: sesId, source: 'eve@far.test' },
})
const created = (key: string) => ({
  Records: [{ eventTime: '2026-11-22T12:00:01.000Z', s3: { object: { key: encodeURIComponent(key) } } }],
})
const put = (ports: ReceiveRig, sesId: string) =>
  ports.blobs.put(`inbound/${sesId}`, Buffer.from(LETTER), { maxBytes: 1e6 })
const feed = (ports: ReceiveRig, body: object | string) => receiveFromSes(ports, [entry(body)], never)
const received = async (ports: ReceiveRig, accountId: string) =>
  (await listDays(ports.table, accountId, 'in', { limit: 100 })).items.map(receivedOf)

test('mail for two accounts is received once by each, however often it is announced', async () => {
  const ports = await receivePorts()
  const ours = ['ada@kabutar.test', 'info@second.test', 'x@b.test', 'x@nowhere.test']
  const body = receipt(ours, 'ses-1')
  await put(ports, 'ses-1')
  for (let times = 0; times < 3; times++) {
    assert.deepEqual(await feed(ports, body), [])
    assert.deepEqual(await drainReceived(ports), [])
  }
  const [a, b] = [await received(ports, 'a'), await received(ports, 'b')]
  assert.deepEqual(
    [...a, ...b].map(({ envelope }) => [envelope.returnPath, envelope.recipients, envelope.reconstructed]),
    [
      ['eve@far.test', ['ada@kabutar.test', 'info@second.test'], undefined],
      ['eve@far.test', ['x@b.test'], undefined],
    ],
  )
  assert.equal(await ports.blobs.open('inbound/ses-1'), undefined)
})

test("SES's verdicts are kept in words of ours, and a receipt without any is received as well", async () => {
  const cases = [
    { told: {}, kept: undefined },
    { told: { spamVerdict: { status: 'DISABLED' }, spfVerdict: { status: 'SOMETHING_NEW' } }, kept: undefined },
    {
      told: {
        spfVerdict: { status: 'PASS' },
        dkimVerdict: { status: 'FAIL' },
        dmarcVerdict: { status: 'GRAY' },
        dmarcPolicy: 'reject',
        spamVerdict: { status: 'DISABLED' },
        virusVerdict: { status: 'PROCESSING_FAILED' },
      },
      kept: { spf: 'pass', dkim: 'fail', dmarc: 'none', virus: 'error' },
    },
  ]
  for (const [n, { told, kept }] of cases.entries()) {
    const ports = await receivePorts()
    await put(ports, `ses-v${n}`)
    const body = receipt(['ada@kabutar.test'], `ses-v${n}`)
    assert.deepEqual(await feed(ports, { ...body, receipt: { ...body.receipt, ...told } }), [])
    assert.deepEqual(await drainReceived(ports), [])
    const [row] = await received(ports, 'a')
    assert.deepEqual(row?.envelope.verdicts, kept)
  }
})

test('a notification that is faster than its object comes back', async () => {
  const ports = await receivePorts()
  const body = receipt(['ada@kabutar.test'], 'ses-2')
  assert.deepEqual(await feed(ports, body), [{ id: 'q', retryInMs: 5000 }])
  await put(ports, 'ses-2')
  assert.deepEqual(await feed(ports, body), [])
})

test('mail whose notification was lost is received by its header fields, and says so', async () => {
  const ports = await receivePorts()
  await put(ports, 'ses-3')
  for (let times = 0; times < 2; times++) assert.deepEqual(await feed(ports, created('inbound/ses-3')), [])
  await drainReceived(ports)
  assert.deepEqual(
    (await received(ports, 'a')).map(({ envelope }) => [envelope.recipients, envelope.reconstructed]),
    [[['ada@kabutar.test'], true]],
  )
})

/** 16 minutes after `receipt` says that it came, with nobody having been told. */
async function recovered(ports: ReceiveRig, sesId: string): Promise<void> {
  await put(ports, sesId)
  ports.clock.advance(16 * 60_000)
  assert.deepEqual(await feed(ports, created(`inbound/${sesId}`)), [])
}

describe('a notification that comes after its message was recovered', () => {
  for (const drained of [true, false]) {
    test(`completes the envelope and changes nothing else${drained ? '' : ', also of one that waits'}`, async () => {
      const ports = await receivePorts()
      await recovered(ports, 'ses-late')
      if (drained) await drainReceived(ports)
      const body = receipt(['Ada@kabutar.test', 'info@second.test'], 'ses-late')
      for (let times = 0; times < (drained ? 3 : 1); times++) {
        assert.deepEqual(await feed(ports, body), [])
        assert.deepEqual(await drainReceived(ports), [])
      }
      const [message, ...more] = await received(ports, 'a')
      assert.equal(more.length, 0)
      assert.deepEqual(message?.envelope.recipients, ['Ada@kabutar.test', 'info@second.test'])
      assert.deepEqual([message?.envelope.returnPath, message?.envelope.reconstructed], ['eve@far.test', undefined])
      assert.equal(message?.mailboxIds.length, 2, 'its own, and that of the other domain')
      for (const mailbox of message?.mailboxIds ?? []) {
        const placed = await listPlacements(ports.table, 'a', mailbox, 'inbox', { limit: 9 })
        assert.deepEqual(
          placed.map(({ uid, id }) => [uid, id]),
          [[1, message?.id]],
        )
      }
      assert.equal((await eventsOf(ports.table, 'a', message?.id ?? '')).length, 1)
    })
  }

  test('brings it to an account that no header field named', async () => {
    const ports = await receivePorts()
    await recovered(ports, 'ses-bcc')
    for (let times = 0; times < 2; times++) {
      assert.deepEqual(await feed(ports, receipt(['ada@kabutar.test', 'x@b.test'], 'ses-bcc')), [])
      await drainReceived(ports)
    }
    assert.equal((await received(ports, 'a')).length, 1)
    const [bcc, ...more] = await received(ports, 'b')
    assert.deepEqual([bcc?.envelope.recipients, more.length], [['x@b.test'], 0])
  })

  test('and before its object was removed, is of the same message', async () => {
    const ports = await receivePorts()
    await recovered(ports, 'ses-both')
    await put(ports, 'ses-both')
    assert.deepEqual(await feed(ports, receipt(['ada@kabutar.test'], 'ses-both')), [])
    await drainReceived(ports)
    assert.equal((await received(ports, 'a')).length, 1)
  })

  test('brings nothing back that was deleted meanwhile', async () => {
    const ports = await receivePorts()
    await recovered(ports, 'ses-gone')
    await drainReceived(ports)
    const [message] = await received(ports, 'a')
    await deleteReceived(ports, 'a', message?.id ?? '')
    assert.deepEqual(await feed(ports, receipt(['ada@kabutar.test'], 'ses-gone')), [])
    assert.deepEqual(await drainReceived(ports), [])
    assert.deepEqual(await received(ports, 'a'), [])
  })

  test('or late before the recovery, is what the recovery finds', async () => {
    const ports = await receivePorts()
    await put(ports, 'ses-slow')
    ports.clock.advance(14 * 60_000)
    const crashing = { ...ports, blobs: { ...ports.blobs, delete: () => Promise.reject(new Error('crash')) } }
    assert.equal((await feed(crashing, receipt(['ada@kabutar.test'], 'ses-slow'))).length, 1)
    assert.deepEqual(await feed(ports, created('inbound/ses-slow')), [])
    await drainReceived(ports)
    assert.deepEqual(
      (await received(ports, 'a')).map(({ envelope }) => envelope.reconstructed),
      [undefined],
    )
  })
})

test('a notification that comes again after the message was deleted is nothing', async () => {
  const ports = await receivePorts()
  const body = receipt(['ada@kabutar.test'], 'ses-deleted')
  await put(ports, 'ses-deleted')
  await feed(ports, body)
  await drainReceived(ports)
  const [message] = await received(ports, 'a')
  await deleteReceived(ports, 'a', message?.id ?? '')
  assert.deepEqual(await feed(ports, body), [])
  await drainReceived(ports)
  assert.deepEqual(await received(ports, 'a'), [])
})

test('mail for nobody here stays where it is; what AWS tries is nothing', async () => {
  const ports = await receivePorts()
  await put(ports, 'ses-4')
  assert.deepEqual(await feed(ports, receipt(['x@nowhere.test'], 'ses-4')), [])
  assert.ok(await ports.blobs.open('inbound/ses-4'))
  for (const body of [
    'Successfully validated SNS topic for Amazon SES.',
    { Service: 'Amazon S3', Event: 's3:TestEvent' },
    created('inbound/AMAZON_SES_SETUP_NOTIFICATION'),
    { notificationType: 'AmazonSnsSubscriptionSucceeded', message: 'ok' },
  ]) {
    assert.deepEqual(await feed(ports, body), [])
  }
})

test('what cannot be read fails, and ends in the dead-letter queue', async () => {
  const ports = await receivePorts()
  const long = JSON.stringify({ Records: [], more: 'x'.repeat(300_000) })
  for (const body of [{ notificationType: 'Received' }, { v: 1, a: 'a' }, 'no JSON', long])
    assert.deepEqual(await feed(ports, body), [{ id: 'q', retryInMs: 5000 }])
})
