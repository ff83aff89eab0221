import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { reader } from './declared.ts'
import { load } from './diff.ts'

const RULE_SET = 'aws:ses/receiptRuleSet:ReceiptRuleSet'
const ACTIVE = 'aws:ses/activeReceiptRuleSet:ActiveReceiptRuleSet'
const ruleSetOf = (scenario: 'ci' | 'production' | 'again') =>
  reader(load(scenario))
    .workers()
    .find(({ handler }) => handler === 'functions/api.handler')?.inputs.environment.variables.KABUTAR_RULE_SET

describe('the receipt rule set', () => {
  for (const scenario of ['ci', 'again'] as const) {
    const when = scenario === 'ci' ? 'there is none' : 'ours is active already'
    test(`is made and activated if ${when}, and outlives the stage`, () => {
      const { all } = reader(load(scenario))
      assert.deepEqual(
        [...all(RULE_SET), ...all(ACTIVE)].map(({ inputs, retainOnDelete }) => [inputs.ruleSetName, retainOnDelete]),
        [
          ['kabutar', true],
          ['kabutar', true],
        ],
      )
      assert.equal(ruleSetOf(scenario), 'kabutar')
    })
  }

  test("is the account's own if it has one, and stays as it is", () => {
    const { all } = reader(load('production'))
    assert.deepEqual([...all(RULE_SET), ...all(ACTIVE)], [])
    assert.equal(ruleSetOf('production'), 'somebody-elses')
  })

  test('is not guessed: whoever may not ask does not deploy', () => {
    const { exitCode, errors } = load('denied')
    assert.equal(exitCode, 1)
    assert.match(errors.join(), /AccessDenied/)
    const { all } = reader(load('denied'))
    assert.deepEqual([...all(RULE_SET), ...all(ACTIVE)], [])
  })
})

test('rules that are made at run time are named as the bucket lets SES write, and tell the topic of received mail', () => {
  const { workers, one } = reader(load('ci'))
  const variables = workers().find(({ handler }) => handler === 'functions/api.handler')?.inputs.environment.variables
  const policy = String(one('aws:s3/bucketPolicy:BucketPolicy', 'BlobsPolicy').inputs.policy)
  assert.ok(policy.includes(`receipt-rule/${variables?.KABUTAR_RULE_PREFIX}*`))
  assert.match(variables?.KABUTAR_INBOUND_TOPIC ?? '', /:Inbound-/)
})

describe('SES', () => {
  const { only } = reader(load('ci'))

  test('suppresses nothing itself, and watches the reputation', () => {
    const set = only('aws:sesv2/configurationSet:ConfigurationSet')
    assert.equal(set.configurationSetName, 'kabutar-ci')
    assert.deepEqual(set.suppressionOptions, { suppressedReasons: [] })
    assert.deepEqual(set.reputationOptions, { reputationMetricsEnabled: true })
  })

  test('tells what became of a mail', () => {
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
  const { all, one } = reader(load('ci'))
  type Alarm = {
    readonly name: string
    readonly threshold: number
    readonly alarmActions: readonly string[]
    readonly metricQueries: readonly {
      readonly metric?: { readonly metricName: string }
      readonly returnData: boolean
    }[]
  }
  const declared = () => all('aws:cloudwatch/metricAlarm:MetricAlarm').map(({ inputs }) => inputs as unknown as Alarm)

  test('are six, and each is mailed to the operator', () => {
    assert.deepEqual(
      declared()
        .map(({ name, threshold }) => `${name} > ${threshold}`)
        .toSorted(),
      [
        'kabutar-ci-BounceRate > 0.04',
        'kabutar-ci-ComplaintRate > 0.0008',
        'kabutar-ci-DeadLetters > 0',
        'kabutar-ci-Errors > 5',
        'kabutar-ci-OldestEntry > 900',
        'kabutar-ci-ServerErrors > 5',
      ],
    )
    for (const { alarmActions } of declared()) assert.match(alarmActions.join(), /:Alarms-/)
    const { inputs } = one('aws:sns/topicSubscription:TopicSubscription', 'Operator')
    assert.deepEqual([inputs.protocol, inputs.endpoint], ['email', 'operator@example.com'])
  })

  test('cost at most $1.40 a month: AWS takes $0.10 for each metric', () => {
    const metrics = declared().flatMap(({ metricQueries }) => metricQueries.filter(({ metric }) => metric))
    assert.equal(metrics.length, 14)
    for (const { metricQueries } of declared()) {
      assert.equal(metricQueries.filter(({ returnData }) => returnData).length, 1)
    }
  })

  test('without an operator there is nobody to mail', () => {
    const subscriptions = reader(load('production')).all('aws:sns/topicSubscription:TopicSubscription')
    assert.ok(subscriptions.every(({ name }) => name !== 'Operator'))
  })
})
