import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deleteReceived } from '@kabutar/core/messages/delete.ts'
import { getWholeReceived, listReceived } from '@kabutar/core/messages/read.ts'
import type { Delivery } from '@kabutar/core/ports/queue.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { readPayload, receivedEventId } from '@kabutar/core/webhooks/event.ts'
import { drainReceived, LETTER, type ReceiveRig, receivePorts } from '@kabutar/testing/receiving-rig.ts'
import { receiveFromSes } from './inbound.ts'

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
  receipt: { timestamp: '2026-11-22T12:00:00.000Z', recipients, action: { type: 'S3', objectKey: `inbound/${sesId}` } },
  mail: { messageId: sesId, source: 'eve@far.test' },
})
const created = (key: string) => ({
  Records: [{ eventTime: '2026-11-22T12:00:01.000Z', s3: { object: { key: encodeURIComponent(key) } } }],
})
const put = (ports: ReceiveRig, sesId: string, raw = LETTER) =>
  ports.blobs.put(`inbound/${sesId}`, Buffer.from(raw), { maxBytes: 1e6 })
const feed = (ports: ReceiveRig, body: object | string) => receiveFromSes(ports, [entry(body)], never)
const received = async (ports: ReceiveRig, accountId: string) =>
  (await listReceived(ports, accountId, { limit: 100 })).items

test('mail for two accounts is received once by each, however often a notification comes', async () => {
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
  assert.deepEqual(
    [...a, ...b].map(({ content: { blob }, id }) => blob.replace(id, 'id')),
    ['inbound/ses-1', 'b/id'],
    'one has the object, the other a copy',
  )
  await deleteReceived(ports, 'a', a[0]?.id ?? '')
  assert.equal(await ports.blobs.open('inbound/ses-1'), undefined)
  const whole = await getWholeReceived(ports, 'b', b[0]?.id ?? '')
  const raw = (await ports.blobs.get(whole.received.content.blob)) ?? ''
  assert.equal(Buffer.from(raw).toString(), LETTER)
  await deleteReceived(ports, 'b', b[0]?.id ?? '')
  assert.equal(await ports.blobs.open(b[0]?.content.blob ?? ''), undefined)
  for (const again of [body, created('inbound/ses-1')]) assert.deepEqual(await feed(ports, again), [])
  assert.deepEqual([...(await received(ports, 'a')), ...(await received(ports, 'b'))], [])
})

test('a message is read from the bucket once, and not again for a repeated notification', async () => {
  const ports = await receivePorts()
  await put(ports, 'ses-reads')
  const calls: string[] = []
  const counted = new Proxy(ports.blobs, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        calls.push(`${String(name)} ${args[0]}`)
        return Reflect.apply(value, target, args) as unknown
      }
    },
  })
  const body = receipt(['ada@kabutar.test', 'bob@kabutar.test'], 'ses-reads')
  for (const one of [body, body, created('inbound/ses-reads')]) {
    assert.deepEqual(await feed({ ...ports, blobs: counted }, one), [])
  }
  assert.deepEqual(calls, ['open inbound/ses-reads'])
  assert.deepEqual(await ports.receiveQueue.depth(), { ready: 0, leased: 0, delayed: 0 })
})

test('after a crash between copy and owner, the retry receives for the owner too', async () => {
  const ports = await receivePorts()
  await put(ports, 'ses-half')
  ports.clock.advance(-ports.clock.now() + Date.parse('2026-11-22T12:00:05Z'))
  let transacts = 0
  const transact: Table['transact'] = (...args) => {
    if (++transacts > 1) throw new Error('crash')
    return ports.table.transact(...args)
  }
  const crashing = { ...ports, table: { ...ports.table, transact } }
  const body = receipt(['ada@kabutar.test', 'x@b.test'], 'ses-half')
  assert.equal((await feed(crashing, body)).length, 1)
  assert.deepEqual([(await received(ports, 'a')).length, (await received(ports, 'b')).length], [0, 1])
  assert.deepEqual(await receiveFromSes(ports, [{ ...entry(body), attempt: 2 }], never), [])
  assert.deepEqual(await feed(ports, created('inbound/ses-half')), [])
  assert.deepEqual([(await received(ports, 'a')).length, (await received(ports, 'b')).length], [1, 1])
})

test('of many objects in one entry, only those without a message are recovered', async () => {
  const ports = await receivePorts()
  const ids = Array.from({ length: 80 }, (_, n) => `ses-many-${n}`)
  for (const id of ids) await put(ports, id)
  for (const id of ids.slice(0, 6)) assert.deepEqual(await feed(ports, receipt(['ada@kabutar.test'], id)), [])
  const Records = ids.flatMap((id) => created(`inbound/${id}`).Records)
  assert.deepEqual(await feed(ports, { Records }), [])
  const rows = await received(ports, 'a')
  assert.deepEqual([rows.length, rows.filter(({ envelope }) => envelope.reconstructed).length], [80, 74])
})

