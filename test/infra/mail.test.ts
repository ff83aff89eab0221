import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { reader } from './declared.ts'
import { load, type Scenario } from './diff.ts'

const RULE_SET = 'aws:ses/receiptRuleSet:ReceiptRuleSet'
const ACTIVE = 'aws:ses/activeReceiptRuleSet:ActiveReceiptRuleSet'
const ruleSetOf = (scenario: Scenario) =>
  reader(load(scenario))
    .workers()
    .find(({ handler }) => handler === 'functions/domains.handler')?.inputs.environment.variables.KABUTAR_RULE_SET

describe('the receipt rule set', () => {
  test('is created and activated if the account has none, and is retained', () => {
    const { all } = reader(load('production'))
    assert.deepEqual(
      [...all(RULE_SET), ...all(ACTIVE)].map(({ inputs, retainOnDelete }) => [inputs.ruleSetName, retainOnDelete]),
      [
        ['kabutar', true],
        ['kabutar', true],
      ],
    )
    assert.equal(ruleSetOf('production'), 'kabutar')
  })

  test('does not stop the deployment if it exists and is not active: it is activated and not created again', () => {
    const { all } = reader(load('inactive'))
    assert.deepEqual(all(RULE_SET), [])
    assert.deepEqual(
      all(ACTIVE).map(({ inputs, retainOnDelete }) => [inputs.ruleSetName, retainOnDelete]),
      [['kabutar', true]],
    )
    assert.equal(ruleSetOf('inactive'), 'kabutar')
  })

  test('is not asked for by a stage that only sends, as in a region where SES does not receive', () => {
    const { all, workers } = reader(load('staging'))
    assert.deepEqual([...all(RULE_SET), ...all(ACTIVE)], [])
    assert.deepEqual(
      all('aws:sns/topic:Topic')
        .map(({ name }) => name)
        .toSorted(),
      ['Alarms', 'SesEvents'],
    )
    const granted = JSON.stringify(workers().map(({ statements }) => statements))
    assert.doesNotMatch(granted, /ReceiptRule/)
  })

  // A set that is declared twice is created twice, so a second stage could not be deployed.
  for (const [scenario, active, which] of [
    ['ci', 'somebody-elses', 'the set of another app'],
    ['again', 'kabutar', 'the set of an earlier deployment'],
  ] as const) {
    test(`is joined and not changed if it is ${which}`, () => {
      const { all } = reader(load(scenario))
      assert.deepEqual([...all(RULE_SET), ...all(ACTIVE)], [])
      assert.equal(ruleSetOf(scenario), active)
    })
  }

  test('is never guessed: without permission to read it the deployment fails', () => {
    const { exitCode, errors } = load('denied')
    assert.equal(exitCode, 1)
    assert.match(errors.join(), /AccessDenied/)
    const { all } = reader(load('denied'))
    assert.deepEqual([...all(RULE_SET), ...all(ACTIVE)], [])
  })
})

test('rules made at run time have the names that the bucket policy admits, and the topic of inbound mail', () => {
  const { workers, one } = reader(load('production'))
  const variables = workers().find(({ handler }) => handler === 'functions/domains.handler')?.inputs.environment
    .variables
  const policy = String(one('aws:s3/bucketPolicy:BucketPolicy', 'BlobsPolicy').inputs.policy)
  assert.ok(policy.includes(`receipt-rule/${variables?.KABUTAR_OWNER}.*`))
  assert.match(variables?.KABUTAR_INBOUND_TOPIC ?? '', /:kabutar-production-Inbound$/)
})

describe('SES', () => {
  const { only } = reader(load('production'))

  test('has no suppression of its own, and reports reputation metrics', () => {
    const set = only('aws:sesv2/configurationSet:ConfigurationSet')
    assert.equal(set.configurationSetName, 'kabutar-production')
    assert.deepEqual(set.suppressionOptions, { suppressedReasons: [] })
    assert.deepEqual(set.reputationOptions, { reputationMetricsEnabled: true })
    // OPTIONAL also sends to hosts without TLS; REQUIRE would bounce that mail.
    assert.deepEqual(set.deliveryOptions, { tlsPolicy: 'OPTIONAL' })
    assert.deepEqual(set.sendingOptions, { sendingEnabled: true })
  })

  test('publishes the events that feedback reads', () => {
    const destination = only('aws:sesv2/configurationSetEventDestination:ConfigurationSetEventDestination')
    const { enabled, matchingEventTypes, snsDestination } = destination.eventDestination as {
      enabled: boolean
      matchingEventTypes: string[]
      snsDestination: { topicArn: string }
    }
    assert.equal(enabled, true)
    assert.deepEqual(matchingEventTypes.toSorted(), ['BOUNCE', 'COMPLAINT', 'DELIVERY', 'DELIVERY_DELAY', 'REJECT'])
    assert.match(snsDestination.topicArn, /SesEvents/)
  })
})

