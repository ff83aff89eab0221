import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DRAFT, drain, KEY, queueAttempt, type Rig, sweepSends, testPorts } from '@kabutar/testing/sending-rig.ts'
import { blobKey } from '../messages/blob-keys.ts'
import { getSent } from '../messages/read.ts'
import { RelayError } from '../ports/relay.ts'
import { StoreError } from '../ports/table.ts'
import { eventsOf } from '../webhooks/event.ts'
import { sendBatch } from './send.ts'
import { lastEvent } from './status.ts'
import { submit } from './submit.ts'

const MINUTE = 60_000
const to = (...addresses: string[]) => ({ ...DRAFT, to: addresses.map((address) => ({ name: '', address })) })
const read = (ports: Rig, id: string) => getSent(ports.table, KEY.accountId, id)
const statuses = async (ports: Rig, id: string) =>
  Object.fromEntries((await read(ports, id)).recipients.map(({ address, status }) => [address.split('@')[0], status]))
const eventTypes = async (ports: Rig, id: string) =>
  (await eventsOf(ports.table, KEY.accountId, id))
    .map(({ type, recipient }) => `${type} ${recipient.split('@')[0]}`)
    .sort()

/** Advances the clock minute by minute, with a sweep and the queue each time. */
async function pass(ports: Rig, minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    ports.clock.advance(MINUTE)
    await sweepSends(ports)
    await drain(ports)
  }
}

const rejected = (recipient: string, replyCode: number, status: string) => ({
  recipient,
  replyCode,
  status,
  diagnostic: `${replyCode} ${status} no`,
})

