import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, beforeEach, test } from 'node:test'
import type { LogFields } from '@kabutar/core/ports/log.ts'
import { relayContract } from '@kabutar/core/ports/relay.contract.ts'
import { RelayError } from '@kabutar/core/ports/relay.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { silent } from '@kabutar/testing/sending-rig.ts'
import { standIn } from '../../../../test/aws/servers.ts'
import { startSes } from '../../../../test/aws/ses.ts'
import { sesClient } from './client.ts'
import { sesMessageId, sesRelay } from './relay.ts'

const ses = await startSes()
after(() => ses.close())
beforeEach(() => {
  ses.sent.length = 0
  Object.assign(ses.account, { answeredAt: Number.NEGATIVE_INFINITY, fails: false })
})

type Options = Parameters<typeof sesRelay>[1]
/** The options of a worker, by default on a table of its own. */
const worker = (more: Partial<Options> = {}): Options => ({
  region: 'us-east-1',
  configurationSet: 'kabutar',
  concurrency: 1,
  clock: systemClock,
  log: silent,
  table: sqliteTable(memoryEngine(), more.clock ?? systemClock),
  random: Math.random,
  ...more,
})
const relay = sesRelay(ses.client, worker())
const OWN_RETURN_PATH = 'SES puts its own MAIL FROM in place of the return path'
const FAULT_OF = {
  throttled: 'rate',
  transient: 'forbidden',
  permanent: 'rejected',
  ambiguous: 'dropped after acceptance',
} as const
relayContract(
  'SES',
  async () => ({
    relay,
    received: () => ses.sent.map(({ raw, recipients }) => ({ envelope: { returnPath: '', recipients }, raw })),
    fail: (kind) => ses.faults.push(FAULT_OF[kind]),
  }),
  {
    'the next hop takes the bytes and the envelope as they are': OWN_RETURN_PATH,
    'a notification has an empty return path': OWN_RETURN_PATH,
  },
)

const RAW = Buffer.from(
  'From: Ünser <a@kabutar.test>\r\nTo: header@x.test\r\nSubject: s\r\n\r\nbody \xff\x00\r\n',
  'latin1',
)
const ENVELOPE = { returnPath: 'bounce@kabutar.test', recipients: ['b@x.test', 'c@x.test'] }
const OPTIONS = { messageId: '<1@kabutar.test>', tags: { 'kabutar-id': '0190-a_B' } }

async function failure(promise: Promise<unknown>): Promise<RelayError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof RelayError, String(error))
  return error
}

test('SES gets the bytes, the recipients and the tags unchanged', async () => {
  const result = await relay.send(ENVELOPE, RAW, OPTIONS)
  const [mail] = ses.sent
  const messageId = `<${mail?.id}@email.amazonses.com>`
  assert.deepEqual(result, { relayId: mail?.id, messageId, outcome: 'sent', rejected: [] })
  assert.ok(mail?.raw.equals(RAW))
  assert.deepEqual(mail?.recipients, ['b@x.test', 'c@x.test'])
  assert.deepEqual(mail?.tags, OPTIONS.tags)
  assert.equal(mail?.configurationSet, 'kabutar')
})

const MINUTE = 60_000
const faults = [
  { fault: 'rate', kind: 'throttled', pause: 'throttled', retryAfterMs: 1000 },
  { fault: 'too many requests', kind: 'throttled', pause: 'throttled', retryAfterMs: 1000 },
  { fault: 'quota', kind: 'throttled', pause: 'quota', retryAfterMs: 60 * MINUTE },
  { fault: 'limit exceeded', kind: 'throttled', pause: 'quota', retryAfterMs: 60 * MINUTE },
  { fault: 'paused', kind: 'throttled', pause: 'relay_paused', retryAfterMs: 15 * MINUTE },
  { fault: 'suspended', kind: 'throttled', pause: 'relay_paused', retryAfterMs: 15 * MINUTE },
  { fault: 'rejected', kind: 'permanent', status: '5.6.0' },
  { fault: 'mail from not verified', kind: 'permanent', status: '5.7.1' },
  { fault: 'forbidden', kind: 'transient' },
  { fault: '500 after acceptance', kind: 'ambiguous', sent: 1 },
  { fault: 'dropped after acceptance', kind: 'ambiguous', sent: 1 },
] as const
for (const expected of faults) {
  test(`${expected.fault} is ${expected.kind}, after one attempt`, async () => {
    ses.faults.push(expected.fault)
    const error = await failure(relay.send(ENVELOPE, RAW, OPTIONS))
    assert.equal(error.kind, expected.kind)
    assert.equal(error.retryAfterMs, 'retryAfterMs' in expected ? expected.retryAfterMs : undefined)
    assert.equal(error.pause, 'pause' in expected ? expected.pause : undefined)
    assert.equal(error.status, 'status' in expected ? expected.status : undefined)
    assert.equal(ses.sent.length, 'sent' in expected ? expected.sent : 0)
    assert.deepEqual(ses.faults, [])
  })
}

