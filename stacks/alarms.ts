import type { Api } from './api.ts'
import type { Settled } from './settings.ts'
import type { Sweep } from './sweep.ts'
import type { WorkQueue } from './worker.ts'

/** Below SES's own limits, to leave time to act: it reviews an account at 5 % bounces or 0.1 % complaints. */
const BOUNCE_RATE = 0.04
const COMPLAINT_RATE = 0.0008
const OLDEST_SECONDS = 900
const SERVER_ERRORS = 5

type Metric = { namespace: string; metricName: string; dimensions?: Record<string, $util.Input<string>> }
type Alarm = {
  readonly description: string
  readonly expression: string
  readonly above: number
  readonly stat: 'Maximum' | 'Sum' | 'Average'
  readonly metrics: readonly Metric[]
  /** Missing values count as failures, and two of three periods must fail: a single failure raises no alarm. */
  readonly persistent?: true
}

/**
 * Declares three alarms, and two for the SES account, mailed to the setting `operator` if it is set. AWS charges $0.10 a month for each
 * metric that an alarm watches, so the list is short on purpose. Dead letters have no metric: five metrics would cost five
 * times what the sweep's look at the queues costs, and SQS reports none for an idle queue. Errors of a worker show as dead
 * letters or as age, errors of the API as 5xx of its gateway.
 */
export function alarms(settings: Settled, workers: readonly WorkQueue[], swept: Sweep, front: Api): void {
  const topic = new aws.sns.Topic('Alarms', { name: `${$app.name}-${$app.stage}-Alarms` })
  const { operator } = settings
  if (operator !== undefined) {
    new aws.sns.TopicSubscription('Operator', { topic: topic.arn, protocol: 'email', endpoint: operator })
  }
  const own = watched(workers, swept, front)
  const all = settings.sesAlarms.includes($app.stage) ? { ...own, ...reputation() } : own
  for (const [name, one] of Object.entries(all)) alarm(name, topic, one)
}

function watched(workers: readonly WorkQueue[], swept: Sweep, front: Api): Readonly<Record<string, Alarm>> {
  return {
    Sweep: {
      description: 'The sweep fails, does not run, or found dead letters; its log says which. See docs/deploy.md.',
      expression: 'm0',
      above: 0,
      stat: 'Sum',
      metrics: [lambdaErrors(swept.functionName)],
      persistent: true,
    },
    OldestEntry: {
      description: `An entry has waited ${OLDEST_SECONDS / 60} minutes in a queue that a worker should empty at once.`,
      expression: 'MAX(METRICS())',
      above: OLDEST_SECONDS,
      stat: 'Maximum',
      metrics: workers.map(({ queue }) => ageOf(queue)),
    },
    ServerErrors: {
      description: `The API answered more than ${SERVER_ERRORS} requests in five minutes with 5xx.`,
      expression: 'm0',
      above: SERVER_ERRORS,
      stat: 'Sum',
      metrics: [{ namespace: 'AWS/ApiGateway', metricName: '5xx', dimensions: { ApiId: front.apiId } }],
    },
  }
}

/** The reputation is that of the whole AWS account, so that two stages which watch it would mail everything twice. */
function reputation(): Readonly<Record<string, Alarm>> {
  const metrics = (metricName: string) => [{ namespace: 'AWS/SES', metricName: `Reputation.${metricName}` }]
  return {
    BounceRate: {
      description: 'SES reviews this account at a bounce rate of 5 %.',
      expression: 'm0',
      above: BOUNCE_RATE,
      stat: 'Average',
      metrics: metrics('BounceRate'),
    },
    ComplaintRate: {
      description: 'SES reviews this account at a complaint rate of 0.1 %.',
      expression: 'm0',
      above: COMPLAINT_RATE,
      stat: 'Average',
      metrics: metrics('ComplaintRate'),
    },
  }
}

function lambdaErrors(FunctionName: $util.Input<string>): Metric {
  return { namespace: 'AWS/Lambda', metricName: 'Errors', dimensions: { FunctionName } }
}

function ageOf(queue: sst.aws.Queue): Metric {
  const dimensions = { QueueName: queue.nodes.queue.name }
  return { namespace: 'AWS/SQS', metricName: 'ApproximateAgeOfOldestMessage', dimensions }
}

function alarm(
  name: string,
  topic: aws.sns.Topic,
  { description, expression, above, stat, metrics, persistent }: Alarm,
) {
  new aws.cloudwatch.MetricAlarm(`${name}Alarm`, {
    name: `${$app.name}-${$app.stage}-${name}`,
    alarmDescription: description,
    comparisonOperator: 'GreaterThanThreshold',
    threshold: above,
    evaluationPeriods: persistent ? 3 : 1,
    datapointsToAlarm: persistent ? 2 : 1,
    treatMissingData: persistent ? 'breaching' : 'notBreaching',
    alarmActions: [topic.arn],
    okActions: [topic.arn],
    metricQueries: [
      { id: 'e', expression, label: name, returnData: true },
      ...metrics.map((metric, index) => ({
        id: `m${index}`,
        metric: { ...metric, period: 300, stat },
        returnData: false,
      })),
    ],
  })
}