describe('send', () => {
  test('relays to the envelope, with Bcc in it and not in the message', async () => {
    const ports = await testPorts()
    const draft = { ...to('bob@y.test', 'bob@y.test'), bcc: [{ name: '', address: 'eve@y.test' }] }
    const { id } = await submit(ports, KEY, draft)
    await drain(ports)
    const [relayed] = ports.relay.relayed
    assert.deepEqual(relayed?.recipients, ['bob@y.test', 'eve@y.test'])
    assert.equal(relayed?.returnPath, `bounces+${id}@kabutar.test`)
    assert.ok(!Buffer.from(relayed?.raw ?? []).includes('eve@y.test'))
    assert.deepEqual(await statuses(ports, id), { bob: 'sent', eve: 'sent' })
  })

  test('a relay that fails is the reason of the status and of the event, with the next attempt', async () => {
    const ports = await testPorts()
    ports.relay.answer = () => new RelayError('transient', 'connect ECONNREFUSED 127.0.0.1:1')
    const { id } = await submit(ports, KEY, DRAFT)
    await drain(ports)
    const { recipients, notBefore } = await read(ports, id)
    assert.deepEqual(recipients, [
      {
        address: 'bob@y.test',
        status: 'delivery_delayed',
        pending: true,
        diagnostic: 'connect ECONNREFUSED 127.0.0.1:1',
      },
    ])
    const [event] = await eventsOf(ports.table, KEY.accountId, id)
    assert.deepEqual(event?.data.delivery_delayed, {
      reason: 'connect ECONNREFUSED 127.0.0.1:1',
      next_attempt_at: new Date(notBefore).toISOString(),
    })
    ports.relay.answer = () => new RelayError('ambiguous', 'connection lost')
    await pass(ports, 1)
    assert.equal((await read(ports, id)).recipients[0]?.diagnostic, 'connection lost')
    ports.relay.answer = () => ({ relayId: '', outcome: 'sent', rejected: [] })
    await pass(ports, 16)
    assert.deepEqual((await read(ports, id)).recipients, [{ address: 'bob@y.test', status: 'sent', pending: false }])
  })

  test('a deferral repeats the attempt for the deferred recipients only', async () => {
    const ports = await testPorts()
    ports.relay.answer = () => ({
      relayId: '',
      outcome: 'sent',
      rejected: [rejected('later@y.test', 450, '4.2.0'), rejected('gone@y.test', 550, '5.1.1')],
    })
    const { id } = await submit(ports, KEY, to('now@y.test', 'later@y.test', 'gone@y.test'))
    await drain(ports)
    assert.deepEqual(await statuses(ports, id), { now: 'sent', later: 'delivery_delayed', gone: 'bounced' })
    assert.equal(lastEvent((await read(ports, id)).recipients), 'bounced')

    ports.relay.answer = () => ({ relayId: '', outcome: 'sent', rejected: [] })
    await pass(ports, 2)
    assert.deepEqual(
      ports.relay.relayed.map((relayed) => relayed.recipients),
      [['now@y.test', 'later@y.test', 'gone@y.test'], ['later@y.test']],
    )
    assert.deepEqual(await statuses(ports, id), { now: 'sent', later: 'sent', gone: 'bounced' })
    assert.deepEqual(await eventTypes(ports, id), [
      'email.bounced gone',
      'email.delivery_delayed later',
      'email.sent ',
      'email.sent ',
    ])
    assert.equal((await read(ports, id)).due, undefined)
  })

  test('gives up when the schedule is used up, and keeps its times', async () => {
    const ports = await testPorts()
    ports.relay.answer = () => new RelayError('transient', '451 4.3.0 not now', { replyCode: 451 })
    const started = ports.clock.now()
    const attempts: number[] = []
    const answer = ports.relay.answer
    ports.relay.answer = (envelope) => {
      attempts.push(Math.round((ports.clock.now() - started) / MINUTE))
      return answer(envelope)
    }
    const { id } = await submit(ports, KEY, DRAFT)
    await drain(ports)
    await pass(ports, 40)
    assert.deepEqual(attempts, [0, 1, 6, 21], '1, 5 and 15 minutes after the one before')
    assert.deepEqual(await statuses(ports, id), { bob: 'failed' })
    assert.equal((await eventTypes(ports, id)).filter((type) => type === 'email.failed bob').length, 1)
  })

  test('an early duplicate of an entry does not relay before its time', async () => {
    const ports = await testPorts()
    ports.relay.answer = () => new RelayError('transient', 'not now')
    const { id } = await submit(ports, KEY, DRAFT)
    await drain(ports)
    ports.relay.answer = () => ({ relayId: '', outcome: 'sent', rejected: [] })
    await queueAttempt(ports, id)
    await drain(ports)
    assert.equal(ports.relay.relayed.length, 0)
  })

  test('a throttle is a wait and no attempt', async () => {
    const ports = await testPorts()
    ports.relay.answer = () => new RelayError('throttled', 'slow down', { retryAfterMs: 10 * MINUTE })
    const { id } = await submit(ports, KEY, DRAFT)
    await drain(ports)
    const waiting = await read(ports, id)
    assert.equal(waiting.attempts, 0)
    assert.equal(waiting.notBefore, ports.clock.now() + 10.5 * MINUTE, 'spread over a minute')
    assert.deepEqual(await statuses(ports, id), { bob: 'queued' })
    ports.relay.answer = () => ({ relayId: '', outcome: 'sent', rejected: [] })
    await pass(ports, 12)
    assert.equal(ports.relay.relayed.length, 1)
  })

  test('an ambiguous end waits 15 minutes, goes again, is counted, and ends as failed with the schedule', async () => {
    const ports = await testPorts()
    ports.relay.answer = () => new RelayError('ambiguous', 'connection lost after the data')
    const { id } = await submit(ports, KEY, DRAFT)
    await drain(ports)
    await pass(ports, 13)
    assert.equal((await read(ports, id)).attempts, 1)
    await pass(ports, 3)
    assert.equal((await read(ports, id)).ambiguous, 2)
    await pass(ports, 60)
    assert.deepEqual(await statuses(ports, id), { bob: 'failed' })
  })

  test('test addresses have their outcomes and are never relayed to', async () => {
    const ports = await testPorts()
    const names = ['delivered', 'bounced+label', 'complained', 'suppressed']
    const { id } = await submit(ports, KEY, to(...names.map((name) => `${name}@resend.dev`)))
    await drain(ports)
    assert.equal(ports.relay.relayed.length, 0)
    assert.deepEqual(await statuses(ports, id), {
      delivered: 'delivered',
      'bounced+label': 'bounced',
      complained: 'complained',
      suppressed: 'suppressed',
    })
    assert.deepEqual(await eventTypes(ports, id), [
      'email.bounced bounced+label',
      'email.complained complained',
      'email.delivered complained',
      'email.delivered delivered',
      'email.sent ',
      'email.suppressed suppressed',
    ])
  })

  test('a live lease of another process is respected, an expired one is taken over', async () => {
    const ports = await testPorts()
    const shared = { ...ports, worker: { id: 'lambda-1', exclusive: false } }
    const { id } = await submit(ports, KEY, DRAFT)
    ports.relay.answer = () => {
      throw new Error('the process is stopped here')
    }
    await drain(shared)
    ports.relay.answer = () => ({ relayId: '', outcome: 'sent', rejected: [] })
    const other = { ...ports, worker: { id: 'lambda-2', exclusive: false } }
    await queueAttempt(ports, id)
    await drain(other)
    assert.equal(ports.relay.relayed.length, 0)
    ports.clock.advance(51_000)
    await queueAttempt(ports, id)
    await drain(other)
    assert.equal(ports.relay.relayed.length, 1)
    assert.equal((await read(ports, id)).attempts, 1)
  })

  test('a restart of an exclusive worker does not wait for its old lease', async () => {
    const ports = await testPorts()
    const { id } = await submit(ports, KEY, DRAFT)
    ports.relay.answer = () => {
      throw new Error('the process is stopped here')
    }
    await drain(ports)
    ports.relay.answer = () => ({ relayId: '', outcome: 'sent', rejected: [] })
    await queueAttempt(ports, id)
    await drain({ ...ports, worker: { id: 'boot-2', exclusive: true } })
    assert.deepEqual(await statuses(ports, id), { bob: 'sent' })
  })

  test('an entry that is faster than its rows comes back once, one without rows ends', async () => {
    const ports = await testPorts()
    await queueAttempt(ports, ports.ids.next())
    assert.equal(await drain(ports), 1)
    ports.clock.advance(3000)
    assert.equal(await drain(ports), 1)
    ports.clock.advance(MINUTE)
    assert.equal(await drain(ports), 0)
    assert.deepEqual(await ports.sendQueue.depth(), { ready: 0, leased: 0, delayed: 0 })
  })

  test('an entry waits for a table that is away, with no attempt counted, and after a shutdown', async () => {
    const ports = await testPorts()
    await submit(ports, KEY, DRAFT)
    const batch = await ports.sendQueue.receive({ max: 10, visibilityMs: MINUTE, waitMs: 0 })
    const away = (error: Error) => ({ ...ports, table: { ...ports.table, write: () => Promise.reject(error) } })
    const waits = async (error: Error, signal = new AbortController().signal) =>
      (await sendBatch(away(error), batch, signal)).map((failure) => failure.waits === true)
    assert.deepEqual(await waits(new StoreError('Unavailable', 'the disk is full')), [true])
    assert.deepEqual(await waits(new Error('a defect')), [false])
    assert.deepEqual(await waits(new Error('a defect'), AbortSignal.abort()), [true])
  })

  test('sweeps that run at once queue a row once', async () => {
    const ports = await testPorts()
    for (let n = 0; n < 20; n++) await submit(ports, KEY, DRAFT)
    await drain(ports)
    const { id } = await submit({ ...ports, sendQueue: { ...ports.sendQueue, send: async () => {} } }, KEY, DRAFT)
    ports.clock.advance(3 * MINUTE)
    const queued = await Promise.all([sweepSends(ports), sweepSends(ports), sweepSends(ports)])
    assert.equal(
      queued.reduce((sum, one) => sum + one, 0),
      1,
    )
    await drain(ports)
    assert.deepEqual(await statuses(ports, id), { bob: 'sent' })
  })
})

