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

const { all, only, workers } = reader(load('production'))
const KB = 1000

const STORED = ['KABUTAR_BUCKET', 'KABUTAR_TABLE']
/**
 * Budgets in bytes: `atStart` of the files loaded before the first event, `inAll` of all files that are uploaded. Each is a
 * tenth above what the function had when it was last looked at: enough for its own growth, too little for a new package.
 */
type Expected = {
  readonly atStart: number
  readonly inAll: number
  readonly timeout: number
  readonly environment: readonly string[]
}
const EXPECTED: Readonly<Record<string, Expected>> = {
  'functions/api.handler': {
    atStart: 670 * KB,
    // 1,720 KB of it show messages to people: what reads mail for receive.handler, the composer of send.handler, and the
    // sanitiser. None of it is in the start; it is loaded when the console opens a message.
    inAll: 2530 * KB,
    timeout: 29,
    environment: [...STORED, 'KABUTAR_RECEIVE_QUEUE', 'KABUTAR_SEND_QUEUE', 'KABUTAR_WEBHOOK_QUEUE'],
  },
  'functions/domains.handler': {
    atStart: 495 * KB,
    inAll: 760 * KB,
    timeout: 29,
    environment: [
      ...STORED,
      'KABUTAR_IDENTITY_ARN',
      'KABUTAR_INBOUND_TOPIC',
      'KABUTAR_OWNER',
      'KABUTAR_RULE_SET',
      'KABUTAR_WEBHOOK_QUEUE',
    ],
  },
  'functions/teardown.handler': {
    atStart: 300 * KB,
    inAll: 400 * KB,
    timeout: 600,
    environment: ['KABUTAR_OWNER'],
  },
  'functions/send.handler': {
    atStart: 565 * KB,
    // It starts with 510 KB. S3's client, which few messages need, and the composer, half of it the names of file types,
    // are loaded when they are used.
    inAll: 890 * KB,
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
    atStart: 415 * KB,
    inAll: 500 * KB,
    timeout: 30,
    environment: ['KABUTAR_ATTEMPTS', 'KABUTAR_FEEDBACK_QUEUE', 'KABUTAR_TABLE', 'KABUTAR_WEBHOOK_QUEUE'],
  },
  'functions/receive.handler': {
    atStart: 525 * KB,
    // 1,130 KB of it reads mail for people: mailparser, with the character sets of iconv-lite, the entities of HTML and the
    // lists of top-level domains and file types. None of it is in the start; it is loaded with the first message.
    inAll: 1970 * KB,
    timeout: 120,
    environment: [...STORED, 'KABUTAR_ATTEMPTS', 'KABUTAR_RECEIVE_QUEUE', 'KABUTAR_RETENTION', 'KABUTAR_WEBHOOK_QUEUE'],
  },
  'functions/notify.handler': {
    // undici is 460 KB of it: the package exports its client only together with fetch, caches and mocks.
    atStart: 840 * KB,
    inAll: 860 * KB,
    timeout: 60,
    environment: ['KABUTAR_ATTEMPTS', 'KABUTAR_TABLE', 'KABUTAR_WEBHOOK_QUEUE'],
  },
  'functions/sweep.handler': {
    atStart: 410 * KB,
    inAll: 500 * KB,
    timeout: 50,
    environment: [
      'KABUTAR_DEAD_LETTERS',
      'KABUTAR_FEEDBACK_QUEUE',
      'KABUTAR_RECONCILE_QUEUE',
      'KABUTAR_RECEIVE_QUEUE',
      'KABUTAR_SEND_QUEUE',
      'KABUTAR_TABLE',
      'KABUTAR_WEBHOOK_QUEUE',
    ],
  },
}

