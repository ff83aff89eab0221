import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { countingTable } from '@kabutar/testing/counting-table.ts'
import { DRAFT, drain, KEY, queueAttempt, type Rig, sweepSends, testPorts } from '@kabutar/testing/sending-rig.ts'
import { resumeAccount } from '../accounts/reputation.ts'
import { getSent } from '../messages/read.ts'
import { RelayError, type RelayPause } from '../ports/relay.ts'
import { row } from '../store/codec.ts'
import { accountPauseKey } from '../store/keys.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'
import { eventsOf } from '../webhooks/event.ts'
import { pauseOf, pauseRelay, readPause } from './pauses.ts'
import { submit } from './submit.ts'

const MINUTE = 60_000
const ok = () => ({ relayId: '', outcome: 'sent', rejected: [] }) as const

async function pass(ports: Rig, minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    ports.clock.advance(MINUTE)
    await sweepSends(ports)
    await drain(ports)
  }
}

/** Makes the relay refuse all mail, and counts its calls. */
function refusing(ports: Rig, pause: RelayPause, retryAfterMs: number) {
  const calls = { made: 0 }
  ports.relay.answer = () => {
    calls.made++
    return new RelayError('throttled', 'no', { retryAfterMs, pause })
  }
  return calls
}

async function submitMany(ports: Rig, count: number): Promise<readonly string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n++) ids.push((await submit(ports, KEY, DRAFT)).id)
  return ids
}

describe('a relay that takes no mail', () => {
  test('is tried by one batch and by no other until its quota is free; no message fails', async () => {
    const ports = await testPorts()
    const calls = refusing(ports, 'quota', 60 * MINUTE)
    const ids = await submitMany(ports, 40)
    await drain(ports)
    assert.ok(calls.made <= 10, `${calls.made} calls`)
    await pass(ports, 58)
    assert.ok(calls.made <= 10, `${calls.made} calls within the hour`)
    assert.deepEqual(await ports.sendQueue.depth(), { ready: 0, leased: 0, delayed: 0 })
    const pause = await readPause(ports.table, ports.clock.now(), KEY.accountId)
    assert.deepEqual([pause?.reason, (pause?.until ?? 0) - ports.clock.now()], ['quota', 2 * MINUTE])
    ports.relay.answer = ok
    await pass(ports, 4)
    assert.equal(ports.relay.relayed.length, 40)
    for (const id of ids) {
      const { attempts, recipients } = await getSent(ports.table, KEY.accountId, id)
      assert.deepEqual([attempts, recipients[0]?.status], [1, 'sent'])
      assert.deepEqual(
        (await eventsOf(ports.table, KEY.accountId, id)).map(({ type }) => type),
        ['email.sent'],
      )
    }
  })

  test('a short pause ends the entry, too, and the sweep begins a new one without another attempt', async () => {
    const ports = await testPorts()
    await pauseRelay(ports, 'throttled', 30_000)
    const [id = ''] = await submitMany(ports, 1)
    await drain(ports)
    assert.deepEqual(await ports.sendQueue.depth(), { ready: 0, leased: 0, delayed: 0 })
    assert.equal((await getSent(ports.table, KEY.accountId, id)).attempts, 0)
    assert.equal(await sweepSends(ports), 1)
    ports.clock.advance(33_000)
    await drain(ports)
    assert.equal(ports.relay.relayed.length, 1)
  })

  test('pauses double while throttles follow them at once, and start small after a rest', async () => {
    const ports = await testPorts()
    const lengths: number[] = []
    for (let n = 0; n < 10; n++) {
      const { until } = await pauseRelay(ports, 'throttled', 1000)
      lengths.push((until - ports.clock.now()) / 1000)
      ports.clock.advance(until - ports.clock.now() + 500)
    }
    assert.deepEqual(lengths, [1, 2, 4, 8, 16, 32, 64, 128, 240, 240])
    ports.clock.advance(5 * MINUTE)
    assert.equal((await pauseRelay(ports, 'throttled', 1000)).until - ports.clock.now(), 1000)
  })

  test('of many throttles at once one decides, and a longer pause wins', async () => {
    const ports = await testPorts()
    const pauses = await Promise.all(Array.from({ length: 10 }, () => pauseRelay(ports, 'throttled', 1000)))
    assert.equal(new Set(pauses.map(({ until }) => until)).size, 1)
    await pauseRelay(ports, 'quota', 60 * MINUTE)
    await pauseRelay(ports, 'throttled', 1000)
    const pause = await readPause(ports.table, ports.clock.now(), 'a')
    assert.deepEqual([pause?.reason, (pause?.until ?? 0) - ports.clock.now()], ['quota', 60 * MINUTE])
  })

  test('callers at the same time share one read, and a read that failed is made again', async () => {
    const ports = await testPorts()
    const table = countingTable(ports.table)
    const counted = { ...ports, table }
    const ask = () => Promise.all(Array.from({ length: 10 }, () => pauseOf(counted, KEY.accountId)))
    await ask()
    assert.equal(table.units().read, 2)
    ports.clock.advance(5000)
    const { get } = table
    table.get = () => Promise.reject(new Error('not now'))
    await assert.rejects(ask(), /not now/)
    table.get = get
    await ask()
    assert.equal(table.units().read, 4)
  })

  test('a throttle of one message pauses no other', async () => {
    const ports = await testPorts()
    ports.relay.answer = () => new RelayError('throttled', 'no', { retryAfterMs: 10 * MINUTE })
    await submitMany(ports, 1)
    await drain(ports)
    assert.equal(await readPause(ports.table, ports.clock.now(), 'a'), undefined)
  })

  test('an entry whose webhooks were not queued queues them during a pause', async () => {
    const ports = await testPorts()
    await createEndpoint(ports, KEY.accountId, { url: 'https://app.test/hook', events: ['email.sent'] })
    await submitMany(ports, 1)
    let failed = false
    const webhookQueue: Rig['webhookQueue'] = {
      ...ports.webhookQueue,
      async send(outgoing) {
        if (!failed) {
          failed = true
          throw new Error('the queue is away')
        }
        return ports.webhookQueue.send(outgoing)
      },
    }
    await drain({ ...ports, webhookQueue })
    await pauseRelay(ports, 'throttled', 60_000)
    ports.clock.advance(5000)
    await drain({ ...ports, webhookQueue })
    ports.clock.advance(2 * MINUTE)
    await drain({ ...ports, webhookQueue })
    assert.equal((await ports.webhookQueue.depth()).ready, 1)
  })

  test('an attempt whose end is known is recorded during a pause', async () => {
    const ports = await testPorts()
    const [id = ''] = await submitMany(ports, 1)
    const write = ports.table.write.bind(ports.table)
    let events = 0
    const dying: typeof ports.table.write = async (one) => {
      if (events > 0) throw new Error('the process is stopped here')
      if (one.kind === 'put' && one.item.pk.includes('#ev#')) events++
      return write(one)
    }
    await drain({ ...ports, table: { ...ports.table, write: dying } })
    await pauseRelay(ports, 'quota', 60 * MINUTE)
    await queueAttempt(ports, id)
    await drain({ ...ports, worker: { id: 'boot-2', exclusive: true } })
    const { recipients } = await getSent(ports.table, KEY.accountId, id)
    assert.deepEqual([ports.relay.relayed.length, recipients[0]?.status], [1, 'sent'])
  })
})

