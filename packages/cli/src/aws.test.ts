import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { GetEmailIdentityResponse } from '@aws-sdk/client-sesv2'
import { CreateQueueCommand } from '@aws-sdk/client-sqs'
import { dynamoTable } from '@kabutar/aws/dynamo/table.ts'
import { sqsQueue } from '@kabutar/aws/sqs/queue.ts'
import { authenticate } from '@kabutar/core/accounts/keys.ts'
import { domainOwner } from '@kabutar/core/domains/domains.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { type Dynamo, startDynamo } from '../../../test/aws/dynamo.ts'
import { type SqsS3, startSqsS3 } from '../../../test/aws/sqs-s3.ts'
import { makeAccount } from './aws-account.ts'
import { deadLettersOf, tableOf } from './aws-stage.ts'
import { accountFindings, domainFindings, ruleFindings } from './doctor-checks.ts'
import { redrive } from './redrive.ts'

describe('a deployed stage', () => {
  let dynamo: Dynamo
  let sqsS3: SqsS3
  before(async () => {
    ;[dynamo, sqsS3] = await Promise.all([startDynamo(), startSqsS3()])
  })
  after(async () => {
    dynamo?.close()
    await sqsS3?.close()
  })

  test('the table of a stage is found by name, not that of another stage', async () => {
    await dynamo.createTable('kabutar-production-TableTable-abc')
    assert.equal(await tableOf(dynamo.client, 'production'), 'kabutar-production-TableTable-abc')
    await assert.rejects(tableOf(dynamo.client, 'prod'), /stage prod is not deployed here/)
  })

  test('the first account gets one key that authenticates, and no second one; other accounts have a name', async () => {
    const table = dynamoTable(dynamo.client, 'kabutar-production-TableTable-abc', systemClock)
    const ports = { table, clock: systemClock, caches: newCaches(systemClock) }
    const first = await makeAccount(table, undefined, ['Example.test'])
    assert.equal((await authenticate(ports, first.token)).accountId, first.id)
    assert.equal(await domainOwner(table, 'example.test'), first.id)
    await assert.rejects(makeAccount(table, undefined, []), /has a key already/)
    const other = await makeAccount(table, 'Other', [])
    assert.notEqual(other.id, first.id)
    await assert.rejects(makeAccount(table, 'Third', ['example.test']), { code: 'conflict' })
  })

  test('dead letters move back unchanged to their queue', async () => {
    const names = ['SendQueue-abc', 'SendDeadQueue-abc', 'ReceiveQueue-abc', 'ReceiveDeadQueue-abc']
    for (const name of names) {
      await sqsS3.sqs.send(new CreateQueueCommand({ QueueName: `kabutar-production-${name}` }))
    }
    const pairs = await deadLettersOf(sqsS3.sqs, 'production')
    assert.deepEqual(Object.fromEntries(pairs.map(({ name, to }) => [name, to.split('/').at(-1)])), {
      send: 'kabutar-production-SendQueue-abc',
      receive: 'kabutar-production-ReceiveQueue-abc',
    })
    const send = pairs.find(({ name }) => name === 'send')
    const local = (url = '') => `${sqsS3.endpoint}/000000000000/${url.split('/').at(-1)}`
    const [dead, main] = [local(send?.from), local(send?.to)].map((url) =>
      sqsQueue(sqsS3.sqs, url, { maxAttempts: 5, clock: systemClock }),
    )
    assert.ok(dead && main)
    const bodies = Array.from({ length: 23 }, (_, n) => `{"poison":${n}}`)
    await dead.send(bodies.map((body) => ({ body })))
    assert.equal(await redrive(dead, main), 23)
    const back: string[] = []
    while (back.length < 23) {
      const letters = await main.receive({ max: 10, visibilityMs: 60_000, waitMs: 0 })
      if (letters.length === 0) break
      back.push(...letters.map(({ body }) => body))
    }
    assert.deepEqual(back.sort(), bodies.sort())
    assert.deepEqual(await dead.depth(), { ready: 0, leased: 0, delayed: 0 })
  })
})

describe('the doctor', () => {
  test('a new account: sandbox and plan are findings, each with a fix in one line', () => {
    const quota = { Max24HourSend: 200, MaxSendRate: 1, SentLast24Hours: 0 }
    const account = { ProductionAccessEnabled: false, SendingEnabled: true, SendQuota: quota }
    const findings = accountFindings({ ...account, PricingAttributes: { CurrentPlan: 'ESSENTIALS' } }, 'eu-west-3')
    assert.deepEqual(
      findings.map(({ ok }) => ok),
      [false, true, true, false, false],
    )
    for (const { ok, fix } of findings) assert.equal(fix === undefined || fix.includes('\n'), ok || false)
  })

  test('a domain: each missing record is a finding with the record to publish', () => {
    const identity: GetEmailIdentityResponse = { DkimAttributes: { Status: 'PENDING', Tokens: ['t1'] } }
    const none = domainFindings('x.test', 'us-east-1', identity, { mx: [], mailFrom: [], dmarc: [] })
    const fixes = none.flatMap(({ fix }) => fix ?? [])
    assert.deepEqual(fixes, [
      'publish t1._domainkey.x.test CNAME t1.dkim.amazonses.com',
      'publish _dmarc.x.test TXT "v=DMARC1; p=none; rua=mailto:postmaster@x.test"',
      'to receive, publish x.test MX 10 inbound-smtp.us-east-1.amazonaws.com',
    ])
    const ready = domainFindings(
      'x.test',
      'us-east-1',
      { DkimAttributes: { Status: 'SUCCESS' } },
      {
        mx: ['inbound-smtp.us-east-1.amazonaws.com'],
        mailFrom: [],
        dmarc: ['v=DMARC1; p=reject'],
      },
    )
    assert.ok(ready.every(({ ok }) => ok))
  })

  test('receiving: only a rule of this stage in the active set counts', () => {
    const active = [
      { name: 'somebody-elses', recipients: ['x.test'] },
      { name: 'kabutar-production-x', recipients: ['x.test'] },
    ]
    assert.deepEqual(
      ruleFindings('production', active, 'x.test').map(({ ok }) => ok),
      [true],
    )
    assert.deepEqual(
      ruleFindings('production', active, 'y.test').map(({ ok }) => ok),
      [false],
    )
    assert.deepEqual(
      ruleFindings('other', active).map(({ ok }) => ok),
      [false],
    )
  })

  test('reports missing credentials and exits 2', () => {
    const { status, stderr } = spawnSync(process.execPath, [resolve(import.meta.dirname, 'doctor.ts')], {
      encoding: 'utf8',
      timeout: 20_000,
      env: { AWS_REGION: 'us-east-1', AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nonexistent' },
    })
    assert.equal(status, 2)
    assert.match(stderr, /There are no AWS credentials/)
  })
})
