import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { dynamoTable } from '@kabutar/aws/dynamo/table.ts'
import { sqsClient, sqsQueue } from '@kabutar/aws/sqs/queue.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { type Dynamo, stageTags, startDynamo } from './dynamo.ts'
import {
  aheadMsOf,
  type Concurrency,
  callsOf,
  type Environment,
  type Lambdas,
  type Observed,
  type Started,
  startFunctions,
} from './functions.ts'
import { notGranted, usedActions } from './granted.ts'
import { type InboundMail, notifyOf, putObject, receiveMail, type SesInbound } from './inbound.ts'
import { buildRuntime } from './ric.ts'
import { startS3Front } from './s3-front.ts'
import { STAND_IN_SECRET, standIn } from './servers.ts'
import { type SentMail, type Ses, startSes } from './ses.ts'
import { type ReceiptRulesStandIn, startReceiptRules } from './ses-receipt-rules.ts'
import { type Mapping, mapQueue, type Route, runEvery, serveApi } from './sources.ts'
import { type SqsFront, startSqsFront } from './sqs-front.ts'
import { type SqsS3, startSqsS3 } from './sqs-s3.ts'
import { AWS_ITSELF, accessKeyOf, startUsage, type Usage } from './usage.ts'
import { usageLine } from './usage-line.ts'
import { noteUsed } from './used-actions.ts'
import { type QueueRole, readWiring, type Wiring } from './wiring.ts'

/**
 * The AWS composition without an account: the bundles that `sst diff` built, each in AWS's runtime client with the
 * environment that the stacks declare, and the event sources that invoke them. Stand-ins of DynamoDB, SQS, S3 and SES are
 * behind them.
 */
export type Platform = {
  readonly wiring: Wiring
  readonly dynamo: Dynamo
  readonly sqs: SqsFront
  readonly s3Endpoint: string
  readonly s3: SqsS3['s3']
  readonly ses: Ses
  readonly rules: ReceiptRulesStandIn
  readonly table: ReturnType<typeof dynamoTable>
  /** Counts what AWS would bill. */
  readonly usage: Usage
  /** Region, credentials and endpoints for a program that calls AWS. */
  readonly env: Environment
  queue(name: QueueRole | 'reconcile' | { readonly deadLettersOf: QueueRole }): ReturnType<typeof sqsQueue>
  /** Queues an event of the configuration set, as SNS delivers it. */
  publish(event: object): Promise<void>
  /** Starts every function and its event source. */
  run(env?: Environment, options?: RunOptions): Promise<Running>
  /** Receives a mail at SES: object, S3's event and, unless it is lost, the notification. Returns the object's key. */
  receive(mail: InboundMail): Promise<string>
  /** Sends only the notification, again or late. */
  notify(mail: InboundMail): Promise<void>
  put(mail: InboundMail): Promise<void>
  /** Reads the bodies in every dead-letter queue and leaves them there. */
  deadLetters(): readonly string[]
  /** True if a queue has no entries, leased ones included; the call is not counted. */
  isEmpty(role: QueueRole): boolean
  /** Ends the platform and prints what was used. @throws {AssertionError} if a function made a call that its role does not grant */
  close(): Promise<void>
}
type Mapped = Pick<Mapping, 'disturb' | 'windowMs' | 'pollSeconds' | 'gate'>
export type RunOptions = Mapped & {
  readonly port?: number
  /** Without it an account has as many executions as sandboxes, which are few. */
  readonly concurrency?: Concurrency
  /** The sweep runs only when a test invokes it, and each function has one sandbox, so that usage is predictable. */
  readonly measured?: boolean
}
export type Running = {
  readonly url: string
  readonly lambdas: Lambdas
  /** Log lines of every function since its start. */
  logs(): readonly string[]
  /** Ends the functions after they have finished their work. */
  stop(): Promise<void>
  /** Ends the functions at once. */
  kill(): Promise<void>
}

const SWEEP_EVERY_MS = 1000
/** Shortens waits of queues, such as visibility timeouts and the delay of S3's events: a minute takes a second. */
const MINUTE_SECONDS = 1
const ATTEMPTS = 5
/** The stage whose diff the tests read (wiring.ts). */
const STAGE = 'production'

