import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { type Strike, strike, type WireFault } from './faults.ts'
import { LINEAGE_ATTRIBUTE, lineageOf, lineageText } from './lineage.ts'
import { bodyOf, serve } from './servers.ts'
import { type Answer, moveTasks, refusal } from './sqs-move-tasks.ts'
import { AWS_ITSELF, type Usage } from './usage.ts'
import { countSqs } from './wire-counts.ts'

/** `entries failed`: an answer 200 in which every entry of a batch failed by a fault of SQS. */
export type SqsFault = Strike & { readonly kind: WireFault | 'entries failed' }
export type SqsFront = {
  readonly endpoint: string
  /** Pending faults; each is removed after `times` requests. */
  readonly faults: SqsFault[]
  /** Operations in the order of the requests. */
  readonly operations: string[]
  close(): void
}

/**
 * Starts a server in front of fauxqs with faults on demand, and with queue URLs that lead to itself. Waits after a failure
 * last a twentieth; a delay by `DelaySeconds` lasts as on AWS. `usage` counts what callers are billed for.
 */
export async function startSqsFront(inner: string, usage?: Usage): Promise<SqsFront> {
  const agent = new Agent({ keepAlive: true })
  const movesOf = moveTasks()
  const faults: SqsFault[] = []
  const operations: string[] = []
  const front = await serve(async (request, response) => {
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? ''
    operations.push(operation)
    const body = (await bodyOf(request)).toString()
    const { status, text } = await answer(operation, body, request).catch((error) => refusal(500, 'Broken', `${error}`))
    if (usage) bill(usage, request, operation, body, text)
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(text)
  })
  const answer = async (operation: string, body: string, request: IncomingMessage): Promise<Answer> => {
    const fault = strike(faults, operation, body)
    if (fault?.kind === 'throttled') return refusal(400, 'RequestThrottled', 'too fast')
    if (fault?.kind === 'unavailable') return refusal(503, 'ServiceUnavailable', 'try later')
    if (fault?.kind === 'entries failed') return { status: 200, text: JSON.stringify(allFailed(body)) }
    const call = (name: string, json: string) => forward(inner, agent, name, json, request)
    const moving = await movesOf(call, operation, body)
    if (moving) return moving
    const { status, text } = await call(operation, withLineage(operation, shortened(operation, body), request))
    if (fault) return refusal(500, 'InternalError', 'the answer was lost')
    return { status, text: text.replaceAll(/http:\/\/sqs\.[^/"]+/g, front.endpoint) }
  }
  const close = () => {
    agent.destroy()
    front.close()
  }
  return { endpoint: front.endpoint, faults, operations, close }
}

const FASTER = 20

/** Counts a request, except empty polls of event source mappings: their number on AWS depends only on time. */
function bill(usage: Usage, request: IncomingMessage, operation: string, body: string, answer: string): void {
  const caller = usage.caller(request)
  if (caller === undefined) return
  const isPoll = caller === AWS_ITSELF && operation === 'ReceiveMessage'
  if (isPoll && !/"Messages":\[\{/.test(answer)) usage.emptyPoll()
  else countSqs(usage.by(caller), body, answer)
}

function allFailed(body: string): object {
  const { Entries } = JSON.parse(body) as { Entries: readonly { Id: string }[] }
  return { Failed: Entries.map(({ Id }) => ({ Id, SenderFault: false, Code: 'InternalError', Message: 'try later' })) }
}

function shortened(operation: string, body: string): string {
  if (operation !== 'ChangeMessageVisibilityBatch') return body
  const asked = JSON.parse(body) as { Entries: readonly { VisibilityTimeout: number }[] }
  const Entries = asked.Entries.map((entry) => ({ ...entry, VisibilityTimeout: entry.VisibilityTimeout / FASTER }))
  return JSON.stringify({ ...asked, Entries })
}

/** Entries that a function sends carry the lineage of its invocation. */
function withLineage(operation: string, body: string, { headers }: IncomingMessage): string {
  const lineage = lineageText(lineageOf(String(headers['x-amzn-trace-id'] ?? '')))
  if (operation !== 'SendMessageBatch' || lineage === '') return body
  const asked = JSON.parse(body) as { Entries: readonly object[] }
  const MessageAttributes = { [LINEAGE_ATTRIBUTE]: { DataType: 'String', StringValue: lineage } }
  return JSON.stringify({ ...asked, Entries: asked.Entries.map((entry) => ({ ...entry, MessageAttributes })) })
}

function forward(inner: string, agent: Agent, operation: string, body: string, { headers }: IncomingMessage) {
  return new Promise<Answer>((resolve, reject) => {
    const sent = httpRequest(inner, {
      agent,
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AmazonSQS.${operation}`,
        authorization: headers.authorization ?? '',
        'content-length': Buffer.byteLength(body),
      },
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      bodyOf(response).then((bytes) => resolve({ status: response.statusCode ?? 500, text: bytes.toString() }), reject)
    })
    sent.end(body)
  })
}
