import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { identitiesContract } from '@kabutar/core/ports/identities.contract.ts'
import type { DomainRecord } from '@kabutar/core/ports/identities.ts'
import { row } from '@kabutar/core/store/codec.ts'
import { receiptRulesLeaseKey } from '@kabutar/core/store/keys.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { freshName, startDynamo } from '../../../../test/aws/dynamo.ts'
import { standIn } from '../../../../test/aws/servers.ts'
import { startSes } from '../../../../test/aws/ses.ts'
import { type ReceiptRule, startReceiptRules } from '../../../../test/aws/ses-receipt-rules.ts'
import { dynamoTable } from '../dynamo/table.ts'
import { identitiesClient, sesIdentities } from './identities.ts'
import { receiptRules, rulesClient } from './receipt-rules.ts'
import { removeReceiptRules } from './remove-receipt-rules.ts'

const [dynamo, ses, rules] = await Promise.all([startDynamo(), startSes(), startReceiptRules()])
after(() => {
  for (const server of [dynamo, ses, rules]) server.close()
})
const TABLE = freshName('table')
await dynamo.createTable(TABLE)

const PREFIX = 'kabutar-ci-'
const foreign = (Name: string, Recipients: readonly string[]): ReceiptRule => ({
  Name,
  Enabled: true,
  TlsPolicy: 'Require',
  ScanEnabled: false,
  Recipients,
  S3: undefined,
})
const TOPIC = 'arn:aws:sns:us-east-1:123456789012:Inbound'
const leading = (Name: string, Recipients: readonly string[], BucketName: string): ReceiptRule => ({
  ...foreign(Name, Recipients),
  S3: { BucketName, ObjectKeyPrefix: 'inbound/', TopicArn: TOPIC },
})
const FOREIGN = [foreign('first', ['theirs.test']), foreign('kabutar-ci-2-1', ['on.test']), foreign('kabutar-ci-x', [])]
const rulesOf = (set = 'theirs') => rules.sets.get(set) ?? []
const ours = () => rulesOf().filter(({ Name }) => /^kabutar-ci-\d+$/.test(Name))
const received = () =>
  ours()
    .flatMap(({ Recipients }) => Recipients)
    .sort()

beforeEach(() => {
  rules.everyMs = 0
  rules.before = () => undefined
  rules.calls.length = 0
})
rules.active = 'theirs'
rules.sets.set('theirs', [...FOREIGN])
rules.sets.set('asleep', [foreign('old', ['old.test'])])

/** The receipt rules as one sandbox has them, with waits cut to a tenth. */
function receiving() {
  const clock = { ...systemClock, now: systemClock.now, sleep: (ms: number) => systemClock.sleep(ms / 10) }
  return receiptRules(rulesClient(standIn(rules.endpoint)), {
    prefix: PREFIX,
    ruleSet: 'theirs',
    bucket: 'blobs',
    topicArn: 'arn:aws:sns:us-east-1:123456789012:Inbound',
    table: dynamoTable(dynamo.client, TABLE, systemClock),
    clock,
  })
}

function identities(owner = PREFIX) {
  return sesIdentities(identitiesClient(standIn(ses.endpoint)), {
    region: 'eu-west-1',
    identityArn: 'arn:aws:ses:eu-west-1:123456789012:identity/',
    owner,
    // Each call acts as a sandbox of its own.
    rules: { receive: (domain, on) => receiving().receive(domain, on) },
    records: { mx: async (name) => (ses.published.has(name) ? [{ exchange: INBOUND, priority: 5 }] : []) },
  })
}
const INBOUND = 'inbound-smtp.eu-west-1.amazonaws.com'
const publish = (_domain: string, records: readonly DomainRecord[]) => {
  for (const { name } of records) ses.published.add(name)
}

identitiesContract('SES', async () => ({ identities: identities(), publish, receiving: received }), {
  'a removed domain that is created again has to be proved again': 'SES gives a domain the same tokens again',
})

