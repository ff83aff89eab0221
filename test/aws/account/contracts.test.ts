/**
 * Runs the contracts of Table, Queue and Blobs on a real account, with credentials and AWS_REGION from the environment as
 * for any AWS tool. Creates a table, two queues and a bucket named `kabutar-contract-…`, and removes them at the end.
 */
import { after } from 'node:test'
import { DeleteTableCommand, waitUntilTableExists } from '@aws-sdk/client-dynamodb'
import { CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { CreateQueueCommand, DeleteQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { dynamoClient, dynamoTable } from '@kabutar/aws/dynamo/table.ts'
import { s3Blobs, s3Client } from '@kabutar/aws/s3/blobs.ts'
import { sqsClient, sqsQueue } from '@kabutar/aws/sqs/queue.ts'
import { blobsContract } from '@kabutar/core/ports/blobs.contract.ts'
import { queueContract } from '@kabutar/core/ports/queue.contract.ts'
import { tableContract } from '@kabutar/core/ports/table.contract.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { createTable } from '../dynamo.ts'

const [dynamo, sqs, s3] = [dynamoClient(), sqsClient(), s3Client()]
const NAME = `kabutar-contract-${Date.now()}`
const MAX_PAGES = 100

const made: (() => Promise<unknown>)[] = []
after(async () => {
  for (const remove of made.reverse()) await remove().catch((error) => console.error('not removed:', error))
  for (const client of [dynamo, sqs, s3]) client.destroy()
})

tableContract('DynamoDB in the account', async () => {
  await createTable(dynamo, NAME)
  made.push(() => dynamo.send(new DeleteTableCommand({ TableName: NAME })))
  await waitUntilTableExists({ client: dynamo, maxWaitTime: 120 }, { TableName: NAME })
  return { table: dynamoTable(dynamo, NAME, systemClock) }
})

queueContract('SQS in the account', async () => {
  const create = async (QueueName: string, Attributes = {}) => {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))
    made.push(() => sqs.send(new DeleteQueueCommand({ QueueUrl })))
    return QueueUrl
  }
  const dead = await create(`${NAME}-dead`)
  const asked = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: dead, AttributeNames: ['QueueArn'] }))
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: asked.Attributes?.QueueArn, maxReceiveCount: 2 })
  return {
    main: sqsQueue(sqs, await create(NAME, { RedrivePolicy }), { maxAttempts: 2, clock: systemClock }),
    deadLetters: sqsQueue(sqs, dead, { maxAttempts: 99, clock: systemClock }),
  }
})

blobsContract('S3 in the account', async () => {
  const region = await s3.config.region()
  const where = { CreateBucketConfiguration: { LocationConstraint: region as 'eu-west-1' } }
  await s3.send(new CreateBucketCommand({ Bucket: NAME, ...(region !== 'us-east-1' && where) }))
  made.push(removeBucket)
  return {
    blobs: s3Blobs(s3, NAME),
    download: (url) => fetch(url),
    upload: (url, body) => fetch(url, { method: 'PUT', headers: { 'If-None-Match': '*' }, body: Buffer.from(body) }),
  }
})

async function removeBucket(): Promise<void> {
  for (let page = 0; page < MAX_PAGES; page++) {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: NAME }))
    if (Contents.length === 0) break
    for (const { Key } of Contents) await s3.send(new DeleteObjectCommand({ Bucket: NAME, Key }))
  }
  await s3.send(new DeleteBucketCommand({ Bucket: NAME }))
}
