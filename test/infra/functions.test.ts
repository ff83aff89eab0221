import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { bytesAtStart, bytesInAll, bytesInReach, filesAtStart, filesInReach } from './bundle.ts'
import { type LambdaFunction, reader } from './declared.ts'
import { APP, load, missingHandlers } from './diff.ts'

const { all, only, workers } = reader(load('ci'))
const KB = 1000

const STORED = ['KABUTAR_BUCKET', 'KABUTAR_TABLE']
/** `atStart` is what each has, and a little; `inAll` is what may be uploaded for it. */
type Expected = {
  readonly atStart: number
  readonly inAll: number
  readonly timeout: number
  readonly environment: readonly string[]
}
const EXPECTED: Readonly<Record<string, Expected>> = {
  'functions/api.handler': {
    atStart: 510 * KB,
    inAll: 800 * KB,
    timeout: 29,
    environment: [
      ...STORED,
      'KABUTAR_INBOUND_TOPIC',
      'KABUTAR_RECEIVE_QUEUE',
      'KABUTAR_RULE_PREFIX',
      'KABUTAR_RULE_SET',
      'KABUTAR_SEND_QUEUE',
      'KABUTAR_WEBHOOK_QUEUE',
    ],
  },
  'functions/send.handler': {
    atStart: 440 * KB,
    // 500 KB is what it starts with. Four clients of the SDK are 430 KB alone, of which S3 and what only it needs are
    // loaded for the few messages whose content is a blob; composing mail is 130 KB, half of it the names of file types,
    // and making its plain text of HTML another 130 KB. None of these three is in the start.
    inAll: 850 * KB,
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
    atStart: 305 * KB,
    inAll: 500 * KB,
    timeout: 30,
    environment: ['KABUTAR_ATTEMPTS', 'KABUTAR_FEEDBACK_QUEUE', 'KABUTAR_TABLE', 'KABUTAR_WEBHOOK_QUEUE'],
  },
  'functions/receive.handler': {
    atStart: 395 * KB,
    inAll: 1600 * KB,
    timeout: 120,
    environment: [...STORED, 'KABUTAR_ATTEMPTS', 'KABUTAR_RECEIVE_QUEUE', 'KABUTAR_WEBHOOK_QUEUE'],
  },
  'functions/notify.handler': {
    atStart: 300 * KB,
    inAll: 500 * KB,
    timeout: 60,
    environment: ['KABUTAR_ATTEMPTS', 'KABUTAR_TABLE', 'KABUTAR_WEBHOOK_QUEUE'],
  },
  'functions/sweep.handler': {
    atStart: 295 * KB,
    inAll: 500 * KB,
    timeout: 50,
    environment: [
      'KABUTAR_DEAD_LETTERS',
      'KABUTAR_RECONCILE_QUEUE',
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

const names = ({ inputs }: LambdaFunction) =>
  Object.keys(inputs.environment.variables).filter((name) => name.startsWith('KABUTAR_'))
const missing = new Set(missingHandlers().map((file) => `functions/${file.replace('.ts', '')}`))

for (const worker of workers()) {
  const { handler, inputs } = worker
  test(`${handler}: Node 24 on arm64, its own settings, quiet logs`, () => {
    const expected = EXPECTED[handler]
    assert.equal(inputs.runtime, 'nodejs24.x')
    assert.deepEqual(inputs.architectures, ['arm64'])
    assert.equal(inputs.timeout, expected?.timeout)
    assert.deepEqual(names(worker).toSorted(), expected?.environment.toSorted())
    const { logFormat, applicationLogLevel, systemLogLevel } = inputs.loggingConfig
    assert.deepEqual([logFormat, applicationLogLevel, systemLogLevel], ['JSON', 'WARN', 'WARN'])
  })

  const unwritten = missing.has(handler.split('.')[0] ?? '')
  const skip = unwritten && 'its operation is not written yet, so an empty function stands for it'
  test(`${handler}: the bundle keeps its budget`, { skip }, () => {
    const entry = bundleOf(worker)
    const [atStart, inReach, inAll] = [bytesAtStart(entry), bytesInReach(entry), bytesInAll(entry)]
    console.log(`${handler}: ${atStart} bytes to start, ${inReach} with all it may import, ${inAll} in all`)
    assert.ok(atStart <= (EXPECTED[handler]?.atStart ?? 0), `${atStart} bytes to start`)
    assert.ok(inAll <= (EXPECTED[handler]?.inAll ?? 0), `${inAll} bytes in all`)
    assert.equal(inAll, inReach, 'something is uploaded that nothing imports')
  })

  test(`${handler}: starts alone, with its own environment, and loads what the budget counts`, { skip }, () => {
    const { status, stderr, loaded } = start(worker)
    assert.equal(status, 0, stderr)
    assert.deepEqual(loaded.toSorted(), filesAtStart(bundleOf(worker)).map(nameOf).toSorted())
  })

  test(`${handler}: has no setting that it could start without`, { skip }, () => {
    for (const name of names(worker)) {
      // Only what counts attempts has a default, which the queues' own number replaces.
      if (name === 'KABUTAR_ATTEMPTS') continue
      const { status, stderr } = start(worker, name)
      assert.notEqual(status, 0, `starts without ${name}`)
      assert.ok(stderr.includes(`Error: ${name}: `), `the error does not name ${name}`)
    }
  })
}

test('what reads mail for people, and what composes it, is with the function that does', () => {
  const having = (source: RegExp, files: (entry: string) => readonly string[]) =>
    workers()
      .filter((worker) => files(bundleOf(worker)).some((file) => source.test(sourcesOf(file))))
      .map(({ handler }) => handler)
  assert.deepEqual(having(/packages\/mail\/src\/texts\.ts/, filesInReach), ['functions/api.handler'])
  assert.deepEqual(having(/node_modules\/html-to-text\//, filesInReach), ['functions/send.handler'])
  assert.deepEqual(having(/node_modules\/(html-to-text|undici)\/|mail-composer/, filesAtStart), [])
})

const nameOf = (file: string) => basename(file)
const sourcesOf = (file: string) =>
  existsSync(`${file}.map`)
    ? (JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { sources: string[] }).sources.join()
    : ''

function bundleOf({ component }: LambdaFunction): string {
  const file = join(APP, '.sst/artifacts', `${component}-src`, 'bundle.mjs')
  assert.ok(existsSync(file), file)
  return file
}

/** Prints the files that an import loads, and what it starts to load at once. */
const LOADING = (handler: string) => `
  import { registerHooks } from 'node:module'
  const loaded = []
  registerHooks({ load: (url, context, next) => (url.startsWith('file:') && loaded.push(url), next(url, context)) })
  const module = await import(process.argv[1])
  await new Promise(setImmediate)
  if (typeof module.${handler} !== 'function') process.exit(1)
  console.log(JSON.stringify(loaded.map((url) => url.slice(url.lastIndexOf('/') + 1))))
  process.exit(0)
`

const copies = new Map<string, string>()
function copyOf(worker: LambdaFunction): string {
  const folder = copies.get(worker.component) ?? temporaryFolder()
  if (!copies.has(worker.component)) {
    cpSync(dirname(bundleOf(worker)), folder, { recursive: true, filter: (name) => !name.endsWith('.map') })
  }
  copies.set(worker.component, folder)
  return folder
}

/**
 * Loads the very files that would be uploaded, in a process that knows only what its Lambda would know: from a folder
 * of their own, where no package can be found, and with the declared environment, less `without`.
 */
function start(worker: LambdaFunction, without?: string) {
  const folder = copyOf(worker)
  const { [without ?? '']: _, ...variables } = worker.inputs.environment.variables
  const handler = worker.inputs.handler.split('.').at(-1) ?? ''
  const args = ['--input-type=module', '-e', LOADING(handler), pathToFileURL(join(folder, 'bundle.mjs')).href]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 20_000,
    cwd: folder,
    env: { ...variables, AWS_REGION: 'us-east-1' },
  })
  return { status, stderr, loaded: status === 0 ? (JSON.parse(stdout) as string[]) : [] }
}

test('every function and the gateway write to a log of their own, which ends after a month', () => {
  const groups = all('aws:cloudwatch/logGroup:LogGroup')
  for (const { name, inputs } of groups) assert.equal(inputs.retentionInDays, 30, name)
  const { accessLogSettings } = only('aws:apigatewayv2/stage:Stage') as {
    accessLogSettings: { destinationArn: string; format: string }
  }
  const written = [
    ...workers().map(({ inputs }) => inputs.loggingConfig.logGroup),
    accessLogSettings.destinationArn.split(':log-group:')[1],
  ]
  assert.deepEqual(written.toSorted(), groups.map(({ inputs }) => inputs.name).toSorted())
  assert.equal(new Set(written).size, workers().length + 1)
  // Neither a key nor the signature of a download is in a log.
  assert.doesNotMatch(accessLogSettings.format, /querystring|authorization|header/i)
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
