import type { Api } from './api.ts'
import type { Sweep } from './sweep.ts'
import type { Worker } from './worker.ts'

/** SES reviews an account at 5 % bounces or 0.1 % complaints; these leave time to act. */
const BOUNCE_RATE = 0.04
const COMPLAINT_RATE = 0.0008
const OLDEST_SECONDS = 900

type Metric = { id: string; namespace: string; metricName: string; dimensions?: Record<string, $util.Input<string>> }

/**
 * Six alarms, mailed to the address in the secret `Operator`, or to nobody. AWS charges for metrics and not for alarms ($0.10 a month each), so sums by
 * metric math cost what their parts do: the list is short on purpose.
 */
export function alarms(workers: readonly Worker[], swept: Sweep, front: Api): void {
  const topic = new aws.sns.Topic('Alarms')
  const operator = new sst.Secret('Operator', '')
  operator.value.apply((endpoint) => {
    if (endpoint) new aws.sns.TopicSubscription('Operator', { topic: topic.arn, protocol: 'email', endpoint })
  })

  const queueMetrics = (metricName: string, queue: (worker: Worker) => sst.aws.Queue) =>
    workers.map((worker, index) => ({
      id: `m${index}`,
      namespace: 'AWS/SQS',
      metricName,
      dimensions: { QueueName: queue(worker).nodes.queue.name },
    }))
  // Errors of the workers end as dead letters or as age; these two have no queue behind them.
  const errors = [swept, front].map(({ functionName: FunctionName }, index) => ({
    id: `m${index}`,
    namespace: 'AWS/Lambda',
    metricName: 'Errors',
    dimensions: { FunctionName },
  }))
  const reputation = (metricName: string) => [
    { id: 'm0', namespace: 'AWS/SES', metricName: `Reputation.${metricName}` },
  ]

  alarm('DeadLetters', topic, 'SUM(METRICS())', 0, 'Maximum', [
    ...queueMetrics('ApproximateNumberOfMessagesVisible', ({ deadLetters }) => deadLetters),
  ])
  alarm('OldestEntry', topic, 'MAX(METRICS())', OLDEST_SECONDS, 'Maximum', [
    // What waits in the queue of lost mail is meant to be old.
    ...queueMetrics('ApproximateAgeOfOldestMessage', ({ queue }) => queue).slice(0, -1),
  ])
  alarm('Errors', topic, 'SUM(METRICS())', 5, 'Sum', errors)
  alarm('ServerErrors', topic, 'm0', 5, 'Sum', [
    { id: 'm0', namespace: 'AWS/ApiGateway', metricName: '5xx', dimensions: { ApiId: front.apiId } },
  ])
  alarm('BounceRate', topic, 'm0', BOUNCE_RATE, 'Average', reputation('BounceRate'))
  alarm('ComplaintRate', topic, 'm0', COMPLAINT_RATE, 'Average', reputation('ComplaintRate'))
}

function alarm(
  name: string,
  topic: aws.sns.Topic,
  expression: string,
  threshold: number,
  stat: string,
  metrics: Metric[],
) {
  new aws.cloudwatch.MetricAlarm(`${name}Alarm`, {
    name: `${$app.name}-${$app.stage}-${name}`,
    comparisonOperator: 'GreaterThanThreshold',
    threshold,
    evaluationPeriods: 1,
    treatMissingData: 'notBreaching',
    alarmActions: [topic.arn],
    okActions: [topic.arn],
    metricQueries: [
      { id: 'e', expression, label: name, returnData: true },
      ...metrics.map(({ id, ...metric }) => ({ id, metric: { ...metric, period: 300, stat }, returnData: false })),
    ],
  })
}
