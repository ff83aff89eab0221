import type { S3Client } from '@aws-sdk/client-s3'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import type { SQSClient } from '@aws-sdk/client-sqs'
import './corrections.ts'
import { s3Client } from '@kabutar/aws/s3/blobs.ts'
import { sqsClient } from '@kabutar/aws/sqs/queue.ts'
import { standIn } from './servers.ts'

const { startFauxqs } = await import('fauxqs')

type QueueUrls = { readonly main: string; readonly deadLetters: string }
export type SqsS3 = {
  readonly endpoint: string
  readonly sqs: SQSClient
  readonly s3: S3Client
  /** Creates a queue and its dead-letter queue, to which an entry moves after `maxAttempts` receipts. */
  createQueues(name: string, maxAttempts: number): QueueUrls
  /** Returns the ARN. */
  createQueue(
    name: string,
    attributes: Readonly<Record<string, string>>,
    tags?: Readonly<Record<string, string>>,
  ): string
  /** Reads the bodies of all entries without receiving them. */
  bodiesIn(queue: string): readonly string[]
  createBucket(name: string): Promise<void>
  close(): Promise<void>
}

/**
 * Starts fauxqs in this process. It accepts some requests that AWS refuses: delays past 15 minutes, and wrong receipt
 * handles, signatures and checksums. Those cases are tested by the rules in core and on a real account.
 */
export async function startSqsS3(): Promise<SqsS3> {
  const server = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false })
  const endpoint = `http://127.0.0.1:${server.port}`
  const sqs = sqsClient(standIn(endpoint))
  const s3 = s3Client({ ...standIn(endpoint), forcePathStyle: true })
  return {
    endpoint,
    sqs,
    s3,
    createQueues(name, maxReceiveCount) {
      const dead = server.createQueue(`${name}-dead`)
      const redrive = JSON.stringify({ deadLetterTargetArn: dead.queueArn, maxReceiveCount })
      const main = server.createQueue(name, { attributes: { RedrivePolicy: redrive } })
      const local = ({ queueName }: { queueName: string }) => `${endpoint}/000000000000/${queueName}`
      return { main: local(main), deadLetters: local(dead) }
    },
    createQueue: (name, attributes, tags = {}) =>
      server.createQueue(name, { attributes: { ...attributes }, tags: { ...tags } }).queueArn,
    bodiesIn(queue) {
      const { ready = [], delayed = [], inflight = [] } = server.inspectQueue(queue)?.messages ?? {}
      return [...ready, ...delayed, ...inflight.map(({ message }) => message)].map(({ body }) => body)
    },
    createBucket: async (name) => {
      await s3.send(new CreateBucketCommand({ Bucket: name }))
    },
    close: async () => {
      sqs.destroy()
      s3.destroy()
      await server.stop()
    },
  }
}
