import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { bytesAtStart, bytesInAll } from './bundle.ts'
import { type LambdaFunction, reader } from './declared.ts'
import { APP, load, missingHandlers } from './diff.ts'

const { all, only, workers } = reader(load('ci'))
const KB = 1000

const STORED = ['KABUTAR_BUCKET', 'KABUTAR_TABLE']
const EXPECTED: Readonly<Record<string, { maxBundleBytes: number; timeout: number; environment: readonly string[] }>> =
  {
    'functions/api.handler': {
      maxBundleBytes: 800 * KB,
      timeout: 29,
      environment: [
        ...STORED,
        'KABUTAR_CONFIGURATION_SET',
        'KABUTAR_INBOUND_TOPIC',
        'KABUTAR_PUBLIC_URL',
        'KABUTAR_RECEIVE_QUEUE',
        'KABUTAR_RULE_PREFIX',
        'KABUTAR_RULE_SET',
        'KABUTAR_SEND_QUEUE',
        'KABUTAR_WEBHOOK_QUEUE',
      ],
    },
    'functions/send.handler': {
      maxBundleBytes: 500 * KB,
      timeout: 60,
      environment: [
        ...STORED,
        'KABUTAR_ATTEMPTS',
        'KABUTAR_CONFIGURATION_SET',
        'KABUTAR_SEND_CONCURRENCY',
        'KABUTAR_SEND_QUEUE',
        'KABUTAR_WEBHOOK_QUEUE',
      ],
    },
    'functions/feedback.handler': {
      maxBundleBytes: 500 * KB,
      timeout: 30,
      environment: ['KABUTAR_ATTEMPTS', 'KABUTAR_FEEDBACK_QUEUE', 'KABUTAR_TABLE', 'KABUTAR_WEBHOOK_QUEUE'],
    },
    'functions/receive.handler': {
      maxBundleBytes: 1600 * KB,
      timeout: 120,
      environment: [...STORED, 'KABUTAR_ATTEMPTS', 'KABUTAR_RECEIVE_QUEUE', 'KABUTAR_WEBHOOK_QUEUE'],
    },
    'functions/notify.handler': {
      maxBundleBytes: 500 * KB,
      timeout: 60,
      environment: ['KABUTAR_ATTEMPTS', 'KABUTAR_TABLE', 'KABUTAR_WEBHOOK_QUEUE'],
    },
    'functions/sweep.handler': {
      maxBundleBytes: 500 * KB,
      timeout: 50,
      environment: [
        'KABUTAR_DEAD_LETTERS',
        'KABUTAR_LOST_QUEUE',
        'KABUTAR_RECEIVE_QUEUE',
        'KABUTAR_SEND_QUEUE',
        'KABUTAR_TABLE',
        'KABUTAR_WEBHOOK_QUEUE',
      ],
    },
  }

test('these are the functions', () => {
  assert.deepEqual(
    workers()
      .map(({ handler }) => handler)
      .toSorted(),
    Object.keys(EXPECTED).toSorted(),
  )
})

const missing = new Set(missingHandlers().map((file) => `functions/${file.replace('.ts', '')}`))

for (const worker of workers()) {
  const { handler, inputs } = worker
  test(`${handler}: Node 24 on arm64, its own settings, quiet logs`, () => {
    const expected = EXPECTED[handler]
    assert.equal(inputs.runtime, 'nodejs24.x')
    assert.deepEqual(inputs.architectures, ['arm64'])
    assert.equal(inputs.timeout, expected?.timeout)
    const names = Object.keys(inputs.environment.variables).filter((name) => name.startsWith('KABUTAR_'))
    assert.deepEqual(names.toSorted(), expected?.environment.toSorted())
    const { logFormat, applicationLogLevel, systemLogLevel } = inputs.loggingConfig
    assert.deepEqual([logFormat, applicationLogLevel, systemLogLevel], ['JSON', 'WARN', 'WARN'])
  })

  const unwritten = missing.has(handler.split('.')[0] ?? '')
  test(`${handler}: the bundle keeps its budget and starts with its own environment`, {
    skip: unwritten && 'its operation is not written yet, so an empty function stands for it',
  }, () => {
    const bytes = bytesAtStart(bundleOf(worker))
    console.log(`${handler}: ${bytes} bytes to start, ${bytesInAll(bundleOf(worker))} in all`)
    assert.ok(bytes <= (EXPECTED[handler]?.maxBundleBytes ?? 0), `${bytes} bytes`)
    const { status, stderr } = start(worker)
    assert.equal(status, 0, stderr)
  })
}

function bundleOf({ component }: LambdaFunction): string {
  const file = join(APP, '.sst/artifacts', `${component}-src`, 'bundle.mjs')
  assert.ok(existsSync(file), file)
  return file
}

/** Loads the very file that would be uploaded, in a process that knows only what its Lambda would know. */
function start(worker: LambdaFunction) {
  const name = worker.inputs.handler.split('.').at(-1)
  const script = `const m = await import(${JSON.stringify(bundleOf(worker))}); if (typeof m.${name} !== 'function') process.exit(1)`
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
    env: { ...worker.inputs.environment.variables, AWS_REGION: 'us-east-1' },
  })
}

test('logs end after a month', () => {
  const groups = all('aws:cloudwatch/logGroup:LogGroup')
  assert.equal(groups.length, workers().length + 1)
  for (const { name, inputs } of groups) assert.equal(inputs.retentionInDays, 30, name)
})

test('the API is the only way in: one route, open to all, since keys are checked by us', () => {
  assert.deepEqual(
    all('aws:apigatewayv2/route:Route').map(({ inputs }) => [inputs.routeKey, inputs.authorizationType]),
    [['$default', 'NONE']],
  )
  assert.deepEqual(only('aws:apigatewayv2/api:Api').corsConfiguration, {})
  assert.deepEqual(all('aws:lambda/functionUrl:FunctionUrl'), [])
  const permission = only('aws:lambda/permission:Permission')
  assert.equal(permission.principal, 'apigateway.amazonaws.com')
  assert.match(String(permission.sourceArn), /^arn:aws:execute-api:/)
})

test('the sweep runs each minute and is not repeated', () => {
  const schedule = only('aws:scheduler/schedule:Schedule')
  assert.equal(schedule.scheduleExpression, 'rate(1 minute)')
  const { retryPolicy } = schedule.target as { retryPolicy: object }
  assert.deepEqual(retryPolicy, { maximumRetryAttempts: 0 })
  // The scheduler only hands it to Lambda, which has retries of its own.
  const { functionName, maximumRetryAttempts, maximumEventAgeInSeconds } = only(
    'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig',
  )
  assert.match(String(functionName), /SweepHandler/)
  assert.deepEqual([maximumRetryAttempts, maximumEventAgeInSeconds], [0, 60])
})
