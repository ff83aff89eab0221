import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import type { BatchAnswer, SqsRecord } from '@kabutar/aws/lambda/queue-handler.ts'
import type { Count } from '../cost/tally.ts'
import { TooManyRequests } from './executions.ts'
import type { Lambda } from './lambda.ts'
import { invoked, isLoop, LINEAGE_ATTRIBUTE, lineageOf, lineageText } from './lineage.ts'
import { bodyOf, serve } from './servers.ts'
import { countApiRequest } from './usage.ts'

/** The event sources of functions: an HTTP API, event source mappings of queues, and a schedule. */

/** API Gateway's limit for a request to an HTTP API. */
const MAX_BODY_BYTES = 10_000_000

/** A route's path, such as `/domains` or `/domains/{path+}`, and its function. */
export type Route = { readonly path: string; readonly lambda: Lambda }

/**
 * Serves an HTTP API with payload format 2.0: of its routes or, if none matches, of `otherwise`. If the function fails, it
 * answers as the gateway does.
 */
export function serveApi(
  otherwise: Lambda,
  routes: readonly Route[],
  port: number,
  count: Count,
): Promise<{ endpoint: string; close(): void }> {
  return serve(async (request, response) => {
    const body = await bodyOf(request)
    countApiRequest(count, body.byteLength)
    if (body.byteLength > MAX_BODY_BYTES) return refuse(response, 413, 'Request Too Long')
    try {
      const [path = '/'] = (request.url ?? '/').split('?')
      const { lambda } = routes.find((route) => matches(route.path, path)) ?? { lambda: otherwise }
      const answer = (await lambda.invoke(eventOf(request, body))) as Answer
      response.writeHead(answer.statusCode, { ...answer.headers })
      response.end(Buffer.from(answer.body, answer.isBase64Encoded ? 'base64' : 'utf8'))
    } catch (error) {
      if (error instanceof TooManyRequests) return refuse(response, 503, 'Service Unavailable')
      refuse(response, 500, 'Internal Server Error')
    }
  }, port)
}

/** A last part `{name+}` matches one or more segments. Repeated slashes match nothing. */
function matches(route: string, path: string): boolean {
  const greedy = /^(.*)\/\{\w+\+\}$/.exec(route)
  return greedy ? path.startsWith(`${greedy[1]}/`) && path.length > `${greedy[1]}/`.length : path === route
}

type Answer = { statusCode: number; headers: Record<string, string>; body: string; isBase64Encoded: boolean }

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }))
}

function eventOf(request: IncomingMessage, body: Buffer) {
  const { method = 'GET', headers: raw, url = '/' } = request
  const [path = '/', query = ''] = url.split('?', 2)
  const headers = Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, [value].flat().join(',')]))
  const text = /^(text\/|application\/(json|javascript|xml))/.test(headers['content-type'] ?? 'text/')
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    headers,
    requestContext: {
      accountId: '123456789012',
      apiId: 'api',
      domainName: raw.host ?? 'localhost',
      domainPrefix: 'api',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: headers['user-agent'] ?? '' },
      requestId: 'request',
      routeKey: '$default',
      stage: '$default',
      time: new Date().toUTCString(),
      timeEpoch: Date.now(),
    },
    ...(body.byteLength > 0 && { body: body.toString(text ? 'utf8' : 'base64') }),
    isBase64Encoded: !text && body.byteLength > 0,
  }
}

export type Mapping = {
  readonly sqs: SQSClient
  readonly url: string
  readonly lambda: Lambda
  readonly batch: number
  /** Time to collect a whole batch. @default 0 */
  readonly windowMs?: number
  /** Duration of a poll; after one of 0 it pauses 5 ms. @default 1 */
  readonly pollSeconds?: number
  readonly signal: AbortSignal
  /** Awaited before each poll, with the name of the function. */
  readonly gate?: (name: string) => Promise<void>
  /** Changes a batch before the invocation, within what SQS may do. @default no change */
  readonly disturb?: <R extends SqsRecord>(records: readonly R[], name: string) => readonly R[]
  readonly name: string
  /** By how much the function's clock is ahead of the queue's. */
  readonly aheadMs: number
  /** Time until a batch that was not handled comes again. */
  readonly visibilityMs: number
  /** The dead-letter queue, for the entries of a loop. */
  readonly deadLetters: string
}

/** A record, and the lineage of whoever sent it. */
type Received = SqsRecord & { readonly lineage: string | undefined }

