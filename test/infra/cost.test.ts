import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DECLARED } from '../cost/declared.ts'
import { reader } from './declared.ts'
import { load } from './diff.ts'

const { all, only, workers } = reader(load('production'))

type Alarm = { readonly metricQueries: readonly { readonly metric?: object; readonly returnData: boolean }[] }

test('the cost of an idle month is computed from what the stacks declare', () => {
  const sweep = workers().find(({ handler }) => handler === 'functions/sweep.handler')
  const alarms = all('aws:cloudwatch/metricAlarm:MetricAlarm').map(({ inputs }) => inputs as unknown as Alarm)
  assert.deepEqual(DECLARED, {
    polledQueues: all('aws:lambda/eventSourceMapping:EventSourceMapping').length,
    deadLetterQueues: sweep?.inputs.environment.variables.KABUTAR_DEAD_LETTERS?.split(',').length,
    // AWS charges for each metric that an alarm watches.
    alarmMetrics: alarms.flatMap(({ metricQueries }) => metricQueries.filter(({ metric }) => metric)).length,
    sweepMemoryMb: sweep?.inputs.memorySize,
    sweepsAnHour: only('aws:scheduler/schedule:Schedule').scheduleExpression === 'rate(1 minute)' ? 60 : undefined,
  })
  for (const { metricQueries } of alarms) {
    assert.equal(metricQueries.filter(({ returnData }) => returnData).length, 1)
    assert.ok(metricQueries.some(({ metric }) => metric))
  }
})

test('no other resource is declared that costs by the hour or month', () => {
  const billed =
    /dashboard|natGateway|ec2\/|vpcEndpoint|loadBalancer|kms|secretsmanager|provisionedConcurrency|metricFilter/i
  assert.deepEqual(
    load('production')
      .resources.filter(({ type }) => billed.test(type))
      .map(({ type }) => type),
    [],
  )
})