test('the stacks declare exactly these functions', () => {
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
  test(`${handler} runs on Node 24 and arm64, with its own settings and logs at WARN`, () => {
    const expected = EXPECTED[handler]
    assert.equal(inputs.runtime, 'nodejs24.x')
    assert.deepEqual(inputs.architectures, ['arm64'])
    assert.equal(inputs.timeout, expected?.timeout)
    assert.deepEqual(names(worker).toSorted(), expected?.environment.toSorted())
    const { logFormat, applicationLogLevel, systemLogLevel } = inputs.loggingConfig
    assert.deepEqual([logFormat, applicationLogLevel, systemLogLevel], ['JSON', 'WARN', 'WARN'])
  })

  const unwritten = missing.has(handler.split('.')[0] ?? '')
  const skip = unwritten && 'its file is missing, so the bundle is empty'
  test(`${handler} keeps the budget of its bundle`, { skip }, () => {
    const entry = bundleOf(worker)
    const [atStart, inReach, inAll] = [bytesAtStart(entry), bytesInReach(entry), bytesInAll(entry)]
    console.log(`${handler}: ${atStart} bytes to start, ${inReach} with all it may import, ${inAll} in all`)
    assert.ok(atStart <= (EXPECTED[handler]?.atStart ?? 0), `${atStart} bytes to start`)
    assert.ok(inAll <= (EXPECTED[handler]?.inAll ?? 0), `${inAll} bytes in all`)
    assert.equal(inAll, inReach, 'a file is uploaded that nothing imports')
  })

  test(`${handler} starts with only its own environment, and loads the files that the budget counts`, { skip }, () => {
    const { status, stderr, loaded } = start(worker)
    assert.equal(status, 0, stderr)
    assert.deepEqual(loaded.toSorted(), filesAtStart(bundleOf(worker)).map(nameOf).toSorted())
  })

  test(`${handler} needs each of its settings to start`, { skip }, () => {
    for (const name of names(worker)) {
      // The number of attempts has a default.
      if (name === 'KABUTAR_ATTEMPTS') continue
      const { status, stderr } = start(worker, name)
      assert.notEqual(status, 0, `starts without ${name}`)
      assert.ok(stderr.includes(`Error: ${name}: `), `the error does not name ${name}`)
    }
  })
}

test('code that reads or composes mail is only in the bundles of the functions that need it, and in no start', () => {
  const having = (source: RegExp, files: (entry: string) => readonly string[]) =>
    workers()
      .filter((worker) => files(bundleOf(worker)).some((file) => source.test(sourcesOf(file))))
      .map(({ handler }) => handler)
  assert.deepEqual(having(/node_modules\/(mailparser|libmime|iconv-lite)\//, filesInReach), [
    'functions/receive.handler',
    'functions/api.handler',
  ])
  assert.deepEqual(having(/mail-composer/, filesInReach), ['functions/send.handler', 'functions/api.handler'])
  assert.deepEqual(having(/node_modules\/(mailparser|libmime|iconv-lite)\/|mail-composer/, filesAtStart), [])
  assert.deepEqual(having(/node_modules\/undici\//, filesInReach), ['functions/notify.handler'])
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

/** A script that prints the files that an import loads before the next turn of the event loop. */
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
 * Loads the files that would be uploaded in a process like the function's: from a folder without node_modules, with the
 * declared environment except `without`.
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

test('every function and the gateway have a log group of their own, kept for a month', () => {
  const groups = all('aws:cloudwatch/logGroup:LogGroup')
  for (const { name, inputs } of groups) assert.equal(inputs.retentionInDays, 30, name)
  const { accessLogSettings } = only('aws:apigatewayv2/stage:Stage') as {
    accessLogSettings: { destinationArn: string }
  }
  const written = [
    ...workers().map(({ inputs }) => inputs.loggingConfig.logGroup),
    accessLogSettings.destinationArn.split(':log-group:')[1],
  ]
  assert.deepEqual(written.toSorted(), groups.map(({ inputs }) => inputs.name).toSorted())
  assert.equal(new Set(written).size, workers().length + 1)
})

test('a removed stage leaves no receipt rule: its removal invokes the function that deletes them', () => {
  const { functionName, lifecycleScope } = only('aws:lambda/invocation:Invocation')
  assert.equal(lifecycleScope, 'CRUD')
  const [function_] = all('aws:lambda/function:Function').filter(({ name }) => name === 'TeardownFunction')
  assert.equal(function_?.inputs.name, functionName)
  // A name that a later version changes would replace the invocation, and so delete the rules of a living stage.
  assert.equal(functionName, 'kabutar-production-teardown')
  const { urn } = all('aws:lambda/invocation:Invocation')[0] ?? { urn: '' }
  assert.match(urn, /\$aws:lambda\/invocation:Invocation::TeardownInvocation$/)
  // A stage that only sends has tenants of SES to delete, and no rule.
  const [staging] = reader(load('staging')).all('aws:lambda/invocation:Invocation')
  assert.equal(staging?.inputs.functionName, 'kabutar-staging-teardown')
})

test('Lambda does not cut the retries of webhooks as a recursive loop, and watches every other function', () => {
  const { functionName, recursiveLoop } = only('aws:lambda/functionRecursionConfig:FunctionRecursionConfig')
  assert.match(String(functionName), /-WebhooksSubscriber/)
  assert.equal(recursiveLoop, 'Allow')
})

test('the sweep runs each minute and is never repeated', () => {
  const schedule = only('aws:scheduler/schedule:Schedule')
  assert.equal(schedule.scheduleExpression, 'rate(1 minute)')
  const { retryPolicy } = schedule.target as { retryPolicy: object }
  assert.deepEqual(retryPolicy, { maximumRetryAttempts: 0 })
  // Lambda has retries of its own for what the scheduler invokes.
  const { functionName, maximumRetryAttempts, maximumEventAgeInSeconds } = only(
    'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig',
  )
  assert.match(String(functionName), /SweepHandler/)
  assert.deepEqual([maximumRetryAttempts, maximumEventAgeInSeconds], [0, 60])
})