test("SES's verdicts are stored in words of ours; a receipt without verdicts is received too", async () => {
  const cases = [
    { verdicts: {}, stored: undefined },
    { verdicts: { spamVerdict: { status: 'DISABLED' }, spfVerdict: { status: 'SOMETHING_NEW' } }, stored: undefined },
    {
      verdicts: {
        spfVerdict: { status: 'PASS' },
        dkimVerdict: { status: 'FAIL' },
        dmarcVerdict: { status: 'GRAY' },
        dmarcPolicy: 'reject',
        spamVerdict: { status: 'DISABLED' },
        virusVerdict: { status: 'PROCESSING_FAILED' },
      },
      stored: { spf: 'pass', dkim: 'fail', dmarc: 'none', virus: 'error' },
    },
  ]
  for (const [n, { verdicts, stored }] of cases.entries()) {
    const ports = await receivePorts()
    await put(ports, `ses-v${n}`)
    const body = receipt(['ada@kabutar.test'], `ses-v${n}`)
    assert.deepEqual(await feed(ports, { ...body, receipt: { ...body.receipt, ...verdicts } }), [])
    assert.deepEqual(await drainReceived(ports), [])
    const [row] = await received(ports, 'a')
    assert.deepEqual(row?.envelope.verdicts, stored)
  }
})

test('a notification that comes before its object is retried', async () => {
  const ports = await receivePorts()
  const body = receipt(['ada@kabutar.test', 'x@b.test'], 'ses-2')
  assert.deepEqual(await feed(ports, body), [
    { id: 'q', retryInMs: 5000, reason: 'StoreError: the blob of an accepted message is not there' },
  ])
  await put(ports, 'ses-2')
  // The owner of the object stays settled, although it may have lost its domain in the meantime.
  const again = { ...entry(receipt(['x@b.test'], 'ses-2')), attempt: 2 }
  assert.deepEqual(await receiveFromSes(ports, [again], never), [])
  const [theirs] = await received(ports, 'b')
  assert.equal(theirs?.content.blob, `b/${theirs?.id}`)
})

test('mail whose notification was lost is received with a reconstructed envelope', async () => {
  const ports = await receivePorts()
  await put(ports, 'ses-3')
  for (let times = 0; times < 2; times++) assert.deepEqual(await feed(ports, created('inbound/ses-3')), [])
  await drainReceived(ports)
  assert.deepEqual(
    (await received(ports, 'a')).map(({ envelope }) => [envelope.recipients, envelope.reconstructed]),
    [[['ada@kabutar.test'], true]],
  )
})

/** Recovers a message 16 minutes after its receipt, without a notification. */
async function recovered(ports: ReceiveRig, sesId: string): Promise<void> {
  await put(ports, sesId)
  ports.clock.advance(16 * 60_000)
  assert.deepEqual(await feed(ports, created(`inbound/${sesId}`)), [])
}

describe('a notification that comes after its message was recovered', () => {
  for (const drained of [true, false]) {
    test(`completes the envelope and changes nothing else${drained ? '' : ', with entries still in the queue'}`, async () => {
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
      const id = message?.id ?? ''
      const told = await readPayload(ports.table, 'a', id, receivedEventId('a', id))
      assert.deepEqual(JSON.parse(told?.body ?? '').data.received_for, ['ada@kabutar.test'], 'frozen')
    })
  }

  test('delivers it to an account that no header field named', async () => {
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

  test('leaves the object to the account that recovered it, and gives the others copies', async () => {
    const ports = await receivePorts()
    await put(ports, 'ses-other', LETTER.replace('ada@kabutar.test', 'x@b.test'))
    ports.clock.advance(16 * 60_000)
    for (let times = 0; times < 2; times++) {
      assert.deepEqual(await feed(ports, created('inbound/ses-other')), [])
      assert.deepEqual(await feed(ports, receipt(['ada@kabutar.test', 'x@b.test'], 'ses-other')), [])
    }
    const [[a], [b]] = [await received(ports, 'a'), await received(ports, 'b')]
    assert.deepEqual([a?.content.blob, b?.content.blob], [`a/${a?.id}`, 'inbound/ses-other'])
    await deleteReceived(ports, 'b', b?.id ?? '')
    assert.equal((await getWholeReceived(ports, 'a', a?.id ?? '')).reading.subject, 'Grüße')
  })

  test('does not bring back a message that was deleted in the meantime', async () => {
    const ports = await receivePorts()
    await recovered(ports, 'ses-gone')
    await drainReceived(ports)
    const [message] = await received(ports, 'a')
    await deleteReceived(ports, 'a', message?.id ?? '')
    assert.deepEqual(await feed(ports, receipt(['ada@kabutar.test'], 'ses-gone')), [])
    assert.deepEqual(await drainReceived(ports), [])
    assert.deepEqual(await received(ports, 'a'), [])
  })

  test('after it failed before the recovery, completes the envelope', async () => {
    const ports = await receivePorts()
    await put(ports, 'ses-slow')
    ports.clock.advance(14 * 60_000)
    const crashing = { ...ports, table: { ...ports.table, transact: () => Promise.reject(new Error('crash')) } }
    assert.equal((await feed(crashing, receipt(['ada@kabutar.test'], 'ses-slow'))).length, 1)
    assert.deepEqual(await feed(ports, created('inbound/ses-slow')), [])
    assert.deepEqual(await feed(ports, receipt(['ada@kabutar.test'], 'ses-slow')), [])
    assert.deepEqual(
      (await received(ports, 'a')).map(({ envelope }) => envelope.reconstructed),
      [undefined],
    )
  })
})

test('a notification that is repeated after the message was deleted has no effect', async () => {
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

test('mail for other domains stays in the bucket; tests of AWS have no effect', async () => {
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

test('an unreadable entry fails, and so ends in the dead-letter queue', async () => {
  const ports = await receivePorts()
  const long = { Records: [], more: 'x'.repeat(300_000) }
  for (const body of [{ notificationType: 'Received' }, { v: 1, a: 'a' }, 'no JSON', long]) {
    const [failure] = await feed(ports, body)
    assert.deepEqual([failure?.retryInMs, failure?.waits], [5000, undefined])
  }
})