const raw = (head: string, body = 'x') => Buffer.from(`${head}\r\n\r\n${body}\r\n`)
const refused = [
  { name: 'no From', raw: raw('To: b@x.test') },
  { name: 'no recipient', raw: raw('From: a@kabutar.test'), recipients: [] },
  { name: '51 recipients', recipients: Array.from({ length: 51 }, (_, n) => `b${n}@x.test`) },
  { name: 'a tag with a character that SES refuses', tags: { id: '<1@kabutar.test>' } },
  { name: 'an identity that is not verified', raw: raw('From: a@foreign.test') },
  { name: 'a line of 1001 characters', raw: raw('From: a@kabutar.test', 'x'.repeat(1001)) },
  { name: 'more than 40 MiB', raw: Buffer.concat([RAW, Buffer.from('0123456\r\n'.repeat(4_670_000))]) },
]
for (const { name, tags = OPTIONS.tags, recipients = ENVELOPE.recipients, ...rest } of refused) {
  test(`refused permanently: ${name}`, async () => {
    const sending = relay.send({ ...ENVELOPE, recipients }, rest.raw ?? RAW, { ...OPTIONS, tags })
    assert.equal((await failure(sending)).kind, 'permanent')
    assert.equal(ses.sent.length, 0)
  })
}

test('a missing configuration set is transient, because the message is not at fault', async () => {
  const other = sesRelay(ses.client, worker({ configurationSet: 'gone' }))
  assert.equal((await failure(other.send(ENVELOPE, RAW, OPTIONS))).kind, 'transient')
})

test('a connection that fails is transient; one that breaks after the request is ambiguous', async () => {
  const server = createServer((socket) => socket.once('data', () => socket.destroy())).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const client = sesClient(standIn(`http://127.0.0.1:${port}`))
  const table = sqliteTable(memoryEngine(), systemClock)
  await sesRelay(ses.client, worker({ table })).send(ENVELOPE, RAW, OPTIONS)
  const there = sesRelay(client, worker({ table }))
  assert.equal((await failure(there.send(ENVELOPE, RAW, OPTIONS))).kind, 'ambiguous')
  server.close()
  await once(server, 'close')
  assert.equal((await failure(there.send(ENVELOPE, RAW, OPTIONS))).kind, 'transient')
})

test('an abort before the request is transient', async () => {
  const sending = relay.send(ENVELOPE, RAW, { ...OPTIONS, signal: AbortSignal.abort() })
  assert.equal((await failure(sending)).kind, 'transient')
  assert.equal(ses.sent.length, 0)
})

/** A clock that only `sleep` moves. */
function steppingClock() {
  const time = { now: 1_800_000_000_000 }
  const sleep = async (ms: number) => {
    time.now += ms
  }
  return { time, clock: { ...systemClock, now: () => time.now, sleep } }
}

test('each worker takes its share of the account rate, counted in recipients', async () => {
  ses.account.maxSendRate = 20
  const { time, clock } = steppingClock()
  const shared = sesRelay(ses.client, worker({ concurrency: 4, clock }))
  const from = time.now
  for (let n = 0; n < 6; n++) await shared.send(ENVELOPE, RAW, OPTIONS)
  // 10 recipients before the last send, at 20 / 4 a second.
  assert.equal(time.now - from, 2000)
})

