/** Compares the concurrency of the workers with the account's quota, and says what the quotas allow. */
import {
  type EventSourceMappingConfiguration,
  GetAccountSettingsCommand,
  LambdaClient,
  paginateListEventSourceMappings,
} from '@aws-sdk/client-lambda'
import { sqsClient } from '@kabutar/aws/sqs/queue.ts'
import { queuesOf } from './aws-stage.ts'
import { type Finding, found } from './doctor-checks.ts'

/** Invocations that the API, the routes of domains and the sweep need at the same time, at least. */
const REST = 2
/** Recipients a second that a worker sends to with 512 MB, and events a second that the others take (npm run cost). */
const PER_WORKER = { send: 20, feedback: 75, webhooks: 50 }
/** A mail has two events, sent and delivered, and each is a delivery for an endpoint. */
const EVENTS = 2
const LEAST = 2
/** All workers together get this share of the quota. */
const SHARE = 0.8

export type Concurrency = Readonly<Record<'send' | 'feedback' | 'receive' | 'webhooks', number>>

/** The setting `concurrency` for a quota of concurrent executions and SES's send rate. Undefined if there is no room. */
export function allowedConcurrency(quota: number, sendRate: number): Concurrency | undefined {
  const room = Math.floor(Math.min(quota * SHARE, quota - REST))
  if (room < 4 * LEAST) return undefined
  const wanted = {
    send: Math.ceil(sendRate / PER_WORKER.send),
    feedback: Math.ceil((EVENTS * sendRate) / PER_WORKER.feedback),
    receive: 10,
    webhooks: Math.ceil((EVENTS * sendRate) / PER_WORKER.webhooks),
  }
  const sum = Object.values(wanted).reduce((total, one) => total + Math.max(LEAST, one), 0)
  // Every worker has two; what is left is divided as it is wanted.
  const part = Math.min(1, (room - 4 * LEAST) / Math.max(1, sum - 4 * LEAST))
  const fit = (one: number) => LEAST + Math.floor(Math.max(0, one - LEAST) * part)
  return {
    send: fit(wanted.send),
    feedback: fit(wanted.feedback),
    receive: fit(wanted.receive),
    webhooks: fit(wanted.webhooks),
  }
}

/** `declared`: the sum of the workers' concurrency; undefined if the stage is not deployed. */
export function concurrencyFindings(quota: number, sendRate: number, declared: number | undefined): readonly Finding[] {
  const allowed = allowedConcurrency(quota, sendRate)
  const shown = allowed && Object.entries(allowed).map(([worker, most]) => `${worker}: ${most}`)
  const fix = shown
    ? `set concurrency: { ${shown.join(', ')} } in sst.config.ts, or ask for more: Service Quotas, AWS Lambda, Concurrent executions`
    : 'ask for more: Service Quotas, AWS Lambda, Concurrent executions'
  return [
    found(
      declared === undefined ? allowed !== undefined : declared <= quota - REST,
      `Lambda: ${declared ?? 'up to 8'} of ${quota} concurrent executions are for workers`,
      fix,
    ),
    ...(shown ? [{ ok: true, what: `the quotas allow concurrency: { ${shown.join(', ')} }` }] : []),
  ]
}

/** Asks Lambda and SQS. @throws {Error} of AWS */
export async function concurrencyOf(stage: string, region: string): Promise<{ quota: number; declared?: number }> {
  const lambda = new LambdaClient({ region })
  const sqs = sqsClient()
  try {
    const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}))
    const queues = new Set([...(await queuesOf(sqs, stage)).values()].map((url) => url.slice(url.lastIndexOf('/') + 1)))
    const quota = AccountLimit?.ConcurrentExecutions ?? 0
    if (queues.size === 0) return { quota }
    let declared = 0
    for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings({ client: lambda }, {})) {
      for (const mapping of EventSourceMappings) if (queues.has(queueOf(mapping))) declared += mostOf(mapping)
    }
    return { quota, declared }
  } finally {
    lambda.destroy()
    sqs.destroy()
  }
}

const queueOf = ({ EventSourceArn = '' }: EventSourceMappingConfiguration) => EventSourceArn.split(':').at(-1) ?? ''
const mostOf = ({ ScalingConfig }: EventSourceMappingConfiguration) => ScalingConfig?.MaximumConcurrency ?? 0
