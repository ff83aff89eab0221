import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { CreateConfigurationSetCommand, CreateEmailIdentityCommand } from '@aws-sdk/client-sesv2'
import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { s3Blobs } from '@kabutar/aws/blobs.ts'
import { dynamoClient, sqsClient } from '@kabutar/aws/clients.ts'
import { sqsQueue } from '@kabutar/aws/queue.ts'
import { sesRelay } from '@kabutar/aws/relay.ts'
import { s3Client } from '@kabutar/aws/s3-client.ts'
import { sesClient } from '@kabutar/aws/ses-client.ts'
import { dynamoTable } from '@kabutar/aws/table.ts'
import { blobsContract } from '@kabutar/core/ports/blobs.contract.ts'
import { systemClock } from '@kabutar/core/ports/clock.ts'
import { queueContract } from '@kabutar/core/ports/queue.contract.ts'
import { tableContract } from '@kabutar/core/ports/table.contract.ts'
import { createTable, freshName } from '../dynamo.ts'
import { downloadPresigned, uploadPresigned } from '../presigned.ts'
import { standIn } from '../servers.ts'
import { startMoto } from './server.ts'

/** The contracts once more, before a second opinion of what AWS does. Where the two disagree, AWS's documentation decides. */
const moto = await startMoto()
after(() => moto.close())
const options = standIn(moto.endpoint)

const dynamo = dynamoClient(options)
/** Where moto is wrong: the words are those of the DynamoDB Developer Guide and API reference. */
const MOTO_IS_WRONG = {
  'a token makes a transaction idempotent':
    'TransactWriteItems, ClientRequestToken: "multiple identical calls have the same effect as one"; moto applies each',
  'condition: another type compares false':
    'Comparison operators: "true if a is less than b", for values of one type; moto answers 500 to others',
  'refused: adding to what is no number writes nothing':
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
    main: sqsQueue(sqs, made.QueueUrl ?? '', { maxAttempts: 2 }),
    deadLetters: sqsQueue(sqs, dead, { maxAttempts: 99 }),
  }
})

const s3 = s3Client({ ...options, forcePathStyle: true })
await s3.send(new CreateBucketCommand({ Bucket: 'contract' }))
blobsContract('S3 as moto sees it', async () => ({
  blobs: s3Blobs(s3, 'contract'),
  download: downloadPresigned,
  upload: uploadPresigned,
}))

test('SES as moto sees it takes what we send, with configuration set and tags', async () => {
  const ses = sesClient(options)
  await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: 'kabutar.test' }))
  await ses.send(new CreateConfigurationSetCommand({ ConfigurationSetName: 'kabutar' }))
  const relay = sesRelay(ses, { region: 'us-east-1', configurationSet: 'kabutar', concurrency: 1 })
  const raw = Buffer.from('From: a@kabutar.test\r\nTo: b@x.test\r\nSubject: s\r\n\r\nbody\r\n')
  const envelope = { returnPath: 'bounce@kabutar.test', recipients: ['b@x.test'] }
  const result = await relay.send(envelope, raw, { messageId: '<1@kabutar.test>', tags: { kabutar_id: '1' } })
  assert.equal(result.outcome, 'sent')
  assert.equal(result.messageId, `<${result.relayId}@email.amazonses.com>`)
})
