/**
 * Declares a queue, its dead-letter queue and the function that works it off. An entry expires four days after it was
 * sent; after five receipts it moves to the dead-letter queue, where it expires two weeks after it was sent. The visibility
 * timeout is six times the function's timeout, as AWS advises.
 */
type Work = {
  readonly handler: string
  readonly timeoutSeconds: number
  readonly memory: `${number} MB`
  readonly environment: Record<string, $util.Input<string>>
  readonly permissions: sst.aws.FunctionPermissionArgs[]
  /** Entries an invocation; batches of more than 10 are collected for up to `windowSeconds`. */
  readonly batch?: { readonly size: number; readonly windowSeconds: number }
  /** Invocations at a time. */
  readonly concurrency: number
}
export type WorkQueue = { readonly name: string; readonly queue: sst.aws.Queue; readonly deadLetters: sst.aws.Queue }

export type Worker = WorkQueue & { readonly functionName: $util.Output<string> }

const MAX_ATTEMPTS = 5
const TWO_WEEKS = 1_209_600

export function workQueue(name: string, timeoutSeconds: number, delaySeconds = 0): WorkQueue {
  const deadLetters = new sst.aws.Queue(`${name}Dead`, {
    transform: { queue: { messageRetentionSeconds: TWO_WEEKS } },
  })
  const queue = new sst.aws.Queue(name, {
    visibilityTimeout: `${6 * timeoutSeconds} seconds`,
    dlq: { queue: deadLetters.arn, retry: MAX_ATTEMPTS },
    ...(delaySeconds > 0 && { delay: `${delaySeconds} seconds` }),
  })
  return { name, queue, deadLetters }
}

export function workOff(work: WorkQueue, options: Work): Worker {
  const { batch = { size: 10, windowSeconds: 0 } } = options
  const subscriber = work.queue.subscribe(
    {
      handler: options.handler,
      timeout: `${options.timeoutSeconds} seconds`,
      memory: options.memory,
      environment: { ...options.environment, KABUTAR_ATTEMPTS: String(MAX_ATTEMPTS) },
      permissions: options.permissions,
    },
    {
      batch: {
        size: batch.size,
        ...(batch.windowSeconds > 0 && { window: `${batch.windowSeconds} seconds` }),
        partialResponses: true,
      },
      transform: {
        eventSourceMapping: { scalingConfig: { maximumConcurrency: options.concurrency } },
      },
    },
  )
  return { ...work, functionName: subscriber.nodes.function.name }
}

/** Subscribes a queue to a topic, with raw delivery; its policy admits that topic only. */
export function subscribeQueue(name: string, topic: aws.sns.Topic, { queue }: WorkQueue): void {
  const policy = new aws.sqs.QueuePolicy(`${name}QueuePolicy`, {
    queueUrl: queue.url,
    policy: allowing('sns.amazonaws.com', 'sqs:SendMessage', queue.arn, [
      { test: 'ArnEquals', variable: 'aws:SourceArn', values: [topic.arn] },
    ]),
  })
  new aws.sns.TopicSubscription(
    `${name}Subscription`,
    { topic: topic.arn, protocol: 'sqs', endpoint: queue.arn, rawMessageDelivery: true },
    { dependsOn: policy },
  )
}

/** Declares a topic to which SES may publish, on behalf of one configuration set or of receipt rules of this stage only. */
export function sesTopic(name: string, source: $util.Input<string>): aws.sns.Topic {
  const topic = new aws.sns.Topic(name, { name: `${$app.name}-${$app.stage}-${name}` })
  new aws.sns.TopicPolicy(`${name}Policy`, {
    arn: topic.arn,
    policy: allowing('ses.amazonaws.com', 'sns:Publish', topic.arn, [
      sameAccount(),
      { test: 'ArnLike', variable: 'aws:SourceArn', values: [source] },
    ]),
  })
  return topic
}

type Condition = { test: string; variable: string; values: $util.Input<string>[] }

export function sameAccount(): Condition {
  return {
    test: 'StringEquals',
    variable: 'aws:SourceAccount',
    values: [aws.getCallerIdentityOutput().accountId],
  }
}

export function allowing(service: string, action: string, resource: $util.Input<string>, conditions: Condition[]) {
  return aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        principals: [{ type: 'Service', identifiers: [service] }],
        actions: [action],
        resources: [resource],
        conditions,
      },
    ],
  }).json
}
