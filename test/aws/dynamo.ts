import { createHash } from 'node:crypto'
import { Agent, createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  TagResourceCommand,
} from '@aws-sdk/client-dynamodb'
import './corrections.ts'
import { dynamoClient } from '@kabutar/aws/dynamo/table.ts'
import { type CrossCheck, counted } from './dynamo-units.ts'
import { type Strike, strike, type WireFault } from './faults.ts'
import { type KeyThrottle, keyThrottle } from './key-throttle.ts'
import { bodyOf, closeNow, listen, standIn } from './servers.ts'
import { type Call, transactor, type WireAnswer, wireError } from './transactions.ts'
import type { Usage } from './usage.ts'

const { default: dynalite } = await import('dynalite')

/** A fault of the next requests of an operation. */
export type DynamoFault = Strike & { readonly kind: WireFault | 'conflict' }

export type Dynamo = {
  readonly endpoint: string
  readonly client: DynamoDBClient
  /** Pending faults; each is removed after `times` requests. */
  readonly faults: DynamoFault[]
  /** Off at first. */
  readonly throttle: KeyThrottle
  /** Operations in the order of the requests. */
  readonly operations: string[]
  /** Units as counted here and by the emulator. */
  readonly check: Readonly<CrossCheck>
  /** `stage` gives it the tags that SST gives to resources of a stage. */
  createTable(name: string, stage?: string): Promise<void>
  close(): void
}

/**
 * Starts dynalite with a server in front that adds TransactWriteItems and faults on demand. One lock around every request
 * isolates them. TTL deletes nothing, which may also take days at AWS. `usage` counts what callers are billed for.
 */
export async function startDynamo(usage?: Usage): Promise<Dynamo> {
  const inner = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  const innerUrl = await listen(inner)
  const faults: DynamoFault[] = []
  const operations: string[] = []
  const check = { ours: 0, theirs: 0 }
  const throttle = keyThrottle()
  const answer = answerer(innerUrl, { faults, throttle }, usage, check)
  let queue: Promise<unknown> = Promise.resolve()
  const outer = createServer(async (request, response) => {
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? ''
    operations.push(operation)
    const body = await bodyOf(request).then(String, () => undefined)
    // The client was killed.
    if (body === undefined) return
    const turn = queue.then(() => answer(operation, body, request.headers))
    queue = turn.catch(() => undefined)
    const {
      status,
      body: text,
      crc,
    } = await turn.catch((error) => wireError(500, 'InternalServerError', String(error)))
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0', ...(crc && { 'x-amz-crc32': crc }) })
    response.end(text)
  })
  const endpoint = await listen(outer)
  const client = dynamoClient(standIn(endpoint))
  const close = () => {
    client.destroy()
    closeNow(outer)
    // Requests in progress are still answered.
    void queue.then(() => closeNow(inner))
  }
  return {
    endpoint,
    client,
    faults,
    throttle,
    operations,
    check,
    createTable: (name, stage) => createTable(client, name, stage),
    close,
  }
}

type Switches = Pick<Dynamo, 'faults' | 'throttle'>

function answerer(innerUrl: string, { faults, throttle }: Switches, usage: Usage | undefined, check: CrossCheck) {
  const agent = new Agent({ keepAlive: true })
  return async (operation: string, body: string, headers: IncomingHttpHeaders): Promise<WireAnswer> => {
    const call: Call = (target, json) => forward(innerUrl, agent, target, json, headers)
    const fault = strike(faults, operation, body)
    if (fault && fault.kind !== 'lost answer') return failing(fault, operation)
    const run = (json: string) => (operation === 'TransactWriteItems' ? transact(call, json) : call(operation, json))
    const caller = usage?.caller({ headers })
    const request = { operation, body }
    const throttled = (json: string) => throttle.around(operation, json, run)
    const done = await (usage && caller ? counted(call, request, usage.by(caller), check, throttled) : throttled(body))
    return fault ? wireError(500, 'InternalServerError', 'the answer was lost') : done
  }
}

const transact = transactor()

function failing({ kind }: DynamoFault, operation: string): WireAnswer {
  if (kind === 'unavailable') return wireError(503, 'ServiceUnavailable', 'try later')
  if (kind === 'throttled') return wireError(400, 'ThrottlingException', 'too fast')
  if (operation !== 'TransactWriteItems')
    return wireError(400, 'TransactionConflictException', 'a transaction is ongoing')
  const reasons = [{ Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }]
  return wireError(400, 'TransactionCanceledException', 'cancelled', { CancellationReasons: reasons })
}

function forward(url: string, agent: Agent, target: string, body: string, headers: IncomingHttpHeaders) {
  return new Promise<WireAnswer>((resolve, reject) => {
    const request = httpRequest(url, {
      agent,
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDB_20120810.${target}`,
        authorization: headers.authorization ?? '',
        'x-amz-date': String(headers['x-amz-date'] ?? ''),
        'content-length': Buffer.byteLength(body),
      },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      bodyOf(response).then(
        (bytes) =>
          resolve({ status: response.statusCode ?? 500, body: bytes.toString(), crc: crcOf(response.headers) }),
        reject,
      )
    })
    request.end(body)
  })
}

function crcOf(headers: IncomingHttpHeaders): string {
  return String(headers['x-amz-crc32'] ?? '')
}

/** Creates the table that stacks/storage.ts declares. */
export async function createTable(client: DynamoDBClient, TableName: string, stage?: string): Promise<void> {
  const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' }) as const
  const schema = (hash: string, range: string) => [
    { AttributeName: hash, KeyType: 'HASH' as const },
    { AttributeName: range, KeyType: 'RANGE' as const },
  ]
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk', 'gs1pk', 'gs1sk'].map(text),
      KeySchema: schema('pk', 'sk'),
      GlobalSecondaryIndexes: [
        {
          IndexName: 'gs1',
          KeySchema: schema('gs1pk', 'gs1sk'),
          Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['ttl'] },
        },
      ],
    }),
  )
  if (stage === undefined) return
  const { Table } = await client.send(new DescribeTableCommand({ TableName }))
  const Tags = Object.entries(stageTags(stage)).map(([Key, Value]) => ({ Key, Value }))
  await client.send(new TagResourceCommand({ ResourceArn: Table?.TableArn, Tags }))
}

export const stageTags = (stage: string) => ({ 'sst:app': 'kabutar', 'sst:stage': stage })

/** Returns a name that no other test of this process uses. */
export function freshName(prefix: string): string {
  return `${prefix}-${createHash('sha256').update(`${prefix}${names++}`).digest('hex').slice(0, 8)}`
}
let names = 0
