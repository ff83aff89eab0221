import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual, promisify } from 'node:util'
import type { Queue } from '@kabutar/core/ports/queue.ts'
import { ok, until } from '../../flows/support/ask.ts'
import { type Load, startLoad } from '../load.ts'
import { deliveryEventOf } from '../ses-hop.ts'
import { notificationOf } from '../ses-receipt.ts'

const REDRIVE = join(import.meta.dirname, '../../../packages/cli/src/redrive.ts')
const MAIL = 'From: Eve <eve@far.test>\r\nTo: ada@kabutar.test\r\nSubject: mended\r\n\r\ntext\r\n'

/** An unreadable entry for each queue, with characters that are easily lost. */
const POISON = {
  send: '{"v":99,"é😀":"\\u0000 \\"send\\""}',
  receive: 'no JSON either é😀',
  feedback: '{"eventType":"Bounce","é😀":"feedback"}',
  webhooks: 'no JSON é😀',
} as const
const ROLES = Object.keys(POISON) as (keyof typeof POISON)[]

describe('unreadable entries', () => {
  let load: Load
  before(async () => {
    load = await startLoad()
  })
  after(async () => {
    await load?.close()
  })

  test('move to the dead letters whole, without others, and come back by `npm run redrive`', {
    timeout: 120_000,
  }, async () => {
    const { platform } = load
    const stuck = await sentOne()
    for (const role of ROLES) await platform.queue(role).send([{ body: POISON[role] }])
    // Two readable entries, which have waited for longer than an entry may: the object of one is missing, and the rows of
    // the other cannot be written.
    const unread = { sesId: 'mended', raw: MAIL, recipients: ['ada@kabutar.test'] }
    const key = `${platform.wiring.created.prefix}${unread.sesId}`
    const told = notificationOf({ ...unread, key, receivedAt: new Date() })
    await platform.queue('receive').send([{ body: waitedTooLong(told) }])
    for (const operation of ['PutItem', 'UpdateItem', 'TransactWriteItems'])
      platform.dynamo.faults.push({ operation, kind: 'unavailable', about: stuck.id, times: 10_000 })
    const event = deliveryEventOf(stuck.mail, stuck.mail.recipients)
    await platform.queue('feedback').send([{ body: waitedTooLong(event) }])
    const named = [
      [waitedTooLong(told), 'mended'],
      [waitedTooLong(event), 'stuck'],
    ] as const
    const expected = [...Object.values(POISON), 'mended', 'stuck'].toSorted()
    await Promise.all([load.send(20), load.receive(10)])

    const arrived = async () => {
      const bodies = platform.deadLetters().map((body) => named.find(([whole]) => whole === body)?.[1] ?? body)
      return isDeepStrictEqual(bodies.toSorted(), expected)
    }
    await until('the dead letters, whole and no others', arrived, 60).catch((error) =>
      assert.fail(`${error}: ${platform.deadLetters()}`),
    )
    for (const role of ROLES) await removePoison(platform.queue({ deadLettersOf: role }))
    platform.dynamo.faults.length = 0
    await platform.put(unread)
    const env = { ...process.env, ...platform.env }
    await promisify(execFile)(process.execPath, [REDRIVE, '--stage', 'production'], { env, timeout: 60_000 })
    const mended = async () => {
      const { data } = await ok(load.resend.emails.receiving.list({ limit: 100 }))
      return data.some(({ subject }) => subject === 'mended') && (await lastEvent(stuck.id)) === 'delivered'
    }
    await until('the mended ones', mended, 30)
    await load.settle()
    assert.deepEqual(load.doubled(), [])
  })

  const lastEvent = async (id: string) => (await ok(load.resend.emails.get(id))).last_event
  /** Mail to this address gets no event. */
  async function sentOne() {
    const mail = { from: 'ada@kabutar.test', to: 'quiet@dest.test', subject: 's', text: 't' }
    const { id } = await ok(load.resend.emails.send(mail))
    await until('the message to be sent and its event delivered', async () => {
      const { leased } = await load.platform.queue('webhooks').depth()
      return load.delivered(`email.sent ${id}`) && leased === 0
    })
    const found = load.platform.ses.sent.find(({ tags }) => tags.kabutar_id === id)
    assert.ok(found)
    return { id, mail: found }
  }
})

const FIFTEEN_DAYS_MS = 15 * 24 * 3600_000
const SINCE = Date.now() - FIFTEEN_DAYS_MS

/** An entry as the sweep queues it that waited in the table: each failure of one that has waited for 14 days is counted. */
const waitedTooLong = (event: object) => JSON.stringify({ v: 1, waitingSince: SINCE, body: JSON.stringify(event) })

/** Deletes the dead letters of a queue, as an operator may. */
async function removePoison(queue: Queue): Promise<void> {
  const bodies: readonly string[] = Object.values(POISON)
  const letters = await queue.receive({ max: 10, visibilityMs: 30_000, waitMs: 0 })
  await queue.settle(
    letters.map((delivery) =>
      bodies.includes(delivery.body) ? { delivery, ok: true } : { delivery, ok: false, retryInMs: 0 },
    ),
  )
}