/** Runs an event source mapping with `ReportBatchItemFailures`. If the function throws, the whole batch stays in the queue. */
export async function mapQueue(mapping: Mapping): Promise<void> {
  const { lambda, name, signal, disturb = (records) => records } = mapping
  while (!signal.aborted) {
    await mapping.gate?.(name)
    const records = disturb(await gather(mapping), name)
    if (records.length === 0) {
      if (mapping.pollSeconds === 0) await sleep(SHORTLY_MS)
      continue
    }
    const loops = records.filter((record) => isLoop(lineageOf(record.lineage), name))
    if (loops.length > 0) await drop(mapping, loops)
    const given = records.filter((record) => !loops.includes(record))
    if (given.length === 0) continue
    const lineage = invoked(
      given.map((record) => lineageOf(record.lineage)),
      name,
    )
    const event = { Records: given.map(({ lineage: _, ...record }) => record) }
    const answer = await unlessThrottled(mapping, () => lambda.invoke(event, lineageText(lineage))).catch(
      () => undefined,
    )
    if (answer === undefined) continue
    const failed = new Set((answer as BatchAnswer).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
    const done = new Map(given.filter(({ messageId }) => !failed.has(messageId)).map((one) => [one.messageId, one]))
    await remove(mapping, [...done.values()])
  }
}

const TEN = 10
const SHORTLY_MS = 5
const LONGEST_BACKOFF_MS = 500

/** Invokes again while the account has no execution left, as Lambda does until the batch's visibility timeout ends. */
async function unlessThrottled<T>({ visibilityMs, signal }: Mapping, invoke: () => Promise<T>): Promise<T> {
  const end = Date.now() + visibilityMs
  for (let waitMs = 20; ; waitMs = Math.min(LONGEST_BACKOFF_MS, 2 * waitMs)) {
    try {
      return await invoke()
    } catch (error) {
      if (!(error instanceof TooManyRequests) || Date.now() + waitMs > end || signal.aborted) throw error
    }
    await sleep(waitMs, undefined, { signal }).catch(() => undefined)
  }
}

/** Polls until the batch is whole, or until its window has ended and the queue is empty. */
async function gather(mapping: Mapping): Promise<readonly Received[]> {
  const { batch, windowMs = 0, pollSeconds = 1, signal } = mapping
  const records = [...(await receive(mapping, Math.min(TEN, batch), pollSeconds))]
  for (const end = Date.now() + windowMs; records.length > 0 && records.length < batch && !signal.aborted; ) {
    const some = await receive(mapping, Math.min(TEN, batch - records.length), 0)
    if (some.length === 0 && Date.now() >= end) break
    if (some.length === 0) await sleep(20)
    records.push(...some)
  }
  return records
}

/** Moves entries whose chain has invoked the function 16 times to the dead letters, as Lambda does. */
async function drop(mapping: Mapping, records: readonly Received[]): Promise<void> {
  for (const { body } of records) {
    await mapping.sqs.send(new SendMessageCommand({ QueueUrl: mapping.deadLetters, MessageBody: body }))
  }
  await remove(mapping, records)
}

/** Deletes entries; one that SQS does not delete comes again. */
async function remove({ sqs, url }: Mapping, records: readonly SqsRecord[]): Promise<void> {
  for (let from = 0; from < records.length; from += TEN) {
    const some = records.slice(from, from + TEN)
    const Entries = some.map(({ receiptHandle }, i) => ({ Id: String(i), ReceiptHandle: receiptHandle }))
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries })).catch(() => undefined)
  }
}

async function receive(
  { sqs, url, signal, aheadMs }: Mapping,
  max: number,
  wait: number,
): Promise<readonly Received[]> {
  const command = new ReceiveMessageCommand({
    QueueUrl: url,
    MaxNumberOfMessages: max,
    WaitTimeSeconds: wait,
    MessageSystemAttributeNames: ['All'],
    MessageAttributeNames: [LINEAGE_ATTRIBUTE],
  })
  try {
    const { Messages = [] } = await sqs.send(command, { abortSignal: signal })
    return Messages.map(
      ({ MessageId = '', ReceiptHandle = '', Body = '', Attributes = {}, MessageAttributes = {} }) => ({
        messageId: MessageId,
        receiptHandle: ReceiptHandle,
        body: Body,
        attributes: { ...Attributes, SentTimestamp: String(Number(Attributes.SentTimestamp ?? 0) + aheadMs) },
        lineage: MessageAttributes[LINEAGE_ATTRIBUTE]?.StringValue,
      }),
    )
  } catch {
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined)
    return []
  }
}

const AGAIN_MS = 100

/** Runs a schedule, which never repeats a failed run. */
export async function runEvery(ms: number, lambda: Lambda, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await lambda.invoke({}).catch(() => undefined)
    await sleep(ms, undefined, { signal }).catch(() => undefined)
  }
}
