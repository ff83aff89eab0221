import assert from 'node:assert/strict'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { sqsQueue } from '@kabutar/aws/queue.ts'
import { dynamoTable } from '@kabutar/aws/table.ts'
import { systemClock } from '@kabutar/core/ports/clock.ts'
import { temporaryFolder } from '@kabutar/local/testing/temporary-folder.ts'
import { type LambdaFunction, reader } from '../infra/declared.ts'
import { APP, load } from '../infra/diff.ts'
import { type Dynamo, startDynamo } from './dynamo.ts'
import { notGranted } from './granted.ts'
import { type Lambda, startLambda } from './lambda.ts'
import { buildRuntime } from './ric.ts'
import { STAND_IN_SECRET, standIn } from './servers.ts'
import { type SentMail, type Ses, startSes } from './ses.ts'
import { notificationOf } from './ses-receipt.ts'
import { type ReceiptRules, startReceiptRules } from './ses-receipt-rules.ts'
import { type Mapping, mapQueue, runEvery, serveApi } from './sources.ts'
import { type QueueUrls, type SqsS3, startSqsS3 } from './sqs-s3.ts'

/**
 * The AWS composition without an account: the artifacts that `sst diff` built, each in AWS's own runtime client with the
 * environment that the stacks give it, and what calls them. Behind them stand-ins of DynamoDB, SQS, S3 and SES.
 */
export type Platform = {
  readonly dynamo: Dynamo
  readonly sqsS3: SqsS3
  readonly ses: Ses
  readonly rules: ReceiptRules
  readonly queues: Readonly<Record<QueueName, QueueUrls>>
  readonly table: ReturnType<typeof dynamoTable>
  readonly queue: (name: QueueName) => ReturnType<typeof sqsQueue>
  /** As SNS passes an event of the configuration set on. */
  publish(event: object): Promise<void>
  /** Starts every function and what calls it. */
  run(env?: Env, options?: RunOptions): Promise<Running>
  /** As SES receives a mail: the object, and unless it is lost the notification. Answers the key of the object. */
  receive(mail: InboundMail): Promise<string>
  /** @throws {AssertionError} if a function called what its role does not grant */
  close(): Promise<void>
}
export type RunOptions = { readonly port?: number; readonly disturb?: NonNullable<Mapping['disturb']> }
export type InboundMail = {
  readonly sesId: string
  readonly raw: string
  readonly recipients: readonly string[]
  /** A notification that comes twice says the same. @default now */
  readonly receivedAt?: Date
  /** @default 'after' the object */
  readonly notification?: 'after' | 'before' | 'lost'
}
export type Running = {
  readonly url: string
  readonly lambdas: Readonly<Record<FunctionName, Lambda>>
  stop(): Promise<void>
}

const QUEUES = { send: 'SEND', webhooks: 'WEBHOOK', feedback: 'FEEDBACK', receive: 'RECEIVE', lost: 'LOST' } as const
type QueueName = keyof typeof QUEUES
/** How many sandboxes each may have; this machine is smaller than AWS. */
const FUNCTIONS = { api: 4, send: 2, feedback: 1, notify: 2, receive: 1, sweep: 1 } as const
type FunctionName = keyof typeof FUNCTIONS

const TABLE = 'kabutar'
const BUCKET = 'kabutar'
const ATTEMPTS = 5
const SWEEP_EVERY_MS = 1000

export async function startPlatform(deliver: (mail: SentMail) => void): Promise<Platform> {
  buildRuntime()
  const [dynamo, sqsS3, ses, rules] = await Promise.all([
    startDynamo(),
    startSqsS3(),
    startSes(deliver),
    startReceiptRules(),
  ])
  await Promise.all([dynamo.createTable(TABLE), sqsS3.createBucket(BUCKET)])
  const names = Object.keys(QUEUES) as QueueName[]
  const made = names.map((name) => [name, sqsS3.createQueues(name, ATTEMPTS)] as const)
  const queues = Object.fromEntries(made) as Record<QueueName, QueueUrls>
  const settings = settingsOf({ dynamo, sqsS3, ses, rules }, queues)
  const calls = temporaryFolder()
  return {
    dynamo,
    sqsS3,
    ses,
    rules,
    queues,
    table: dynamoTable(dynamo.client, TABLE, systemClock),
    queue: (name) => sqsQueue(sqsS3.sqs, queues[name].main, { maxAttempts: ATTEMPTS }),
    async publish(event) {
      const command = new SendMessageCommand({ QueueUrl: queues.feedback.main, MessageBody: JSON.stringify(event) })
      await sqsS3.sqs.send(command)
    },
    run: (env = {}, options = {}) => run(sqsS3, queues, { ...settings, ...env }, calls, options),
    receive: (mail) => receive(sqsS3, queues.receive.main, mail),
    async close() {
      ses.close()
      rules.close()
      dynamo.close()
      await sqsS3.close()
      assertGranted(calls)
    },
  }
}

type StandIns = { readonly dynamo: Dynamo; readonly sqsS3: SqsS3; readonly ses: Ses; readonly rules: ReceiptRules }
type Env = Readonly<Record<string, string>>

