import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { type Dynamo, stageTags, startDynamo } from '../../../test/aws/dynamo.ts'
import { type LambdaQuota, startLambdaQuota } from '../../../test/aws/lambda-quota.ts'
import { type Ses, startSes } from '../../../test/aws/ses.ts'
import { type ReceiptRulesStandIn, startReceiptRules } from '../../../test/aws/ses-receipt-rules.ts'
import { type SqsS3, startSqsS3 } from '../../../test/aws/sqs-s3.ts'
import { type DnsServer, startDnsServer } from '../../../test/flows/support/dns-server.ts'

type Ran = { readonly status: number | null; readonly stdout: string; readonly stderr: string }

/** The command itself, in an environment that knows the stand-ins and nothing of this machine. */
async function run(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, file), ...args], {
    timeout: 20_000,
    env: {
      HOME: '/nonexistent',
      AWS_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_ACCESS_KEY_ID: 'AKIASTANDIN',
      AWS_SECRET_ACCESS_KEY: 'none',
      ...env,
    },
  })
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk) => (text[name] += String(chunk)))
  const status = await new Promise<number | null>((done) => child.once('close', done))
  return { status, ...text }
}

describe('npm run doctor', () => {
  let ses: Ses
  let rules: ReceiptRulesStandIn
  let dns: DnsServer
  let quota: LambdaQuota
  let sqsS3: SqsS3
  before(async () => {
    ;[ses, rules, dns] = await Promise.all([startSes(), startReceiptRules(), startDnsServer()])
    ;[quota, sqsS3] = await Promise.all([startLambdaQuota(), startSqsS3()])
    dns.txt.set('inbound-smtp.us-east-1.amazonaws.com', [])
    await sqsS3.createBucket('kabutar-trial-blobsbucket-abc')
    sqsS3.createQueue('kabutar-trial-SendQueue-abc', {}, stageTags('trial'))
    quota.mappings.set('kabutar-trial-SendQueue-abc', 8).set('somebody-elses', 900)
    const tokens = ['t1', 't2', 't3']
    const identity = { name: 'x.test', tokens, tags: [], mailFrom: 'send.x.test', forwardsFeedback: false }
    ses.identities.set('x.test', identity)
  })
  after(async () => {
    ses?.close()
    rules?.close()
    quota?.close()
    await sqsS3?.close()
    await dns?.[Symbol.asyncDispose]()
  })
  const doctor = (args: readonly string[], more: Readonly<Record<string, string>> = {}) => {
    // A second has passed, as between two commands of a person.
    ses.account.answeredAt = Number.NEGATIVE_INFINITY
    return asked(args, more)
  }
  const asked = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    run('doctor.ts', args, {
      AWS_ENDPOINT_URL_SESV2: ses.endpoint,
      AWS_ENDPOINT_URL_SES: rules.endpoint,
      AWS_ENDPOINT_URL_LAMBDA: quota.endpoint,
      AWS_ENDPOINT_URL_SQS: sqsS3.endpoint,
      AWS_ENDPOINT_URL_S3: sqsS3.endpoint,
      KABUTAR_DNS: dns.address,
      ...more,
    })

  test('names each missing record and the missing rule, and exits 1', async () => {
    const { status, stdout, stderr } = await doctor(['--domain', 'X.test'])
    assert.equal(status, 1, stderr)
    const fixes = stdout.split('\n').filter((line) => line.startsWith('       '))
    assert.deepEqual(
      fixes.map((line) => line.trim().slice(0, 38)),
      [
        'publish t1._domainkey.x.test CNAME t1.',
        'publish send.x.test MX 10 feedback-smt',
        'publish send.x.test TXT "v=spf1 includ',
        'publish _dmarc.x.test TXT "v=DMARC1; p',
        'to receive, publish x.test MX 10 inbou',
        'switch its receiving on, with PATCH /d',
      ],
    )
  })

  test('exits 0 if there is no fault, and checks the rules of the given stage', async () => {
    for (const token of ['t1', 't2', 't3']) ses.published.add(`${token}._domainkey.x.test`)
    ses.published.add('send.x.test')
    dns.txt.set('send.x.test', ['v=spf1 include:amazonses.com ~all'])
    dns.txt.set('_dmarc.x.test', ['v=DMARC1; p=reject'])
    dns.mx.set('x.test', { exchange: 'Inbound-SMTP.us-east-1.amazonaws.com', priority: 10 })
    const TopicArn = 'arn:aws:sns:us-east-1:123456789012:kabutar-trial-Inbound'
    const S3 = { BucketName: 'kabutar-trial-blobsbucket-abc', ObjectKeyPrefix: 'inbound/', TopicArn }
    const rule = { Enabled: true, TlsPolicy: 'Optional', ScanEnabled: true, Recipients: ['x.test'], S3 }
    rules.sets.set('theirs', [{ ...rule, Name: 'kabutar-trial.1' }])
    rules.active = 'theirs'
    const { status, stdout } = await doctor(['--domain', 'x.test', '--stage', 'trial'])
    assert.equal(status, 0, stdout)
    assert.equal(stdout.trim().split('\n').length, 14)
    quota.concurrentExecutions = 9
    const tight = await doctor(['--domain', 'x.test', '--stage', 'trial'])
    assert.equal(tight.status, 1)
    assert.match(tight.stdout, /FIX {2}Lambda: 8 of 9 concurrent executions are for workers/)
    quota.concurrentExecutions = 1000
    rules.sets.set('theirs', [{ ...rule, Name: 'kabutar-trial.1', S3: { ...S3, BucketName: 'kabutar-gone' } }])
    const stale = await doctor(['--domain', 'x.test', '--stage', 'trial'])
    assert.equal(stale.status, 1)
    assert.match(stale.stdout, /FIX {2}the receipt rule kabutar-trial\.1 writes to the bucket kabutar-gone/)
    rules.sets.set('theirs', [{ ...rule, Name: 'kabutar-trial.1' }])
    assert.equal((await doctor(['--domain', 'x.test'])).status, 1, 'production has no rule')
  })

  test('exits 2 with a message if it cannot check', async () => {
    dns.broken = true
    const silent = await doctor(['--domain', 'x.test'])
    assert.deepEqual([silent.status, silent.stdout], [2, ''])
    assert.match(silent.stderr, /^The DNS does not answer for the region us-east-1/)
    dns.broken = false
    ses.account.fails = true
    const refused = await doctor([])
    assert.equal(refused.status, 2)
    assert.match(refused.stderr, /^AWS answers with an error: BadRequestException/)
    ses.account.fails = false
    const { status, stderr } = await doctor([], { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' })
    assert.equal(status, 2)
    assert.match(stderr, /^There are no AWS credentials: set AWS_PROFILE/)
  })

  test('asks SES again that answers once a second', async () => {
    ses.account.answeredAt = performance.now()
    const { status, stdout, stderr } = await asked([], { AWS_REGION: 'eu-north-1' })
    assert.equal(status, 1, stderr)
    assert.match(stdout, /FIX {2}region eu-north-1/)
  })

  test('does not ask for rules in a region that does not receive', async () => {
    const asked = rules.calls.length
    const { status, stdout } = await doctor([], { AWS_REGION: 'eu-north-1' })
    assert.equal(status, 1)
    assert.match(stdout, /FIX {2}region eu-north-1 receives mail\n {7}deploy to one whose inbound-smtp/)
    assert.equal(rules.calls.length, asked)
  })
})

describe('npm run account -- --stage', () => {
  let dynamo: Dynamo
  before(async () => {
    dynamo = await startDynamo()
    await dynamo.createTable('kabutar-production-TableTable-abc', 'production')
  })
  after(() => dynamo?.close())
  const account = (...args: string[]) => run('account.ts', args, { AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint })

  test('prints the first key once and does not store it', async () => {
    const first = await account('--stage', 'production', 'create')
    assert.equal(first.status, 0, first.stderr)
    const [token = ''] = /\bre_\S+/.exec(first.stdout) ?? []
    assert.equal(first.stdout.split(token).length, 2)
    assert.equal(first.stderr, '')
    const { Items } = await dynamo.client.send(new ScanCommand({ TableName: 'kabutar-production-TableTable-abc' }))
    assert.ok((Items?.length ?? 0) > 2)
    assert.ok(!JSON.stringify(Items).includes(token.slice(3)))
    const second = await account('--stage', 'production', 'create')
    assert.deepEqual([second.status, second.stdout], [2, ''])
    assert.match(second.stderr, /has a key already/)
  })

  test('reports how to deploy a stage that does not exist', async () => {
    const { status, stderr } = await account('--stage', 'trial', 'create')
    assert.equal(status, 2)
    assert.match(stderr, /stage trial is not deployed here; run "npx sst deploy --stage trial"/)
  })
})
