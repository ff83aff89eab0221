import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DRAFT, drain, KEY, type Rig, testPorts } from '@kabutar/testing/sending-rig.ts'
import { recentCounts } from '../accounts/reputation.ts'
import { getSent } from '../messages/read.ts'
import { RelayError } from '../ports/relay.ts'
import { reputationPartition } from '../store/keys.ts'
import { listSuppressions, removeSuppression, suppress } from '../suppressions/suppressions.ts'
import { eventsOf } from '../webhooks/event.ts'
import { recordOutcomes, Tally } from './outcomes.ts'
import { lastEvent, type Outcome } from './status.ts'
import { submit } from './submit.ts'

const to = (...names: string[]) => ({ ...DRAFT, to: names.map((name) => ({ name: '', address: `${name}@y.test` })) })
const suppressedNames = async ({ table }: Rig) =>
  (await listSuppressions(table, 'a', { limit: 100 })).items.map(({ address }) => address.split('@')[0])

async function send(ports: Rig, ...names: string[]) {
  const { id } = await submit(ports, KEY, to(...names))
  await drain(ports)
  return getSent(ports.table, 'a', id)
}

describe('an outcome suppresses the address', () => {
  const bounced = (rest: Partial<Outcome>): Partial<Outcome> => ({ status: 'bounced', ...rest })
  const cases: readonly { name: string; outcome: Partial<Outcome>; origin?: string }[] = [
    { name: '550 5.1.1', outcome: bounced({ replyCode: 550, enhanced: '5.1.1' }), origin: 'bounce' },
    { name: '553 5.1.3', outcome: bounced({ replyCode: 553, enhanced: '5.1.3' }), origin: 'bounce' },
    { name: '556 5.1.10', outcome: bounced({ replyCode: 556, enhanced: '5.1.10' }), origin: 'bounce' },
    { name: 'a plain 550 to the recipient', outcome: bounced({ replyCode: 550 }), origin: 'bounce' },
    { name: 'a plain 550 to the message', outcome: bounced({ replyCode: 550, refused: 'message' }) },
    { name: '550 that means the content', outcome: bounced({ replyCode: 550, enhanced: '5.7.1' }) },
    { name: '552 mailbox full', outcome: bounced({ replyCode: 552, enhanced: '5.2.2' }) },
    { name: 'a plain 554', outcome: bounced({ replyCode: 554 }) },
    {
      name: 'SES: 5.0.0 with a plain 550',
      outcome: bounced({ replyCode: 550, enhanced: '5.0.0', bounce: { type: 'Permanent', subType: 'General' } }),
      origin: 'bounce',
    },
    {
      name: 'SES: no such mailbox',
      outcome: bounced({ bounce: { type: 'Permanent', subType: 'NoEmail' } }),
      origin: 'bounce',
    },
    {
      name: 'SES: a transient bounce',
      outcome: bounced({ replyCode: 550, enhanced: '5.1.1', bounce: { type: 'Transient', subType: 'General' } }),
    },
    { name: "on the relay's own list", outcome: { status: 'suppressed' }, origin: 'bounce' },
    { name: 'a complaint', outcome: { status: 'complained' }, origin: 'complaint' },
    { name: 'deferred', outcome: { status: 'deferred', replyCode: 450, enhanced: '4.1.1' } },
    { name: 'a test address', outcome: bounced({ recipient: 'bounced@resend.dev', enhanced: '5.1.1' }) },
  ]
  for (const { name, outcome, origin } of cases) {
    test(`${name}: ${origin ?? 'not'}`, async () => {
      const ports = await testPorts()
      const message = await send(ports, 'bob')
      await recordOutcomes({ ...ports, tally: new Tally() }, message, {
        outcomes: [{ recipient: 'bob@y.test', status: 'sent', ...outcome }],
        events: [],
        change: () => undefined,
      })
      const { items } = await listSuppressions(ports.table, 'a', { limit: 10 })
      const expected = origin === undefined ? [] : [['bob@y.test', origin, message.id]]
      assert.deepEqual(
        items.map(({ address, origin, sourceId }) => [address, origin, sourceId]),
        expected,
      )
    })
  }
})

test('a recipient that bounced is not relayed to again until the address is removed from the list', async () => {
  const ports = await testPorts()
  ports.relay.answer = ({ recipients }) => ({
    relayId: '',
    outcome: 'sent',
    rejected: recipients
      .filter((recipient) => recipient === 'gone@y.test')
      .map((recipient) => ({ recipient, replyCode: 550, status: '5.1.1', diagnostic: '550 5.1.1 no' })),
  })
  await send(ports, 'gone')
  const { id, recipients } = await send(ports, 'gone', 'here')
  assert.deepEqual(
    recipients.map(({ status }) => status),
    ['suppressed', 'sent'],
  )
  assert.deepEqual(ports.relay.relayed.at(-1)?.recipients, ['here@y.test'])
  const event = (await eventsOf(ports.table, 'a', id)).find(({ type }) => type === 'email.suppressed')
  assert.equal((event?.data.suppressed as { reason: string } | undefined)?.reason, 'previous_bounce')
  await removeSuppression(ports.table, 'a', 'gone@y.test')
  ports.relay.answer = () => ({ relayId: '', outcome: 'sent', rejected: [] })
  assert.equal(lastEvent((await send(ports, 'gone')).recipients), 'sent')
})

test('a message whose recipients are all suppressed ends without the relay', async () => {
  const ports = await testPorts()
  await suppress(ports, 'a', { address: 'gone@y.test', origin: 'complaint' })
  const { id, due } = await send(ports, 'gone')
  assert.deepEqual([ports.relay.relayed.length, due], [0, undefined])
  const events = await eventsOf(ports.table, 'a', id)
  assert.deepEqual(
    events.map(({ type, data }) => [type, (data.suppressed as { reason: string }).reason]),
    [['email.suppressed', 'previous_complaint']],
  )
})

test('a throttle puts off the whole message, also recipients that need no relay', async () => {
  const ports = await testPorts()
  await suppress(ports, 'a', { address: 'gone@y.test', origin: 'manual' })
  ports.relay.answer = () => new RelayError('throttled', 'slow down', { retryAfterMs: 600_000 })
  const { attempts, recipients } = await send(ports, 'gone', 'here')
  assert.equal(attempts, 0)
  assert.ok(recipients.every(({ pending, status }) => pending && status === 'queued'))
  assert.deepEqual(await suppressedNames(ports), ['gone'])
})

test('a batch counts for the reputation of its account in one write, and test addresses do not count', async () => {
  const ports = await testPorts()
  ports.relay.answer = ({ recipients }) => ({
    relayId: '',
    outcome: 'sent',
    rejected: recipients
      .filter((recipient) => recipient === 'gone@y.test')
      .map((recipient) => ({ recipient, replyCode: 550, status: '5.1.1', diagnostic: '550 5.1.1 no' })),
  })
  for (const names of [['here'], ['gone', 'there']]) await submit(ports, KEY, to(...names))
  await submit(ports, KEY, { ...DRAFT, to: [{ name: '', address: 'delivered@resend.dev' }] })
  let counted = 0
  const write: typeof ports.table.write = async (one) => {
    if (one.kind === 'update' && one.key.pk === reputationPartition('a')) counted++
    return ports.table.write(one)
  }
  await drain({ ...ports, table: { ...ports.table, write } })
  assert.equal(counted, 1)
  assert.deepEqual(await recentCounts(ports, 'a'), { sent: 3, bounced: 1, complained: 0 })
})