describe('an account paused for its reputation', () => {
  async function pauseAccount(ports: Rig): Promise<void> {
    await ports.table.write({ kind: 'put', item: row('account-pause', accountPauseKey(KEY.accountId), { at: 0 }) })
    ports.caches.pauses.clear()
  }

  test('can submit no mail, and its accepted mail waits until it is resumed', async () => {
    const ports = await testPorts()
    await submitMany(ports, 3)
    const earlier = await submit(ports, KEY, DRAFT, 'key-1')
    await pauseAccount(ports)
    await assert.rejects(submit(ports, KEY, DRAFT), { code: 'sending_paused', temporary: true })
    assert.deepEqual(await submit(ports, KEY, DRAFT, 'key-1'), earlier, 'what was accepted is answered again')
    await drain(ports)
    await pass(ports, 60)
    assert.equal(ports.relay.relayed.length, 0)
    await resumeAccount(ports, KEY.accountId)
    await pass(ports, 17)
    assert.equal(ports.relay.relayed.length, 4)
  })

  test('does not repeat an attempt that a crash left behind', async () => {
    const ports = await testPorts()
    const [id = ''] = await submitMany(ports, 1)
    ports.relay.answer = () => {
      throw new Error('the process is stopped here')
    }
    await drain(ports)
    await pauseAccount(ports)
    ports.relay.answer = ok
    ports.clock.advance(5000)
    await drain({ ...ports, worker: { id: 'boot-2', exclusive: true } })
    assert.equal(ports.relay.relayed.length, 0)
    await resumeAccount(ports, KEY.accountId)
    await pass(ports, 17)
    const { attempts, recipients } = await getSent(ports.table, KEY.accountId, id)
    assert.deepEqual([attempts, recipients[0]?.status], [1, 'sent'])
  })

  test('is noticed by other processes within five seconds', async () => {
    const ports = await testPorts()
    await submitMany(ports, 1)
    await ports.table.write({ kind: 'put', item: row('account-pause', accountPauseKey(KEY.accountId), { at: 0 }) })
    ports.clock.advance(5000)
    await assert.rejects(submit(ports, KEY, DRAFT), { code: 'sending_paused' })
  })

  test('is paused by the outcomes of its own attempts', async () => {
    const ports = await testPorts()
    const draft = (name: string) => ({
      ...DRAFT,
      to: Array.from({ length: 50 }, (_, n) => ({ name: '', address: `${name}${n}@y.test` })),
    })
    ports.relay.answer = ({ recipients }) => ({
      relayId: '',
      outcome: 'sent',
      rejected: recipients
        .filter((recipient) => recipient.startsWith('gone'))
        .map((recipient) => ({ recipient, replyCode: 550, status: '5.1.1', diagnostic: 'no' })),
    })
    for (let n = 0; n < 20; n++) {
      await submit(ports, KEY, draft(`here${n}-`))
      await drain(ports)
    }
    await submit(ports, KEY, draft('gone'))
    await drain(ports)
    await submit(ports, KEY, DRAFT)
    await submit(ports, KEY, draft('gone-too'))
    await drain(ports)
    await assert.rejects(submit(ports, KEY, DRAFT), { code: 'sending_paused' })
  })
})