describe('a message whose content is not there', () => {
  const large = { ...DRAFT, attachments: [{ filename: 'a', content: Buffer.from('a') }] }

  async function submitted() {
    const ports = await testPorts()
    const { id } = await submit(ports, KEY, large)
    const key = blobKey(KEY.accountId, id)
    const content = await ports.blobs.get(key)
    await ports.blobs.delete([key])
    await pass(ports, 60)
    return { ports, id, restore: () => ports.blobs.put(key, content ?? Buffer.alloc(0), { maxBytes: 1e6 }) }
  }

  test('waits in its row with no more than one entry, and goes once it is back', async () => {
    const { ports, id, restore } = await submitted()
    const { ready, leased, delayed } = await ports.sendQueue.depth()
    assert.ok(ready + leased + delayed <= 1)
    await restore()
    await pass(ports, 20)
    assert.deepEqual(await statuses(ports, id), { bob: 'sent' })
    assert.equal((await read(ports, id)).attempts, 1)
  })

  test('has failed when it is not back after 14 days', async () => {
    const { ports, id } = await submitted()
    for (let day = 0; day < 14; day++) {
      assert.deepEqual(await statuses(ports, id), { bob: 'queued' })
      ports.clock.advance(24 * 60 * MINUTE)
      await pass(ports, 1)
    }
    assert.deepEqual(await statuses(ports, id), { bob: 'failed' })
    assert.deepEqual(await eventTypes(ports, id), ['email.failed bob'])
  })
})
