import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { GetEmailIdentityResponse } from '@aws-sdk/client-sesv2'
import type { SQSClient } from '@aws-sdk/client-sqs'
import { dynamoTable } from '@kabutar/aws/dynamo/table.ts'
import { sqsClient, sqsQueue } from '@kabutar/aws/sqs/queue.ts'
import { authenticate } from '@kabutar/core/accounts/keys.ts'
import { domainOwner } from '@kabutar/core/domains/domains.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { type Dynamo, stageTags, startDynamo } from '../../../test/aws/dynamo.ts'
import { standIn } from '../../../test/aws/servers.ts'
import { type SqsFront, startSqsFront } from '../../../test/aws/sqs-front.ts'
import { type SqsS3, startSqsS3 } from '../../../test/aws/sqs-s3.ts'
import { makeAccount } from './aws-account.ts'
import { redriveStage } from './aws-redrive.ts'
import { bucketsOf, deadLettersOf, tableOf } from './aws-stage.ts'
import { type ActiveRule, accountFindings, domainFindings, ruleFindings } from './doctor-checks.ts'
import { allowedConcurrency, concurrencyFindings } from './doctor-concurrency.ts'

const TABLE = 'kabutar-production-TableTable-abc'
const lastOf = (url: string) => url.slice(url.lastIndexOf('/') + 1)

describe('a deployed stage', () => {
  let dynamo: Dynamo
  let sqsS3: SqsS3
  let front: SqsFront
  let sqs: SQSClient
  before(async () => {
    ;[dynamo, sqsS3] = await Promise.all([startDynamo(), startSqsS3()])
    front = await startSqsFront(sqsS3.endpoint)
    sqs = sqsClient(standIn(front.endpoint))
  })
  after(async () => {
    dynamo?.close()
    sqs?.destroy()
    front?.close()
    await sqsS3?.close()
  })

  test('a key is never written to the table of another stage, or to one that an earlier stage has left', async () => {
    await dynamo.createTable(TABLE, 'production')
    assert.equal(await tableOf(dynamo.client, 'production'), TABLE)
    await assert.rejects(tableOf(dynamo.client, 'prod'), /stage prod is not deployed here/)
    // A name like SST's without its tags is somebody else's.
    await dynamo.createTable('kabutar-trial-TableTable-abc')
    await assert.rejects(tableOf(dynamo.client, 'trial'), /stage trial is not deployed here/)
    await dynamo.createTable('kabutar-kept-TableTable-aaa', 'kept')
    await dynamo.createTable('kabutar-kept-TableTable-bbb', 'kept')
    await assert.rejects(tableOf(dynamo.client, 'kept'), /several tables \(.*aaa, .*bbb\): name .* with --table/)
    assert.match(await tableOf(dynamo.client, 'kept', 'kabutar-kept-TableTable-bbb'), /bbb$/)
    await assert.rejects(tableOf(dynamo.client, 'kept', TABLE), /is not a table of the stage kept/)
  })

  test('the first account gets one key that authenticates, and no second one; other accounts have a name', async () => {
    const table = dynamoTable(dynamo.client, TABLE, systemClock)
    const ports = { table, clock: systemClock, caches: newCaches(systemClock) }
    const first = await makeAccount(table, undefined, ['Example.test'])
    assert.equal((await authenticate(ports, first.token)).accountId, first.id)
    assert.equal(await domainOwner(table, 'example.test'), first.id)
    await assert.rejects(makeAccount(table, undefined, []), /has a key already/)
    const other = await makeAccount(table, 'Other', [])
    assert.notEqual(other.id, first.id)
    await assert.rejects(makeAccount(table, 'Third', ['example.test']), { code: 'conflict' })
  })

  const queuesFor = (stage: string, names: readonly string[]) => {
    for (const name of names) sqsS3.createQueue(`kabutar-${stage}-${name}`, {}, stageTags(stage))
  }
  const opened = (name: string) =>
    sqsQueue(sqs, `${front.endpoint}/000000000000/${name}`, { maxAttempts: 5, clock: systemClock })
  const bodiesIn = (name: string) => sqsS3.bodiesIn(name).toSorted()

  test('dead letters never move to the queue of another stage, whose name begins with that of this one', async () => {
    queuesFor('prod', ['SendQueue-abc', 'SendDeadQueue-abc', 'ReceiveQueue-abc', 'ReceiveDeadQueue-abc'])
    queuesFor('prod-eu', ['SendQueue-abc', 'SendDeadQueue-abc', 'WebhooksQueue-abc', 'WebhooksDeadQueue-abc'])
    const pairs = await deadLettersOf(sqs, 'prod')
    assert.deepEqual(Object.fromEntries(pairs.map(({ name, from, to }) => [name, [lastOf(from), lastOf(to)]])), {
      send: ['kabutar-prod-SendDeadQueue-abc', 'kabutar-prod-SendQueue-abc'],
      receive: ['kabutar-prod-ReceiveDeadQueue-abc', 'kabutar-prod-ReceiveQueue-abc'],
    })
    const theirs = Array.from({ length: 3 }, (_, n) => `{"theirs":${n}}`)
    await opened('kabutar-prod-eu-SendDeadQueue-abc').send(theirs.map((body) => ({ body })))
    const bodies = Array.from({ length: 23 }, (_, n) => `{"poison":${n}}`)
    await opened('kabutar-prod-SendDeadQueue-abc').send(bodies.map((body) => ({ body })))
    const moved = await redriveStage(sqs, systemClock, 'prod', 'send')
    assert.deepEqual(moved, [{ name: 'send', entries: 23 }])
    assert.ok(front.operations.includes('StartMessageMoveTask'))
    assert.deepEqual(bodiesIn('kabutar-prod-SendQueue-abc'), bodies.toSorted())
    assert.deepEqual(bodiesIn('kabutar-prod-eu-SendDeadQueue-abc'), theirs)
    assert.deepEqual(bodiesIn('kabutar-prod-SendDeadQueue-abc'), [])
  })

  test('where SQS cannot move entries by itself, they are sent before they are removed', async () => {
    queuesFor('old', ['SendQueue-abc', 'SendDeadQueue-abc'])
    await opened('kabutar-old-SendDeadQueue-abc').send([{ body: '{"poison":1}' }])
    const { endpoint } = sqsS3
    // fauxqs lacks the call.
    assert.deepEqual(await redriveStage(sqsClient(standIn(endpoint)), systemClock, 'old', undefined), [
      { name: 'send', entries: 1 },
    ])
    assert.deepEqual(bodiesIn('kabutar-old-SendQueue-abc'), ['{"poison":1}'])
  })

  test('two queues of one name are refused', async () => {
    queuesFor('twice', ['SendQueue-abc', 'SendQueue-def', 'SendDeadQueue-abc'])
    await assert.rejects(deadLettersOf(sqs, 'twice'), /stage twice has two queues Send: /)
  })

  test('the bucket of a long stage is found although its name lost most of the app', async () => {
    for (const name of ['kabutar-prod-blobsbucket-abc', 'kabutar-prod-eu-blobsbucket-abc', 'k-prod-blobsbucket-abc']) {
      await sqsS3.createBucket(name)
    }
    assert.deepEqual((await bucketsOf(sqsS3.s3, 'prod')).toSorted(), [
      'k-prod-blobsbucket-abc',
      'kabutar-prod-blobsbucket-abc',
    ])
  })
})

