import type { Api } from './api.ts'
import type { Sweep } from './sweep.ts'
import type { WorkQueue } from './worker.ts'

/** SES reviews an account at 5 % bounces or 0.1 % complaints; these leave time to act. */
const BOUNCE_RATE = 0.04
const COMPLAINT_RATE = 0.0008
const OLDEST_SECONDS = 900
const SERVER_ERRORS = 5

type Metric = { namespace: string; metricName: string; dimensions?: Record<string, $util.Input<string>> }
type Alarm = {
  readonly says: string
  readonly expression: string
  readonly above: number
  readonly stat: 'Maximum' | 'Sum' | 'Average'
  readonly metrics: readonly Metric[]
  /** Also when there is no value at all, and only if two periods of three say so: one failure is no alarm. */
  readonly persistent?: true
}

/**
 * Five alarms, mailed to the address in the secret `Operator`, or to nobody. AWS charges for metrics and not for alarms
 * ($0.10 a month each), so the list is short on purpose. Dead letters have no metric of their own: a metric of each
 * queue would cost five times what the sweep's look at them does, and SQS stops giving them for a queue that is idle.
 * Errors of the workers end as dead letters or as age, and those of the API as 5xx of its gateway.
 */
export function alarms(workers: readonly WorkQueue[], swept: Sweep, front: Api): void {
  const topic = new aws.sns.Topic('Alarms')
  const operator = new sst.Secret('Operator', '')
  operator.value.apply((endpoint) => {
    if (endpoint) new aws.sns.TopicSubscription('Operator', { topic: topic.arn, protocol: 'email', endpoint })
  })
  for (const [name, one] of Object.entries(watched(workers, swept, front))) alarm(name, topic, one)
}

function watched(workers: readonly WorkQueue[], swept: Sweep, front: Api): Readonly<Record<string, Alarm>> {
  const reputation = (metricName: string) => [{ namespace: 'AWS/SES', metricName: `Reputation.${metricName}` }]
  return {
    Sweep: {
      says: 'The sweep fails, does not run, or finds dead letters: its log says which. docs/deploy.md has what to do.',
      expression: 'm0',
      above: 0,
      stat: 'Sum',
      metrics: [lambdaErrors(swept.functionName)],
      persistent: true,
    },
    OldestEntry: {
      says: `An entry waits for ${OLDEST_SECONDS / 60} minutes in a queue that is worked off at once.`,
      expression: 'MAX(METRICS())',
      above: OLDEST_SECONDS,
      stat: 'Maximum',
      metrics: workers.map(({ queue }) => ageOf(queue)),
    },
    ServerErrors: {
      says: `More than ${SERVER_ERRORS} requests in five minutes were answered with 5xx.`,
      expression: 'm0',
      above: SERVER_ERRORS,
      stat: 'Sum',
      metrics: [{ namespace: 'AWS/ApiGateway', metricName: '5xx', dimensions: { ApiId: front.apiId } }],
    },
    BounceRate: {
      says: 'SES reviews this account at a bounce rate of 5 %.',
      expression: 'm0',
      above: BOUNCE_RATE,
      stat: 'Average',
      metrics: reputation('BounceRate'),
    },
    ComplaintRate: {
      says: 'SES reviews this account at a complaint rate of 0.1 %.',
      expression: 'm0',
      above: COMPLAINT_RATE,
      stat: 'Average',
      metrics: reputation('ComplaintRate'),
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

function alarm(name: string, topic: aws.sns.Topic, { says, expression, above, stat, metrics, persistent }: Alarm) {
  new aws.cloudwatch.MetricAlarm(`${name}Alarm`, {
    name: `${$app.name}-${$app.stage}-${name}`,
    alarmDescription: says,
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
