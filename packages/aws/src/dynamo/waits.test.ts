import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { getSent } from '@kabutar/core/messages/read.ts'
import { readPause } from '@kabutar/core/sending/pauses.ts'
import { submit } from '@kabutar/core/sending/submit.ts'
import { DRAFT, drain, KEY, sweepSends, testPorts } from '@kabutar/testing/sending-rig.ts'
import { type SesFault, startSes } from '../../../../test/aws/ses.ts'
import { sesRelay } from '../ses/relay.ts'

const ses = await startSes()
after(() => ses.close())
beforeEach(() => {
  ses.sent.length = 0
  ses.faults.length = 0
  ses.account.answeredAt = Number.NEGATIVE_INFINITY
})

const MINUTE = 60_000
const OPTIONS = { region: 'eu-west-1', configurationSet: 'kabutar', concurrency: 1 } as const

async function rig() {
  const ports = await testPorts()
  const relay = { ...sesRelay(ses.client, { ...ports, ...OPTIONS }), relayed: [], answer: () => new Error() }
  const worker = { ...ports, relay }
  const send = async () => (await submit(worker, KEY, DRAFT)).id
  const pass = async (seconds: number, step = 10) => {
    for (let passed = 0; passed < seconds; passed += step) {
      ports.clock.advance(step * 1000)
      await sweepSends(worker)
      await drain(worker)
    }
  }
  const read = (id: string) => getSent(ports.table, KEY.accountId, id)
  const pause = () => readPause(ports.table, ports.clock.now(), KEY.accountId)
  return { worker, send, pass, read, pause }
}

const waits: readonly { fault: SesFault; reason: string; ms: number }[] = [
  { fault: 'rate', reason: 'throttled', ms: 1000 },
  { fault: 'too many requests', reason: 'throttled', ms: 1000 },
  { fault: 'quota', reason: 'quota', ms: 60 * MINUTE },
  { fault: 'limit exceeded', reason: 'quota', ms: 60 * MINUTE },
  { fault: 'paused', reason: 'relay_paused', ms: 15 * MINUTE },
  { fault: 'suspended', reason: 'relay_paused', ms: 15 * MINUTE },
]
for (const { fault, reason, ms } of waits) {
  test(`${fault}: after one message met it, all wait; none fails or uses up an attempt`, async () => {
    const { worker, send, pass, read, pause } = await rig()
    ses.faults.push(fault)
    const first = await send()
    await drain(worker)
    const until = await pause()
    assert.deepEqual([until?.reason, (until?.until ?? 0) - worker.clock.now()], [reason, ms])
    const others = [await send(), await send()]
    await drain(worker)
    if (ms > MINUTE) await pass(ms / 1000 - 60, 30)
    assert.equal(ses.sent.length, 0)
    await pass(5 * 60, 10)
    assert.deepEqual(ses.sent.map(({ tags }) => tags.kabutar_id).toSorted(), [first, ...others].toSorted())
    for (const id of [first, ...others]) {
      const { attempts, recipients, due } = await read(id)
      assert.deepEqual([attempts, recipients[0]?.status, due], [1, 'sent', undefined])
    }
    assert.equal(await pause(), undefined)
  })
}

test('a throttle that lasts an hour is met less and less often, and the mail is sent in the end', async () => {
  const { worker, send, pass, read } = await rig()
  ses.faults.push(...Array.from<SesFault>({ length: 1000 }).fill('too many requests'))
  const id = await send()
  await drain(worker)
  await pass(3600)
  const asked = 1000 - ses.faults.length
  assert.ok(asked < 30, `${asked} times`)
  ses.faults.length = 0
  await pass(600)
  assert.deepEqual([(await read(id)).attempts, ses.sent.length], [1, 1])
})

test('a MAIL FROM domain that is not verified fails its message, and other messages do not wait', async () => {
  const { worker, send, read, pause } = await rig()
  ses.faults.push('mail from not verified')
  const failed = await send()
  await drain(worker)
  assert.equal((await read(failed)).recipients[0]?.status, 'failed')
  assert.equal(await pause(), undefined)
  const sent = await send()
  await drain(worker)
  assert.equal((await read(sent)).recipients[0]?.status, 'sent')
})