describe('identities of SES', () => {
  test('the records are those that SES checks', async () => {
    const { records } = await identities().create('example.test', { accountId: 'a', returnPath: 'bounce' })
    const [token = ''] = ses.identities.get('example.test')?.tokens ?? []
    assert.deepEqual(
      records.slice(2).map(({ record, type, name, value, priority }) => [record, type, name, value, priority]),
      [
        ['DKIM', 'CNAME', records[2]?.name, records[2]?.value, undefined],
        ['SPF', 'MX', 'bounce.example.test', 'feedback-smtp.eu-west-1.amazonses.com', 10],
        ['SPF', 'TXT', 'bounce.example.test', 'v=spf1 include:amazonses.com ~all', undefined],
        ['Receiving', 'MX', 'example.test', INBOUND, 10],
      ],
    )
    assert.deepEqual(
      [records[0]?.name, records[0]?.value],
      [`${token}._domainkey.example.test`, `${token}.dkim.amazonses.com`],
    )
  })

  test('an identity that another app verified in the account is neither taken over nor removed', async () => {
    await identities('kabutar-production-').create('theirs.test', { accountId: 'a', returnPath: 'send' })
    publish('theirs.test', (await identities('kabutar-production-').status('theirs.test'))?.records ?? [])
    await assert.rejects(identities().create('theirs.test', { accountId: 'a', returnPath: 'send' }), {
      code: 'conflict',
    })
    assert.equal(await identities().status('theirs.test'), undefined)
    await identities().remove('theirs.test')
    assert.ok(ses.identities.has('theirs.test'))
  })

  test('a bounce is not also mailed to the From address, which may receive here', async () => {
    await identities().create('quiet.test', { accountId: 'a', returnPath: 'send' })
    assert.equal(ses.identities.get('quiet.test')?.forwardsFeedback, false)
  })

  test('an identity is connected only when asked to, keeps all but its tags, and is given back', async () => {
    const theirs = { name: 'team.test', tokens: ['a', 'b', 'c'], mailFrom: 'mail.team.test', forwardsFeedback: true }
    ses.identities.set('team.test', { ...theirs, tags: [{ Key: 'team', Value: 'shop' }] })
    await assert.rejects(identities().create('team.test', { accountId: 'a', returnPath: 'send' }), { code: 'conflict' })
    await identities().create('team.test', { accountId: 'a', returnPath: 'send', connect: true })
    // A later call without the flag, such as that of a check, changes nothing either.
    await identities().create('team.test', { accountId: 'a', returnPath: 'send' })
    const tags = ses.identities.get('team.test')?.tags.map(({ Key, Value }) => `${Key}=${Value}`)
    assert.deepEqual(tags, ['team=shop', `kabutar=${PREFIX}`, 'kabutar-connected=true'])
    await assert.rejects(
      identities('kabutar-other').create('team.test', { accountId: 'a', returnPath: 'send', connect: true }),
      {
        code: 'conflict',
      },
    )
    await identities().remove('team.test')
    assert.deepEqual(ses.identities.get('team.test'), { ...theirs, tags: [{ Key: 'team', Value: 'shop' }] })
  })

  test('a new identity is created although connecting was asked for, and removed like any other', async () => {
    await identities().create('fresh.test', { accountId: 'a', returnPath: 'send', connect: true })
    assert.equal(ses.identities.get('fresh.test')?.mailFrom, 'send.fresh.test')
    await identities().remove('fresh.test')
    assert.equal(ses.identities.has('fresh.test'), false)
  })

  test('a domain whose DKIM failed gets a new identity', async () => {
    const { records } = await identities().create('late.test', { accountId: 'a', returnPath: 'send' })
    ses.failed.add('late.test')
    assert.equal((await identities().status('late.test'))?.status, 'failed')
    assert.equal((await identities().create('late.test', { accountId: 'a', returnPath: 'send' })).status, 'pending')
    publish('late.test', records)
    assert.equal((await identities().status('late.test'))?.status, 'verified')
  })

  const faults = [
    { type: 'BadRequestException', status: 400, code: 'invalid_message' },
    { type: 'LimitExceededException', status: 400, code: 'Unavailable' },
    { type: 'AccessDeniedException', status: 403, code: 'Unavailable' },
  ]
  for (const { type, status, code } of faults) {
    test(`${type} becomes ${code}`, async () => {
      // The SDK retries a limit as it retries a throttle, three attempts in all.
      for (let n = 0; n < 3; n++) ses.identityFaults.push({ type, status, message: 'no' })
      await assert.rejects(identities().create('fault.test', { accountId: 'a', returnPath: 'send' }), { code })
      ses.identityFaults.length = 0
    })
  }

  test('a throttled call is retried', async () => {
    ses.identityFaults.push({ type: 'TooManyRequestsException', status: 429, message: 'slow down' })
    assert.equal((await identities().create('slow.test', { accountId: 'a', returnPath: 'send' })).status, 'pending')
  })
})

