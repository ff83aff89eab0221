import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Crash, type Death, deathAt, mortal } from '@kabutar/testing/mortal.ts'
import { DRAFT, drain, KEY, type Rig, sweepSends, type TestPorts, testPorts } from '@kabutar/testing/sending-rig.ts'
import { getSent } from '../messages/read.ts'
import { findThread } from '../messages/threads.ts'
import { suppressedAmong } from '../suppressions/suppressions.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'
import { eventsOf } from '../webhooks/event.ts'
import { submit } from './submit.ts'

function mortalPorts(ports: TestPorts, death: Death): TestPorts {
  return {
    ...ports,
    table: mortal(ports.table, death, 'table'),
    sendQueue: mortal(ports.sendQueue, death, 'queue'),
    webhookQueue: mortal(ports.webhookQueue, death, 'webhooks'),
    relay: mortal(ports.relay, death, 'relay'),
  }
}

/** A new process, whose leases void those of the old one, works until all waits are over. */
async function recover(ports: Rig): Promise<void> {
  const next = { ...ports, worker: { id: 'boot-2', exclusive: true } }
  for (let minutes = 0; minutes < 60; minutes++) {
    await sweepSends(next)
    await drain(next)
    ports.clock.advance(60_000)
  }
}

const MAX_STEPS = 60
const HOOK = { url: 'https://app.test/hook', events: ['email.sent'] } as const

for (const idempotencyKey of [undefined, 'order-1']) {
  for (const after of [false, true]) {
    const when = `${after ? 'after' : 'before'} any step${idempotencyKey ? ' of an idempotent send' : ''}`
    describe(`a crash ${when}`, () => {
      test('loses no accepted message and leaves true statuses', async () => {
        const doubled = new Set<string>()
        let crashes = 0
        for (let at = 1; at <= MAX_STEPS; at++) {
          const ports = await testPorts()
          await createEndpoint(ports, KEY.accountId, HOOK)
          const death = deathAt(at, after)
          const mortals = mortalPorts(ports, death)
          const accepted = await submit(mortals, KEY, DRAFT, idempotencyKey).catch(() => undefined)
          await drain(mortals).catch(() => undefined)
          if (!death.dead) break
          crashes++
          await recover(ports)
          const relayed = ports.relay.relayed.length
          if (accepted === undefined) continue
          assert.ok(relayed >= 1, `lost at ${death.name} (${at})`)
          if (relayed > 1) doubled.add(death.name)
          const message = await getSent(ports.table, KEY.accountId, accepted.id)
          assert.deepEqual(message.recipients, [{ address: 'bob@y.test', status: 'sent', pending: false }], death.name)
          assert.equal(message.due, undefined, death.name)
          assert.ok((await ports.webhookQueue.depth()).ready >= 1, `no webhook after ${death.name} (${at})`)
          const events = await eventsOf(ports.table, KEY.accountId, accepted.id)
          assert.deepEqual(
            events.map((event) => event.type),
            ['email.sent'],
            death.name,
          )
        }
        assert.ok(crashes > 8 && crashes < MAX_STEPS, `${crashes} steps`)
        // This window can't be closed: the relay has the message, and our first event is not written yet.
        assert.deepEqual([...doubled].sort(), after ? ['relay.send'] : ['table.write'])
      })
    })
  }
}

test('the second attempt after a crash in the window sends the same bytes', async () => {
  const ports = await testPorts()
  const { id } = await submit(ports, KEY, DRAFT)
  const real = ports.relay.send.bind(ports.relay)
  ports.relay.send = async (...args) => {
    await real(...args)
    throw new Crash()
  }
  await drain(ports)
  ports.relay.send = real
  await recover(ports)
  const [first, second, ...more] = ports.relay.relayed
  assert.equal(more.length, 0)
  assert.deepEqual(first?.raw, second?.raw)
  assert.equal(first?.messageId, `<${id}@kabutar.test>`)
})

for (const after of [false, true]) {
  test(`a crash ${after ? 'after' : 'before'} any step of a bounce leaves the address suppressed, with one event each`, async () => {
    let crashes = 0
    for (let at = 1; at <= MAX_STEPS; at++) {
      const ports = await testPorts()
      ports.relay.answer = ({ recipients }) => ({
        relayId: 'r',
        messageId: '<r@relay.test>',
        outcome: 'sent',
        rejected: recipients
          .filter((recipient) => recipient.startsWith('gone'))
          .map((recipient) => ({ recipient, replyCode: 550, status: '5.1.1', diagnostic: '550 5.1.1 no' })),
      })
      const to = ['gone@y.test', 'here@y.test'].map((address) => ({ name: '', address }))
      const { id } = await submit(ports, KEY, { ...DRAFT, to })
      const death = deathAt(at, after)
      await drain(mortalPorts(ports, death)).catch(() => undefined)
      if (!death.dead) break
      crashes++
      await recover(ports)
      const list = await suppressedAmong(ports.table, KEY.accountId, ['gone@y.test', 'here@y.test'])
      assert.deepEqual([...list.keys()], ['gone@y.test'], death.name)
      assert.equal(await findThread(ports, KEY.accountId, ['<r@relay.test>']), id, death.name)
      const { recipients } = await getSent(ports.table, KEY.accountId, id)
      assert.deepEqual(
        recipients.map(({ status }) => status),
        ['bounced', 'sent'],
        death.name,
      )
      const types = (await eventsOf(ports.table, KEY.accountId, id)).map(({ type }) => type)
      assert.deepEqual(types.sort(), ['email.bounced', 'email.sent'], death.name)
    }
    assert.ok(crashes > 8 && crashes < MAX_STEPS, `${crashes} steps`)
  })
}
