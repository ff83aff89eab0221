import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { reader, statementsOf } from './declared.ts'
import { APP, load } from './diff.ts'

/** Every type of resource, and how it is encrypted at rest. A new type must be added here. */
const KINDS: Readonly<Record<string, string>> = {
  'apigatewayv2/api:Api': 'stores nothing',
  'apigatewayv2/integration:Integration': 'stores nothing',
  'apigatewayv2/route:Route': 'stores nothing',
  'apigatewayv2/stage:Stage': 'stores nothing',
  'cloudwatch/logGroup:LogGroup': 'by CloudWatch, always',
  'cloudwatch/metricAlarm:MetricAlarm': 'stores nothing',
  'dynamodb/table:Table': 'by DynamoDB, always',
  'iam/role:Role': 'stores nothing',
  'lambda/eventSourceMapping:EventSourceMapping': 'stores nothing',
  'lambda/function:Function': 'environment and code by Lambda, always',
  'lambda/functionEventInvokeConfig:FunctionEventInvokeConfig': 'stores nothing',
  'lambda/functionRecursionConfig:FunctionRecursionConfig': 'stores nothing',
  'lambda/invocation:Invocation': 'stores nothing',
  'lambda/permission:Permission': 'stores nothing',
  's3/bucket:Bucket': 'SSE-S3, see storage.test.ts',
  's3/bucketLifecycleConfiguration:BucketLifecycleConfiguration': 'stores nothing',
  's3/bucketNotification:BucketNotification': 'stores nothing',
  's3/bucketObjectv2:BucketObjectv2': "code of functions in SST's own bucket, SSE-S3",
  's3/bucketPolicy:BucketPolicy': 'stores nothing',
  's3/bucketPublicAccessBlock:BucketPublicAccessBlock': 'stores nothing',
  's3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration': 'stores nothing',
  's3/bucketVersioning:BucketVersioning': 'stores nothing',
  'scheduler/schedule:Schedule': 'by EventBridge Scheduler, always',
  'ses/activeReceiptRuleSet:ActiveReceiptRuleSet': 'stores nothing',
  'ses/receiptRuleSet:ReceiptRuleSet': 'stores nothing',
  'sesv2/configurationSet:ConfigurationSet': 'stores nothing',
  'sesv2/configurationSetEventDestination:ConfigurationSetEventDestination': 'stores nothing',
  // SES cannot publish to a topic with the key that AWS manages, and a key of the account costs $1 a month.
  'sns/topic:Topic': 'passes messages on and keeps them only while a queue of ours does not take them',
  'sns/topicPolicy:TopicPolicy': 'stores nothing',
  'sns/topicSubscription:TopicSubscription': 'stores nothing',
  'sqs/queue:Queue': 'SSE-SQS, see queues.test.ts',
  'sqs/queuePolicy:QueuePolicy': 'stores nothing',
}

test('every declared type of resource is listed', () => {
  const kinds = load('production').resources.flatMap(({ type }) =>
    type.startsWith('aws:') ? [type.slice('aws:'.length)] : [],
  )
  assert.deepEqual([...new Set(kinds)].toSorted(), Object.keys(KINDS).toSorted())
})

test('all resources use the default provider, which tags them', () => {
  for (const { type, name, provider } of load('production').resources) {
    if (type.startsWith('aws:')) assert.equal(provider, '', `${type} ${name}`)
  }
})

test('no resource policy admits everybody', () => {
  const policies = load('production').resources.flatMap(({ name, inputs }) =>
    ['policy', 'assumeRolePolicy'].flatMap((key) => (inputs[key] ? [[name, statementsOf(inputs[key])] as const] : [])),
  )
  assert.ok(policies.length > 10)
  for (const [name, statements] of policies) {
    for (const { Effect, Principal } of statements) {
      assert.ok(Effect === 'Deny' || (Principal !== '*' && !Object.values(Principal ?? {}).includes('*')), name)
    }
  }
})

test('no API key is declared', () => {
  assert.doesNotMatch(JSON.stringify(load('production')), /\bre_[A-Za-z0-9]{8}|whsec_/)
})

/** Reads the config in a process of its own, because SST defines the global `$config`. */
const SHOWING = `
  globalThis.$config = (config) => config
  const { default: config } = await import(process.argv[1])
  console.log(JSON.stringify(process.argv.slice(2).map((stage) => config.app({ stage }))))
`

test('a stage that people call theirs is protected and keeps its data; other stages are removed whole', () => {
  const file = pathToFileURL(resolve(import.meta.dirname, '../../sst.config.ts')).href
  const args = ['--input-type=module', '-e', SHOWING, file, 'production', 'prod', 'live', 'ci']
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })
  assert.ok(stdout, stderr)
  const apps = JSON.parse(stdout) as { protect: boolean; removal: string; version: string }[]
  assert.deepEqual(
    apps.map(({ protect, removal, version }) => [protect, removal, version]),
    [
      [true, 'retain', '4.17.1'],
      [true, 'retain', '4.17.1'],
      [true, 'retain', '4.17.1'],
      [false, 'remove', '4.17.1'],
    ],
  )
})

test('no function has a secret in its environment, except the key of its empty links file', () => {
  for (const { handler, inputs } of reader(load('production')).workers()) {
    const names = Object.keys(inputs.environment.variables).filter((name) => /KEY|SECRET|TOKEN|PASS/.test(name))
    assert.deepEqual(names.toSorted(), ['SST_KEY', 'SST_KEY_FILE'], handler)
  }
})

test('the files that sst writes beside every package.json are neither linted nor added to git', () => {
  const root = resolve(import.meta.dirname, '../..')
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'packages/core'), { recursive: true })
  for (const name of ['sst-env.d.ts', 'packages/core/sst-env.d.ts']) {
    writeFileSync(join(folder, name), '/* tslint:disable */\nexport {}; var any: any;\n')
  }
  writeFileSync(join(folder, 'kept.ts'), 'export const one = 1\n')
  cpSync(join(root, 'biome.json'), join(folder, 'biome.json'))
  const run = (program: string, args: readonly string[], cwd: string) =>
    spawnSync(program, args, { cwd, encoding: 'utf8', timeout: 20_000 })
  const linted = run(join(root, 'node_modules/.bin/biome'), ['ci', '.'], folder)
  assert.equal(linted.status, 0, linted.stderr)
  const ignored = run('git', ['check-ignore', 'sst-env.d.ts', 'packages/core/sst-env.d.ts'], root)
  assert.equal(ignored.stdout, 'sst-env.d.ts\npackages/core/sst-env.d.ts\n')
})

test('the config and the stacks typecheck against the components of SST', () => {
  const tsc = resolve(import.meta.dirname, '../../node_modules/.bin/tsc')
  const { status, stdout } = spawnSync(tsc, ['-p', 'tsconfig.infra.json'], { cwd: APP, encoding: 'utf8' })
  assert.equal(status, 0, stdout)
})