describe('receipt rules', () => {
  test('are added at the end of the active set, whose other rules do not change', async () => {
    await receiving().receive('a.test', true)
    assert.deepEqual(rulesOf().slice(0, -1), FOREIGN)
    assert.deepEqual(rulesOf().at(-1), {
      Name: 'kabutar-ci-1',
      Enabled: true,
      TlsPolicy: 'Optional',
      ScanEnabled: true,
      Recipients: ['a.test'],
      S3: {
        BucketName: 'blobs',
        ObjectKeyPrefix: 'inbound/',
        TopicArn: 'arn:aws:sns:us-east-1:123456789012:Inbound',
      },
    })
    assert.deepEqual(rulesOf('asleep'), [foreign('old', ['old.test'])])
    await receiving().receive('a.test', false)
    // A rule without recipients would take all mail of the account: ours is deleted, and the set stays active.
    assert.deepEqual(rulesOf(), FOREIGN)
    assert.equal(rules.active, 'theirs')
  })

  test('hold 100 domains each', async () => {
    const many = Array.from({ length: 100 }, (_, n) => `d${n}.test`)
    rules.sets.set('theirs', [...FOREIGN, leading('kabutar-ci-1', many, 'blobs')])
    await receiving().receive('next.test', true)
    assert.deepEqual(
      ours().map(({ Name, Recipients }) => [Name, Recipients.length]),
      [
        ['kabutar-ci-1', 100],
        ['kabutar-ci-2', 1],
      ],
    )
    await receiving().receive('d7.test', false)
    await receiving().receive('more.test', true)
    assert.deepEqual(ours()[0]?.Recipients.at(-1), 'more.test')
    rules.sets.set('theirs', [...FOREIGN])
  })

  test('never write to the bucket of a removed stage, whose name is free for strangers: they are led to ours', async () => {
    rules.gone.add('removed')
    const left = [
      leading('kabutar-ci-1', ['a.test', 'b.test'], 'removed'),
      {
        ...leading('kabutar-ci-2', ['c.test'], 'blobs'),
        S3: { ...leading('', [], 'blobs').S3, TopicArn: `${TOPIC}Old` },
      },
    ] as ReceiptRule[]
    // The domain has its recipient already, so the name alone would say that there is nothing to do.
    rules.sets.set('theirs', [...FOREIGN, ...left])
    await receiving().receive('a.test', true)
    assert.deepEqual(
      ours().map(({ S3, Recipients }) => [S3?.BucketName, S3?.TopicArn, Recipients]),
      [
        ['blobs', TOPIC, ['a.test', 'b.test']],
        ['blobs', TOPIC, ['c.test']],
      ],
    )
    // A further domain, and one that leaves, do not fail for ever on the bucket that is gone.
    rules.sets.set('theirs', [...FOREIGN, ...left])
    await receiving().receive('d.test', true)
    rules.sets.set('theirs', [...FOREIGN, ...left])
    await receiving().receive('b.test', false)
    assert.deepEqual(received(), ['a.test', 'c.test'])
    assert.deepEqual(rulesOf().slice(0, 3), FOREIGN)
    rules.sets.set('theirs', [...FOREIGN])
    rules.gone.clear()
  })

  test('of a stage are removed with it from every set, and those of others stay', async () => {
    rules.everyMs = 20
    rules.sets.set('theirs', [...FOREIGN, leading('kabutar-ci-1', ['a.test'], 'blobs')])
    rules.sets.set('asleep', [foreign('old', ['old.test']), leading('kabutar-ci-2', ['b.test'], 'blobs')])
    const clock = { sleep: (ms: number) => systemClock.sleep(ms / 20) }
    const removed = await removeReceiptRules(rulesClient(standIn(rules.endpoint)), { prefix: PREFIX, clock })
    assert.deepEqual(removed.toSorted(), ['kabutar-ci-1', 'kabutar-ci-2'])
    assert.deepEqual([rulesOf(), rulesOf('asleep')], [FOREIGN, [foreign('old', ['old.test'])]])
    rules.sets.set('theirs', [...FOREIGN])
  })

  test('of ten sandboxes that change rules at once, within the rate of SES, every domain is added', async () => {
    rules.everyMs = 50
    const domains = Array.from({ length: 10 }, (_, n) => `c${n}.test`)
    await Promise.all(domains.map((domain) => receiving().receive(domain, true)))
    assert.deepEqual(received(), domains)
    assert.deepEqual(rulesOf().slice(0, 3), FOREIGN)
    await Promise.all(domains.map((domain) => receiving().receive(domain, false)))
    assert.deepEqual(rulesOf(), FOREIGN)
  })

  test('a rule that is deleted in between is created again', async () => {
    await receiving().receive('a.test', true)
    rules.before = (action) => {
      if (action !== 'UpdateReceiptRule') return
      rules.before = () => undefined
      rules.sets.set('theirs', [...FOREIGN])
    }
    await receiving().receive('b.test', true)
    assert.deepEqual(received(), ['b.test'])
    await receiving().receive('b.test', false)
  })

  test('the lease of a process that died is taken over after it has expired', async () => {
    const table = dynamoTable(dynamo.client, TABLE, systemClock)
    const key = receiptRulesLeaseKey(PREFIX)
    await table.write({
      kind: 'put',
      item: row('receipt-rules-lease', key, { owner: 'dead', until: Date.now() + 300 }),
    })
    const from = Date.now()
    await receiving().receive('a.test', true)
    assert.ok(Date.now() - from >= 250)
    await receiving().receive('a.test', false)
    assert.equal(await table.get(key), undefined)
  })

  test('without an active set the call fails, and no set is activated', async () => {
    rules.active = undefined
    await assert.rejects(receiving().receive('a.test', true), { code: 'Unavailable' })
    assert.deepEqual(rules.calls, ['DescribeActiveReceiptRuleSet'])
    rules.active = 'theirs'
  })
})