describe('the doctor', () => {
  test('a new account: sandbox and plan are findings, each with a fix in one line', () => {
    const quota = { Max24HourSend: 200, MaxSendRate: 1, SentLast24Hours: 0 }
    const account = { ProductionAccessEnabled: false, SendingEnabled: true, SendQuota: quota }
    const findings = accountFindings(
      { ...account, PricingAttributes: { CurrentPlan: 'ESSENTIALS' } },
      'eu-north-1',
      false,
    )
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

  const ruleOf = (name: string, bucket = 'own', stage = 'production'): ActiveRule => {
    return { name, recipients: ['x.test'], bucket, topic: `arn:aws:sns:us-east-1:1:kabutar-${stage}-Inbound` }
  }
  const findingsOf = (rules: readonly ActiveRule[], domain?: string) =>
    ruleFindings('production', rules, ['own'], domain).map(({ ok }) => ok)

  test('receiving: only a rule of this stage in the active set counts', () => {
    const active = [ruleOf('somebody-elses'), ruleOf('kabutar-production.1')]
    assert.deepEqual(findingsOf(active, 'x.test'), [true])
    assert.deepEqual(findingsOf(active, 'y.test'), [false])
    assert.deepEqual(findingsOf([ruleOf('kabutar-production-eu.1')]), [false])
  })

  test('a rule that leads to the bucket or the topic of a removed stage is a finding, whatever its name says', () => {
    assert.deepEqual(findingsOf([ruleOf('kabutar-production.1', 'gone')], 'x.test'), [true, false])
    assert.deepEqual(findingsOf([ruleOf('kabutar-production.1', 'own', 'old')], 'x.test'), [true, false])
  })

  test('workers that take all executions of the account are a finding, with the setting that fits', () => {
    assert.deepEqual(allowedConcurrency(10, 1), { send: 2, feedback: 2, receive: 2, webhooks: 2 })
    assert.equal(allowedConcurrency(9, 1), undefined)
    assert.deepEqual(allowedConcurrency(1000, 100), { send: 5, feedback: 3, receive: 10, webhooks: 4 })
    for (const quota of [10, 11, 20, 50, 100, 1000]) {
      const allowed = Object.values(allowedConcurrency(quota, 2000) ?? {})
      assert.ok(allowed.reduce((sum, one) => sum + one, 0) <= quota - 2, `${quota}`)
      assert.ok(allowed.every((one) => one >= 2))
    }
    const oks = (quota: number, declared?: number) => concurrencyFindings(quota, 14, declared).map(({ ok }) => ok)
    assert.deepEqual([oks(10, 8), oks(10, 30), oks(1000), oks(9)], [[true, true], [false, true], [true, true], [false]])
    const [first] = concurrencyFindings(10, 14, 30)
    assert.match(first?.fix ?? '', /^set concurrency: \{ send: 2, feedback: 2, receive: 2, webhooks: 2 \}/)
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