describe('alarms', () => {
  const { all, one, workers } = reader(load('production'))
  type Alarm = {
    readonly name: string
    readonly threshold: number
    readonly alarmActions: readonly string[]
    readonly okActions: readonly string[]
    readonly alarmDescription: string
    readonly treatMissingData: string
    readonly evaluationPeriods: number
    readonly datapointsToAlarm: number
    readonly metricQueries: readonly { readonly metric?: Metric; readonly returnData: boolean }[]
  }
  type Metric = {
    readonly namespace: string
    readonly metricName: string
    readonly stat: string
    readonly dimensions?: Readonly<Record<string, string>>
  }
  const shown = ({ namespace, metricName, stat }: Metric) => `${namespace} ${metricName} ${stat}`
  const declared = () => all('aws:cloudwatch/metricAlarm:MetricAlarm').map(({ inputs }) => inputs as unknown as Alarm)

  test('are five, each mailed to the operator when it begins and when it ends', () => {
    assert.deepEqual(
      declared()
        .map(({ name, threshold }) => `${name} > ${threshold}`)
        .toSorted(),
      [
        'kabutar-production-BounceRate > 0.04',
        'kabutar-production-ComplaintRate > 0.0008',
        'kabutar-production-OldestEntry > 900',
        'kabutar-production-ServerErrors > 5',
        'kabutar-production-Sweep > 0',
      ],
    )
    for (const { alarmActions, okActions, alarmDescription } of declared()) {
      assert.match(alarmActions.join(), /:kabutar-production-Alarms$/)
      assert.deepEqual(okActions, alarmActions)
      assert.match(alarmDescription, /\.$/)
    }
    const { inputs } = one('aws:sns/topicSubscription:TopicSubscription', 'Operator')
    assert.deepEqual([inputs.protocol, inputs.endpoint], ['email', 'operator@example.com'])
  })

  test('of the whole SES account are declared once, not by every stage of the account', () => {
    const names = reader(load('ci'))
      .all('aws:cloudwatch/metricAlarm:MetricAlarm')
      .map(({ inputs }) => String(inputs.name).replace('kabutar-ci-', ''))
    assert.deepEqual(names.toSorted(), ['OldestEntry', 'ServerErrors', 'Sweep'])
  })

  const metricsOf = (name: string) =>
    declared()
      .filter((alarm) => alarm.name === `kabutar-production-${name}`)
      .flatMap(({ metricQueries }) => metricQueries.flatMap(({ metric }) => metric ?? []))

  test('watch the age of every polled queue, and the reputation at SES', () => {
    const polled = all('aws:lambda/eventSourceMapping:EventSourceMapping').map(({ inputs }) =>
      String(inputs.eventSourceArn).split(':').at(-1),
    )
    const watched = metricsOf('OldestEntry')
    assert.ok(watched.every(({ metricName }) => metricName === 'ApproximateAgeOfOldestMessage'))
    assert.deepEqual(watched.map(({ dimensions }) => dimensions?.QueueName).toSorted(), polled.toSorted())
    assert.deepEqual(metricsOf('BounceRate').map(shown), ['AWS/SES Reputation.BounceRate Average'])
    assert.deepEqual(metricsOf('ComplaintRate').map(shown), ['AWS/SES Reputation.ComplaintRate Average'])
  })

  test('watch the 5xx answers of the gateway', () => {
    const [metric] = metricsOf('ServerErrors')
    assert.equal(metric && shown(metric), 'AWS/ApiGateway 5xx Sum')
    assert.equal(metric?.dimensions?.ApiId, all('aws:apigatewayv2/api:Api')[0]?.id)
  })

  test('watch a sweep that fails or does not run; it fails while any queue has dead letters', () => {
    const [metric] = metricsOf('Sweep')
    const sweep = workers().find(({ handler }) => handler === 'functions/sweep.handler')
    assert.equal(metric && shown(metric), 'AWS/Lambda Errors Sum')
    assert.equal(
      metric?.dimensions?.FunctionName,
      one('aws:lambda/function:Function', `${sweep?.component}Function`).id,
    )
    const alarm = declared().find(({ name }) => name === 'kabutar-production-Sweep')
    assert.deepEqual([alarm?.treatMissingData, alarm?.evaluationPeriods, alarm?.datapointsToAlarm], ['breaching', 3, 2])
    const looked = sweep?.inputs.environment.variables.KABUTAR_DEAD_LETTERS?.split(',') ?? []
    const dead = all('aws:sqs/queue:Queue').filter(({ name }) => name.endsWith('DeadQueue'))
    assert.deepEqual(looked.toSorted(), dead.map(({ id }) => id).toSorted())
  })

  test('without an operator nobody is subscribed', () => {
    const subscriptions = reader(load('ci')).all('aws:sns/topicSubscription:TopicSubscription')
    assert.ok(subscriptions.every(({ name }) => name !== 'Operator'))
  })
})
