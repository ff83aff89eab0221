import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACCOUNT } from './answers.ts'
import { reader, statementsOf } from './declared.ts'
import { load } from './diff.ts'

const { all, one, only, workers } = reader(load('production'))
const QUEUE = 'aws:sqs/queue:Queue'
const FIFTEEN_MINUTES = 900

type QueueInputs = {
  readonly name: string
  readonly redrivePolicy?: string
  readonly visibilityTimeoutSeconds: number
  readonly delaySeconds: number
  readonly messageRetentionSeconds?: number
  readonly sqsManagedSseEnabled: boolean
}
type MappingInputs = {
  readonly eventSourceArn: string
  readonly functionResponseTypes: readonly string[]
  readonly batchSize: number
  readonly scalingConfig: { readonly maximumConcurrency: number }
}
const mappings = () =>
  all('aws:lambda/eventSourceMapping:EventSourceMapping').map(({ inputs }) => inputs as unknown as MappingInputs)
const mappingsOf = ({ name }: QueueInputs) =>
  mappings().filter(({ eventSourceArn }) => eventSourceArn.endsWith(`:${name}`))
const mappingOf = (queue: QueueInputs): MappingInputs => {
  const found = mappingsOf(queue)
  assert.equal(found.length, 1)
  return found[0] as MappingInputs
}
const queue = (name: string) => one(QUEUE, `${name}Queue`).inputs as unknown as QueueInputs

const PAIRS = [
  { name: 'Send', handler: 'functions/send.handler', batchSize: 10 },
  { name: 'Feedback', handler: 'functions/feedback.handler', batchSize: 50 },
  { name: 'Receive', handler: 'functions/receive.handler', batchSize: 10 },
  // The sweep empties it, without an event source mapping.
  { name: 'Reconcile', handler: 'functions/sweep.handler', batchSize: undefined },
  { name: 'Webhooks', handler: 'functions/notify.handler', batchSize: 10 },
]

for (const { name, handler, batchSize } of PAIRS) {
  test(`${name}: dead letters after five receipts, failures by entry, a visibility timeout of six times the function's`, () => {
    const main = queue(name)
    const dead = queue(`${name}Dead`)
    const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(main.redrivePolicy ?? '{}')
    assert.equal(maxReceiveCount, 5)
    assert.ok(deadLetterTargetArn.endsWith(`:${dead.name}`))
    assert.ok(main.sqsManagedSseEnabled && dead.sqsManagedSseEnabled)
    // An entry keeps its age when it moves, so dead letters must be kept longer than entries of the queue.
    assert.ok((dead.messageRetentionSeconds ?? 0) > (main.messageRetentionSeconds ?? 345_600))
    const worker = workers().find((one) => one.handler === handler)
    assert.ok(worker)
    assert.ok(main.visibilityTimeoutSeconds >= 6 * worker.inputs.timeout)
    if (batchSize === undefined) return assert.deepEqual(mappingsOf(main), [])
    const mapping = mappingOf(main)
    assert.deepEqual(mapping.functionResponseTypes, ['ReportBatchItemFailures'])
    assert.equal(mapping.batchSize, batchSize)
    assert.equal(mapping.scalingConfig.maximumConcurrency, 2)
  })
}

/** Lambda's quota of concurrent executions for a new account. */
const NEW_ACCOUNT = 10

test('the workers leave a new account an execution each for the API and the sweep', () => {
  const most = mappings().reduce((sum, { scalingConfig }) => sum + scalingConfig.maximumConcurrency, 0)
  assert.ok(most <= NEW_ACCOUNT - 2, `${most} executions`)
})

test('there are no other queues', () => {
  const expected = PAIRS.flatMap(({ name }) => [`${name}DeadQueue`, `${name}Queue`])
  assert.deepEqual(
    all(QUEUE)
      .map(({ name }) => name)
      .toSorted(),
    expected.toSorted(),
  )
})

test('the send worker knows how many workers share the send rate', () => {
  const send = workers().find(({ handler }) => handler === 'functions/send.handler')
  const { maximumConcurrency } = mappingOf(queue('Send')).scalingConfig
  assert.equal(send?.inputs.environment.variables.KABUTAR_SEND_CONCURRENCY, String(maximumConcurrency))
})

test("S3's events of inbound objects wait for 15 minutes", () => {
  assert.equal(queue('Reconcile').delaySeconds, FIFTEEN_MINUTES)
  // A bucket has one notification configuration; a second would replace it.
  const queues = only('aws:s3/bucketNotification:BucketNotification').queues as {
    queueArn: string
    events: string[]
    filterPrefix: string
  }[]
  assert.equal(queues.length, 1)
  assert.ok(queues[0]?.queueArn.endsWith(`:${queue('Reconcile').name}`))
  assert.deepEqual([queues[0]?.events, queues[0]?.filterPrefix], [['s3:ObjectCreated:*'], 'inbound/'])
})

test('a queue policy admits one source', () => {
  const policies = all('aws:sqs/queuePolicy:QueuePolicy').map(({ name, inputs }) => {
    const [statement, ...others] = statementsOf(inputs.policy)
    assert.deepEqual(others, [])
    assert.equal(statement?.Action, 'sqs:SendMessage')
    return [name, statement?.Principal, Object.values(statement?.Condition ?? {}).map((one) => Object.keys(one)[0])]
  })
  const sns = { Service: 'sns.amazonaws.com' }
  assert.deepEqual(policies.toSorted(), [
    ['InboundQueuePolicy', sns, ['aws:SourceArn']],
    ['ReconcileQueuePolicy', { Service: 's3.amazonaws.com' }, ['aws:SourceAccount', 'aws:SourceArn']],
    ['SesEventsQueuePolicy', sns, ['aws:SourceArn']],
  ])
})

test('another configuration set or rule of the account cannot publish to the topics of the stage', () => {
  const policies = all('aws:sns/topicPolicy:TopicPolicy')
  assert.deepEqual(policies.map(({ name }) => name).toSorted(), ['InboundPolicy', 'SesEventsPolicy'])
  for (const { name, inputs } of policies) {
    const [statement, ...others] = statementsOf(inputs.policy)
    assert.deepEqual(others, [])
    assert.deepEqual(statement?.Principal, { Service: 'ses.amazonaws.com' })
    assert.equal(statement?.Action, 'sns:Publish')
    const source = {
      InboundPolicy: 'receipt-rule-set/*:receipt-rule/kabutar-production.*',
      SesEventsPolicy: 'configuration-set/kabutar-production',
    }[name]
    assert.deepEqual(statement?.Condition, {
      StringEquals: { 'aws:SourceAccount': ACCOUNT },
      ArnLike: { 'aws:SourceArn': `arn:aws:ses:us-east-1:${ACCOUNT}:${source}` },
    })
  }
})

test('topics deliver raw messages to their queues', () => {
  const subscriptions = all('aws:sns/topicSubscription:TopicSubscription').filter(
    ({ inputs }) => inputs.protocol === 'sqs',
  )
  const ends = subscriptions.map(({ name, inputs }) => [name, String(inputs.endpoint).split(':').at(-1)])
  assert.deepEqual(ends.toSorted(), [
    ['InboundSubscription', queue('Receive').name],
    ['SesEventsSubscription', queue('Feedback').name],
  ])
  for (const { inputs } of subscriptions) assert.equal(inputs.rawMessageDelivery, true)
})