function settingsOf({ dynamo, sqsS3, ses, rules }: StandIns, queues: Readonly<Record<QueueName, QueueUrls>>): Env {
  const urls = Object.entries(QUEUES).map(([name, word]) => [`KABUTAR_${word}_QUEUE`, queues[name as QueueName].main])
  return {
    KABUTAR_DEAD_LETTERS: Object.values(queues)
      .map(({ deadLetters }) => deadLetters)
      .join(),
    KABUTAR_TABLE: TABLE,
    KABUTAR_BUCKET: BUCKET,
    KABUTAR_CONFIGURATION_SET: 'kabutar',
    ...Object.fromEntries(urls),
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: standIn('').credentials?.accessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: STAND_IN_SECRET,
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
    AWS_ENDPOINT_URL_SQS: sqsS3.endpoint,
    AWS_ENDPOINT_URL_S3: sqsS3.endpoint,
    AWS_ENDPOINT_URL_SESV2: ses.endpoint,
    AWS_ENDPOINT_URL_SES: rules.endpoint,
  }
}

async function run(
  sqsS3: SqsS3,
  queues: Readonly<Record<QueueName, QueueUrls>>,
  env: Env,
  calls: string,
  { port = 0, disturb = (records) => records }: RunOptions,
): Promise<Running> {
  const lambdas = await startLambdas(env, calls)
  const ending = new AbortController()
  const map = (queue: QueueName, lambda: Lambda, loops: number) =>
    Array.from({ length: loops }, () =>
      mapQueue({ sqs: sqsS3.sqs, url: queues[queue].main, lambda, batch: 10, signal: ending.signal, disturb }),
    )
  const sources = Promise.all([
    ...map('send', lambdas.send, FUNCTIONS.send),
    ...map('webhooks', lambdas.notify, FUNCTIONS.notify),
    ...map('feedback', lambdas.feedback, FUNCTIONS.feedback),
    ...map('receive', lambdas.receive, FUNCTIONS.receive),
    runEvery(SWEEP_EVERY_MS, lambdas.sweep, ending.signal),
  ])
  const front = await serveApi(lambdas.api, port)
  return {
    url: front.endpoint,
    lambdas,
    async stop() {
      ending.abort()
      front.close()
      await sources
      await Promise.all(Object.values(lambdas).map((lambda) => lambda.kill()))
    },
  }
}

/** AWS would have refused what the role of a function does not grant. */
function assertGranted(calls: string): void {
  for (const { handler, statements } of reader(load('ci')).workers()) {
    assert.deepEqual(notGranted(callsOf(calls, handler), statements), [], `${handler} called what it may not`)
  }
}

const callsOf = (folder: string, handler: string) => join(folder, `${basename(handler)}.jsonl`)

const LATE_MS = 500

async function receive({ s3, sqs }: SqsS3, queue: string, mail: InboundMail): Promise<string> {
  const { sesId, raw, recipients, receivedAt = new Date(), notification = 'after' } = mail
  const Key = `inbound/${sesId}`
  const put = () => s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: raw }))
  const MessageBody = JSON.stringify(notificationOf({ sesId, key: Key, recipients, receivedAt }))
  const tell = () => sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody }))
  if (notification === 'before') {
    await tell()
    await sleep(LATE_MS)
  }
  await put()
  if (notification === 'after') await tell()
  return Key
}

const OBSERVE = pathToFileURL(join(import.meta.dirname, 'observe.ts')).href

async function startLambdas(env: Env, calls: string): Promise<Record<FunctionName, Lambda>> {
  const declared = reader(load('ci')).workers()
  const lambdas: Partial<Record<FunctionName, Lambda>> = {}
  for (const name of Object.keys(FUNCTIONS) as FunctionName[]) {
    const found = declared.find(({ handler }) => handler === `functions/${name}.handler`)
    if (found === undefined) throw new Error(`the stacks have no function ${name}`)
    lambdas[name] = await startLambda({
      bundle: join(APP, '.sst/artifacts', `${found.component}-src`, 'bundle.mjs'),
      handler: found.inputs.handler,
      timeoutMs: found.inputs.timeout * 1000,
      sandboxes: FUNCTIONS[name],
      env: {
        ...environmentOf(found, env),
        NODE_OPTIONS: `--import=${OBSERVE}`,
        KABUTAR_TEST_CALLS: callsOf(calls, found.handler),
      },
    })
  }
  return lambdas as Record<FunctionName, Lambda>
}

/** What tests may change for a function, whether the stacks set it or not. */
const FREE = /^(AWS_|KABUTAR_(SEND_RETRIES|WEBHOOK_RETRIES|ALLOW_PRIVATE)$)/

/** The settings that the stacks declare and no other, with the stand-ins' values where those name a resource. */
function environmentOf({ inputs }: LambdaFunction, env: Env): Env {
  const { variables } = inputs.environment
  const set = Object.entries(env).filter(([name]) => name in variables || FREE.test(name))
  return { ...variables, ...Object.fromEntries(set) }
}
