import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, test } from 'node:test'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import {
  CreateConfigurationSetCommand,
  CreateEmailIdentityCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-sesv2'
import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { dynamoClient, dynamoTable } from '@kabutar/aws/dynamo/table.ts'
import { s3Blobs, s3Client } from '@kabutar/aws/s3/blobs.ts'
import { sesClient } from '@kabutar/aws/ses/client.ts'
import { sesRelay } from '@kabutar/aws/ses/relay.ts'
import { sqsClient, sqsQueue } from '@kabutar/aws/sqs/queue.ts'
import { queuesOf, tableOf } from '@kabutar/cli/aws-stage.ts'
import { blobsContract } from '@kabutar/core/ports/blobs.contract.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { queueContract } from '@kabutar/core/ports/queue.contract.ts'
import { type Relayed, relayContract } from '@kabutar/core/ports/relay.contract.ts'
import { tableContract } from '@kabutar/core/ports/table.contract.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { silent } from '@kabutar/testing/sending-rig.ts'
import { createTable, freshName, stageTags } from '../dynamo.ts'
import { downloadPresigned, uploadPresigned } from '../presigned.ts'
import { standIn } from '../servers.ts'
import { startMoto } from './server.ts'

/** Runs the contracts on a second emulator. Where the two emulators disagree, AWS's documentation decides. */
const moto = await startMoto()
after(() => moto.close())
const options = standIn(moto.endpoint)

const dynamo = dynamoClient(options)
/** Contracts that moto breaks, with quotations of the DynamoDB Developer Guide and API reference. */
const MOTO_IS_WRONG = {
  '24 concurrent transactions on the same two rows all succeed':
    'Isolation levels: "as if no operation begins until the previous one has finished"; moto loses updates of threads',
  'a token makes a transaction idempotent':
    'TransactWriteItems, ClientRequestToken: "multiple identical calls have the same effect as one"; moto applies each',
  'condition: another type compares false':
    'Comparison operators: "true if a is less than b", for values of one type; moto answers 500 to others',
  'refused: adding to an attribute that is no number; nothing is written':
    'UpdateItem: "ADD supports only number and set data types", and an update is whole; moto keeps the part before',
} as const
tableContract(
  'DynamoDB as moto sees it',
  async () => {
    const name = freshName('moto')
    await createTable(dynamo, name)
    return { table: dynamoTable(dynamo, name, systemClock) }
  },
  MOTO_IS_WRONG,
)

const sqs = sqsClient(options)
queueContract('SQS as moto sees it', async () => {
  const name = freshName('moto')
  const dead = (await sqs.send(new CreateQueueCommand({ QueueName: `${name}-dead` }))).QueueUrl ?? ''
  const asked = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: dead, AttributeNames: ['QueueArn'] }))
  const redrive = JSON.stringify({ deadLetterTargetArn: asked.Attributes?.QueueArn, maxReceiveCount: 2 })
  const made = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: { RedrivePolicy: redrive } }))
  return {
    main: sqsQueue(sqs, made.QueueUrl ?? '', { maxAttempts: 2, clock: systemClock }),
    deadLetters: sqsQueue(sqs, dead, { maxAttempts: 99, clock: systemClock }),
  }
})

const s3 = s3Client({ ...options, forcePathStyle: true })
await s3.send(new CreateBucketCommand({ Bucket: 'contract' }))
blobsContract('S3 as moto sees it', async () => ({
  blobs: s3Blobs(s3, 'contract'),
  download: downloadPresigned,
  upload: uploadPresigned,
}))

/**
 * The Identities contract runs on our own stand-ins only: moto lacks PutEmailIdentityMailFromAttributes and
 * DeleteReceiptRule, which adding and removing a domain need.
 */
const ses = sesClient(options)
await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: 'kabutar.test' }))
await ses.send(new CreateConfigurationSetCommand({ ConfigurationSetName: 'kabutar' }))
/** A clock whose waits take no time: moto lacks GetAccount, and an unknown rate is one a second. */
let seconds = 0
const clock: Clock = {
  ...systemClock,
  now: () => Date.now() + seconds,
  sleep: async (ms) => {
    seconds += ms
  },
}
const relay = sesRelay(ses, {
  region: 'us-east-1',
  configurationSet: 'kabutar',
  concurrency: 1,
  clock,
  log: silent,
  table: sqliteTable(memoryEngine(), clock),
  random: Math.random,
})