type PlatformOptions = {
  /** Delay of S3's events for the sweep. @default as declared, shortened like other waits */
  readonly reconcileAfterSeconds?: number
}

export async function startPlatform(
  deliver: (mail: SentMail) => void,
  { reconcileAfterSeconds }: PlatformOptions = {},
): Promise<Platform> {
  buildRuntime()
  const wiring = readWiring()
  const usage = startUsage()
  const from = performance.now()
  const [dynamo, sqsS3, ses, rules] = await Promise.all([
    startDynamo(usage),
    startSqsS3(),
    startSes(deliver, usage),
    startReceiptRules(),
  ])
  const [sqs, s3Front] = await Promise.all([startSqsFront(sqsS3.endpoint, usage), startS3Front(sqsS3.endpoint, usage)])
  await Promise.all([dynamo.createTable(wiring.table, STAGE), sqsS3.createBucket(wiring.bucket)])
  createQueues(sqsS3, wiring, reconcileAfterSeconds)
  ses.configurationSets.add(wiring.configurationSet)
  const client = sqsClient(standIn(sqs.endpoint))
  const awsClient = sqsClient(standIn(sqs.endpoint, accessKeyOf(AWS_ITSELF)))
  const count = usage.by(AWS_ITSELF)
  const urlOf = (name: string) => `${sqs.endpoint}/000000000000/${name}`
  const inbound: SesInbound = { s3: sqsS3.s3, sqs: awsClient, wiring, urlOf, count, asked: s3Front.asked }
  const calls = temporaryFolder()
  const env = environment({ dynamo, sqs, ses, rules, s3Endpoint: s3Front.endpoint })
  return {
    wiring,
    dynamo,
    sqs,
    s3: sqsS3.s3,
    s3Endpoint: s3Front.endpoint,
    ses,
    rules,
    env,
    usage,
    table: dynamoTable(dynamo.client, wiring.table, systemClock),
    queue: (name) => sqsQueue(client, urlOf(queueName(wiring, name)), { maxAttempts: ATTEMPTS, clock: systemClock }),
    async publish(event) {
      const MessageBody = JSON.stringify(event)
      count('snsPublishes', 1)
      await awsClient.send(new SendMessageCommand({ QueueUrl: urlOf(wiring.roles.feedback), MessageBody }))
    },
    run: (more = {}, options = {}) =>
      run({ wiring, client: awsClient, urlOf, calls, usage }, { ...env, ...more }, options),
    receive: (mail) => receiveMail(inbound, mail),
    notify: (mail) => notifyOf(inbound, mail),
    put: (mail) => putObject(inbound, mail),
    isEmpty: (role) => sqsS3.bodiesIn(wiring.roles[role]).length === 0,
    deadLetters: () => deadLetterQueues(wiring).flatMap((name) => sqsS3.bodiesIn(name)),
    async close() {
      const lived = { seconds: (performance.now() - from) / 1000, polledQueues: wiring.mappings.length }
      console.log(usageLine(basename(process.argv[1] ?? ''), usage.soFar(), lived))
      for (const one of [ses, rules, dynamo, sqs, s3Front]) one.close()
      client.destroy()
      awsClient.destroy()
      await sqsS3.close()
      assertGranted(wiring, calls)
    },
  }
}

const scaledSeconds = (seconds: number) => Math.ceil((seconds / 60) * MINUTE_SECONDS)

function createQueues(sqsS3: SqsS3, { queues, created }: Wiring, reconcileAfterSeconds: number | undefined): void {
  const arns = new Map<string, string>()
  for (const { name, delaySeconds, visibilitySeconds, redrive } of queues) {
    const scaled = (seconds: number) => String(scaledSeconds(seconds))
    const arn = sqsS3.createQueue(
      name,
      {
        DelaySeconds:
          name === created.queue ? String(reconcileAfterSeconds ?? scaled(delaySeconds)) : scaled(delaySeconds),
        VisibilityTimeout: scaled(visibilitySeconds),
        ...(redrive && {
          RedrivePolicy: JSON.stringify({ ...redrive, deadLetterTargetArn: arns.get(redrive.deadLetters) }),
        }),
      },
      stageTags(STAGE),
    )
    arns.set(name, arn)
  }
}

