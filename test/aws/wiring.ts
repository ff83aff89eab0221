import { type LambdaFunction, reader } from '../infra/declared.ts'
import { load } from '../infra/diff.ts'

/** Reads from the result of `sst diff` how the stacks connect functions, queues, topics and the bucket. */
type DeclaredQueue = {
  readonly name: string
  readonly delaySeconds: number
  readonly visibilitySeconds: number
  readonly redrive: { readonly deadLetters: string; readonly maxReceiveCount: number } | undefined
}
export type Wiring = {
  readonly functions: readonly LambdaFunction[]
  /** A dead-letter queue comes before the queue that names it. */
  readonly queues: readonly DeclaredQueue[]
  /** Event source mappings, with the queue's name and the component of the function. */
  readonly mappings: readonly { readonly queue: string; readonly component: string; readonly batch: number }[]
  /** Paths of the HTTP API with a function of their own, by its component. */
  readonly routes: readonly { readonly path: string; readonly component: string }[]
  /** Names of queues by role. */
  readonly roles: Readonly<Record<QueueRole, string>>
  /** The queue of S3's events, and the prefix of their objects. */
  readonly created: { readonly queue: string; readonly prefix: string }
  readonly table: string
  readonly bucket: string
  readonly configurationSet: string
  readonly ruleSet: string
}
export type QueueRole = 'send' | 'webhooks' | 'feedback' | 'receive'

type QueueInputs = {
  readonly name: string
  readonly redrivePolicy?: string
  readonly delaySeconds: number
  readonly visibilityTimeoutSeconds: number
}
type MappingInputs = { readonly eventSourceArn: string; readonly functionName: string; readonly batchSize: number }
type Notification = { readonly queues: readonly { readonly queueArn: string; readonly filterPrefix: string }[] }
type Subscription = { readonly topic: string; readonly protocol: string; readonly endpoint: string }

const lastOf = (arnOrUrl: string) => arnOrUrl.split(/[:/]/).at(-1) ?? ''

export function readWiring(): Wiring {
  const { all, only, workers } = reader(load('production'))
  const functions = workers()
  const inputsOf = <T>(type: string) => all(type).map(({ inputs }) => inputs as unknown as T)
  const variable = (name: string) => {
    const value = functions.map(({ inputs }) => inputs.environment.variables[name]).find((one) => one !== undefined)
    if (value === undefined) throw new Error(`no function has ${name}`)
    return value
  }
  const subscribed = inputsOf<Subscription>('aws:sns/topicSubscription:TopicSubscription')
  const events = subscribed.find(({ topic, protocol }) => protocol === 'sqs' && topic.endsWith('-SesEvents'))
  const [created] = (only('aws:s3/bucketNotification:BucketNotification') as unknown as Notification).queues
  if (events === undefined || created === undefined) throw new Error('the stacks declare no events')
  return {
    functions,
    queues: queuesOf(inputsOf('aws:sqs/queue:Queue')),
    mappings: inputsOf<MappingInputs>('aws:lambda/eventSourceMapping:EventSourceMapping').map((mapping) => ({
      queue: lastOf(mapping.eventSourceArn),
      component: componentOf(functions, lastOf(mapping.functionName)),
      batch: mapping.batchSize,
    })),
    routes: routesOf(
      functions,
      inputsOf('aws:apigatewayv2/route:Route'),
      all('aws:apigatewayv2/integration:Integration'),
    ),
    roles: {
      send: lastOf(variable('KABUTAR_SEND_QUEUE')),
      webhooks: lastOf(variable('KABUTAR_WEBHOOK_QUEUE')),
      receive: lastOf(variable('KABUTAR_RECEIVE_QUEUE')),
      feedback: lastOf(events.endpoint),
    },
    created: { queue: lastOf(created.queueArn), prefix: created.filterPrefix },
    table: variable('KABUTAR_TABLE'),
    bucket: variable('KABUTAR_BUCKET'),
    configurationSet: variable('KABUTAR_CONFIGURATION_SET'),
    ruleSet: variable('KABUTAR_RULE_SET'),
  }
}

type RouteInputs = { readonly routeKey: string; readonly target: string }

/** A route names its integration as `integrations/<id>`, and the integration its function. */
function routesOf(
  functions: readonly LambdaFunction[],
  routes: readonly RouteInputs[],
  integrations: readonly { readonly id: string; readonly inputs: { readonly integrationUri?: unknown } }[],
) {
  return routes.flatMap(({ routeKey, target }) => {
    const uri = integrations.find(({ id }) => target === `integrations/${id}`)?.inputs.integrationUri
    const [, path] = /^ANY (.+)$/.exec(routeKey) ?? []
    return path === undefined ? [] : [{ path, component: componentOf(functions, lastOf(String(uri))) }]
  })
}

function queuesOf(inputs: readonly QueueInputs[]): readonly DeclaredQueue[] {
  const queues = inputs.map(({ name, redrivePolicy, delaySeconds, visibilityTimeoutSeconds }) => {
    const policy =
      redrivePolicy && (JSON.parse(redrivePolicy) as { deadLetterTargetArn: string; maxReceiveCount: number })
    const redrive = policy
      ? { deadLetters: lastOf(policy.deadLetterTargetArn), maxReceiveCount: policy.maxReceiveCount }
      : undefined
    return { name, delaySeconds, visibilitySeconds: visibilityTimeoutSeconds, redrive }
  })
  return queues.toSorted((a, b) => Number(a.redrive !== undefined) - Number(b.redrive !== undefined))
}

function componentOf(functions: readonly LambdaFunction[], name: string): string {
  const found = functions.find(({ inputs }) => (inputs as { name?: string }).name === name)
  if (found === undefined) throw new Error(`the stacks have no function ${name}`)
  return found.component
}