type RawMessage = { readonly destinations: readonly string[]; readonly raw_data: string }
/** Mails as moto shows them. It adds the recipients of the header fields, which SES ignores when a Destination is given. */
function received(): readonly Relayed[] {
  const dump = execFileSync('curl', ['-sS', `${moto.endpoint}/moto-api/data.json`], { maxBuffer: 256 * 1024 * 1024 })
  const { ses: stored = {} } = JSON.parse(dump.toString()) as { ses?: { RawMessage?: readonly RawMessage[] } }
  return (stored.RawMessage ?? []).map(({ destinations, raw_data }) => ({
    envelope: { returnPath: '', recipients: destinations },
    raw: Buffer.from(raw_data),
  }))
}
const OWN_RETURN_PATH = 'SES puts its own MAIL FROM in place of the return path'
relayContract('SES as moto sees it', async () => ({ relay, received }), {
  'the next hop takes the bytes and the envelope as they are': OWN_RETURN_PATH,
  'a notification has an empty return path': OWN_RETURN_PATH,
})

test('SES, as emulated by moto, accepts a message with configuration set and tags', async () => {
  const raw = Buffer.from('From: a@kabutar.test\r\nTo: b@x.test\r\nSubject: s\r\n\r\nbody\r\n')
  const envelope = { returnPath: 'bounce@kabutar.test', recipients: ['b@x.test'] }
  const result = await relay.send(envelope, raw, { messageId: '<1@kabutar.test>', tags: { kabutar_id: '1' } })
  assert.equal(result.outcome, 'sent')
  assert.equal(result.messageId, `<${result.relayId}@email.amazonses.com>`)
  assert.ok(received().some((one) => raw.equals(one.raw)))
})

test('the table and the queues of a stage, as emulated by moto, are found by name and tags', async () => {
  await createTable(dynamo, 'kabutar-prod-TableTable-abc', 'prod')
  await createTable(dynamo, 'kabutar-prod-TableTable-def')
  assert.equal(await tableOf(dynamo, 'prod'), 'kabutar-prod-TableTable-abc')
  const own = { 'SendQueue-abc': 'prod', 'SendDeadQueue-abc': 'prod', 'SendQueue-def': 'other' }
  for (const [name, stage] of Object.entries(own)) {
    await sqs.send(new CreateQueueCommand({ QueueName: `kabutar-prod-${name}`, tags: stageTags(stage) }))
  }
  await sqs.send(new CreateQueueCommand({ QueueName: 'kabutar-prod-eu-SendQueue-abc', tags: stageTags('prod-eu') }))
  const queues = await queuesOf(sqs, 'prod')
  assert.deepEqual([...queues.keys()].toSorted(), ['Send', 'SendDead'])
})

/**
 * Only the calls of tags: moto does not show them in GetEmailIdentity, creates an identity twice, where AWS answers
 * AlreadyExistsException, and lacks PutEmailIdentityFeedbackAttributes, StartMessageMoveTask and DeleteReceiptRule. There
 * AWS's API references decide.
 */
test('an identity, as emulated by moto, gets and loses the tags of one that is connected', async () => {
  await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: 'team.test' }))
  const ResourceArn = 'arn:aws:ses:us-east-1:123456789012:identity/team.test'
  const Tags = ['kabutar', 'kabutar-connected', 'team'].map((Key) => ({ Key, Value: 'v' }))
  await ses.send(new TagResourceCommand({ ResourceArn, Tags }))
  await ses.send(new UntagResourceCommand({ ResourceArn, TagKeys: ['kabutar', 'kabutar-connected'] }))
  const answer = await ses.send(new ListTagsForResourceCommand({ ResourceArn }))
  assert.deepEqual(answer.Tags, [{ Key: 'team', Value: 'v' }])
})