test('the rate is asked once for all workers, and again after 15 minutes; until then the last one is used', async () => {
  ses.account.maxSendRate = 20
  const { time, clock } = steppingClock()
  const table = sqliteTable(memoryEngine(), clock)
  const warnings: string[] = []
  const log = { ...silent, warn: (_: string, fields?: LogFields) => warnings.push(String(fields?.error)) }
  const workers = Array.from({ length: 5 }, () => sesRelay(ses.client, worker({ clock, log, table })))
  const send = async () => {
    for (const one of workers) await one.send(ENVELOPE, RAW, OPTIONS)
  }
  ses.account.requests = 0
  await send()
  assert.equal(ses.account.requests, 1)
  ses.account.fails = true
  time.now += 16 * MINUTE
  const from = time.now
  await send()
  await send()
  assert.equal(time.now - from, 100, 'two recipients of each worker, at 20 a second')
  assert.match(warnings[0] ?? '', /Exception/, 'the operator sees that SES does not tell the rate')
  ses.account.fails = false
  ses.account.answeredAt = Number.NEGATIVE_INFINITY
  const failed = ses.account.requests
  time.now += MINUTE
  await send()
  assert.equal(ses.account.requests, failed + 1)
})

test('a burst after a rest goes out at the rate of the account, although SES answers GetAccount once a second', async () => {
  ses.account.maxSendRate = 100
  const table = sqliteTable(memoryEngine(), systemClock)
  const workers = Array.from({ length: 5 }, () => sesRelay(ses.client, worker({ table, concurrency: 5 })))
  const from = performance.now()
  const one = { ...ENVELOPE, recipients: ['b@x.test'] }
  await Promise.all(workers.flatMap((each) => Array.from({ length: 10 }, () => each.send(one, RAW, OPTIONS))))
  const seconds = (performance.now() - from) / 1000
  assert.equal(ses.sent.length, 50)
  assert.ok(seconds < 3, `50 mails of five workers took ${seconds} s`)
})

test('without any answer a worker sends at the rate of the sandbox', async () => {
  ses.account.fails = true
  const { time, clock } = steppingClock()
  const alone = sesRelay(ses.client, worker({ clock, concurrency: 5 }))
  await alone.send(ENVELOPE, RAW, OPTIONS)
  const from = time.now
  await alone.send(ENVELOPE, RAW, OPTIONS)
  ses.account.fails = false
  assert.equal(time.now - from, 2000, 'two recipients, at 1 a second')
})

test('a wait of more than 30 s throws throttled instead of sleeping', async () => {
  ses.account.maxSendRate = 1
  const { clock } = steppingClock()
  const slow = sesRelay(ses.client, worker({ concurrency: 40, clock }))
  await slow.send(ENVELOPE, RAW, OPTIONS)
  const error = await failure(slow.send(ENVELOPE, RAW, OPTIONS))
  assert.deepEqual([error.kind, error.retryAfterMs], ['throttled', 80_000])
})

test('the Message-ID of SES has the form that recipients see', () => {
  assert.equal(sesMessageId('0100-x', 'us-east-1'), '<0100-x@email.amazonses.com>')
  assert.equal(sesMessageId('0102-x', 'eu-west-1'), '<0102-x@eu-west-1.amazonses.com>')
})

test('with tenants an account sends as its own, and a fault of one holds up no other account', async () => {
  const relay = sesRelay(ses.client, worker({ tenantOwner: 'kabutar-ci' }))
  const send = (accountId: string) => relay.send(ENVELOPE, RAW, { ...OPTIONS, accountId })
  const waits = async (sent: Promise<unknown>, message: RegExp) => {
    const { kind, pause, message: said } = await failure(sent)
    assert.deepEqual([kind, pause], ['throttled', undefined])
    assert.match(said, message)
  }
  await waits(send('a'), /Tenant kabutar-ci_a not found/)
  ses.tenants.set('kabutar-ci_a', new Set(['arn:aws:ses:eu-west-1:123456789012:identity/kabutar.test']))
  await waits(send('a'), /not associated with resources \[configuration-set\/kabutar\]/)
  ses.tenants.get('kabutar-ci_a')?.add('arn:aws:ses:eu-west-1:123456789012:configuration-set/kabutar')
  await send('a')
  assert.equal(ses.sent.at(-1)?.tenant, 'kabutar-ci_a')
  await waits(send('b'), /Tenant kabutar-ci_b not found/)
  ses.tenants.clear()
})