function queueName({ roles, created, queues }: Wiring, name: Parameters<Platform['queue']>[0]): string {
  if (name === 'reconcile') return created.queue
  if (typeof name === 'string') return roles[name]
  const { redrive } = queues.find((queue) => queue.name === roles[name.deadLettersOf]) ?? {}
  if (redrive === undefined) throw new Error(`${name.deadLettersOf} has no dead letters`)
  return redrive.deadLetters
}

function deadLetterQueues({ queues }: Wiring): readonly string[] {
  return [...new Set(queues.flatMap(({ redrive }) => redrive?.deadLetters ?? []))]
}

type Endpoints = Pick<Platform, 'dynamo' | 'sqs' | 'ses' | 'rules' | 's3Endpoint'>

function environment({ dynamo, sqs, s3Endpoint, ses, rules }: Endpoints): Environment {
  return {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: standIn('').credentials?.accessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: STAND_IN_SECRET,
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    AWS_ENDPOINT_URL_S3: s3Endpoint,
    AWS_ENDPOINT_URL_SESV2: ses.endpoint,
    AWS_ENDPOINT_URL_SES: rules.endpoint,
  }
}

/** Fails for calls that the role of a function does not grant: AWS would have refused them. */
function assertGranted({ functions }: Wiring, calls: string): void {
  for (const declared of functions) {
    const file = callsOf(calls, declared)
    noteUsed(declared.handler, usedActions(file))
    const missing = notGranted(file, declared.statements)
    assert.deepEqual(missing, [], `${declared.handler} called what it may not`)
  }
}

type Sqs = { readonly client: ReturnType<typeof sqsClient>; readonly urlOf: (name: string) => string }
type Parts = Sqs & Observed & { readonly wiring: Wiring }

async function run(
  parts: Parts,
  env: Environment,
  { port = 0, measured = false, concurrency, ...mapped }: RunOptions,
): Promise<Running> {
  const { wiring, usage } = parts
  const started = await startFunctions(wiring, parts.urlOf, env, parts, measured ? { sandboxes: {} } : concurrency)
  const ending = new AbortController()
  const { signal } = ending
  const sources = Promise.all([
    startMappings(wiring, parts, started, signal, { ...mapped, env }),
    measured ? undefined : runEvery(SWEEP_EVERY_MS, started.named.sweep, signal),
  ])
  const front = await serveApi(started.named.api, routesOf(wiring, started), port, usage.by(AWS_ITSELF))
  const killAll = () => Promise.all(started.all.map((lambda) => lambda.kill()))
  const end = async (first: () => Promise<unknown>) => {
    ending.abort()
    front.close()
    await first()
    await sources
    await killAll()
  }
  const logs = () => started.all.flatMap((lambda) => lambda.logs)
  return {
    url: front.endpoint,
    lambdas: started.named,
    logs,
    stop: () => end(async () => {}),
    kill: () => end(killAll),
  }
}

function routesOf({ routes }: Wiring, { byComponent }: Started): readonly Route[] {
  return routes.flatMap(({ path, component }) => {
    const lambda = byComponent.get(component)
    return lambda ? [{ path, lambda }] : []
  })
}

function startMappings(
  { mappings, queues }: Wiring,
  { client, urlOf }: Sqs,
  { byComponent, nameOf, sandboxesOf }: Started,
  signal: AbortSignal,
  { env, ...more }: Mapped & { readonly env: Environment },
): Promise<unknown> {
  const mapped = mappings.flatMap(({ queue, component, batch }) => {
    const lambda = byComponent.get(component)
    if (lambda === undefined) throw new Error(`no function ${component}`)
    const name = nameOf(component)
    const { redrive, visibilitySeconds = 0 } = queues.find((one) => one.name === queue) ?? {}
    const visibilityMs = 1000 * scaledSeconds(visibilitySeconds)
    const deadLetters = urlOf(redrive?.deadLetters ?? queue)
    const aheadMs = aheadMsOf(name, env)
    const own = { sqs: client, url: urlOf(queue), deadLetters, visibilityMs, lambda, name, batch, signal, aheadMs }
    const mapping = { ...own, ...more }
    return Array.from({ length: sandboxesOf(component) }, () => mapQueue(mapping))
  })
  return Promise.all(mapped)
}
