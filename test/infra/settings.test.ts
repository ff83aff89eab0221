import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settled } from '../../stacks/settings.ts'
import { asList, reader } from './declared.ts'
import { load } from './diff.ts'

/** The scenario `staging` sets every setting (diff.ts). */
const { all, one, only, workers } = reader(load('staging'))

test('settings that no deployment could have are refused with their name', () => {
  assert.throws(() => settled({ keep: [], concurrency: { send: 1 } }), /concurrency\.send: /)
  assert.throws(() => settled({ keep: [], sesRateShare: 0 }), /sesRateShare: /)
  assert.throws(() => settled({ keep: [], retention: { contentDays: 0 } }), /retention\.contentDays: /)
  assert.throws(() => settled({ keep: [], kmsKey: 'alias/mine' }), /kmsKey: /)
  assert.throws(() => settled({ keep: [], retention: { eventDays: 29 } }), /retention\.eventDays: /)
})

test('a domain of the API is declared with its certificate, and made by no one else', () => {
  const { domainName, domainNameConfiguration } = only('aws:apigatewayv2/domainName:DomainName')
  assert.equal(domainName, 'api.example.com')
  assert.match(JSON.stringify(domainNameConfiguration), /:certificate\/c"/)
  assert.deepEqual(all('aws:route53/record:Record'), [])
})

test('concurrency, memory, throttle, log retention and tags are as set, and the rest as without settings', () => {
  const mappings = all('aws:lambda/eventSourceMapping:EventSourceMapping').map(
    ({ inputs }) => (inputs.scalingConfig as { maximumConcurrency: number }).maximumConcurrency,
  )
  assert.deepEqual(mappings.toSorted(), [2, 2, 2, 7])
  const memory = Object.fromEntries(workers().map(({ handler, inputs }) => [handler, inputs.memorySize]))
  assert.deepEqual([memory['functions/api.handler'], memory['functions/send.handler']], [1024, 512])
  const { defaultRouteSettings } = only('aws:apigatewayv2/stage:Stage')
  assert.deepEqual(defaultRouteSettings, { throttlingRateLimit: 50, throttlingBurstLimit: 1000 })
  for (const { inputs } of all('aws:cloudwatch/logGroup:LogGroup')) assert.equal(inputs.retentionInDays, 7)
  const { tags } = JSON.parse(load('staging').config['aws:defaultTags'] ?? '{}')
  assert.deepEqual([tags.team, tags.project, tags.stage], ['mail', 'kabutar', 'staging'])
  const { inputs } = one('aws:dynamodb/table:Table', 'TableTable')
  assert.deepEqual(inputs.warmThroughput, { readUnitsPerSecond: 13_000, writeUnitsPerSecond: 5_000 })
})

test('two stages do not take the whole send rate each: a worker takes its part of the share', () => {
  const send = workers().find(({ handler }) => handler === 'functions/send.handler')
  assert.equal(send?.inputs.environment.variables.KABUTAR_SEND_CONCURRENCY, String(7 / 0.25))
})

test('the worker that deletes mail by its age gets the days, and without settings none', () => {
  const days = (stage: 'staging' | 'production') =>
    reader(load(stage))
      .workers()
      .find(({ handler }) => handler === 'functions/receive.handler')?.inputs.environment.variables.KABUTAR_RETENTION
  assert.deepEqual([days('staging'), days('production')], ['content=30,events=90', 'off'])
})

test('a stage that only sends does not wait for settings of receipt rules', () => {
  const domains = workers().find(({ handler }) => handler === 'functions/domains.handler')
  const { KABUTAR_RECEIVING, KABUTAR_RULE_SET } = domains?.inputs.environment.variables ?? {}
  assert.deepEqual([KABUTAR_RECEIVING, KABUTAR_RULE_SET], ['off', undefined])
})

test('with tenants a worker sends as one, and only the function of domains and the teardown change them', () => {
  const granted = (stage: 'staging' | 'production') =>
    Object.fromEntries(
      reader(load(stage))
        .workers()
        .map(({ handler, statements }) => [
          handler,
          statements
            .filter((one) => /Tenant|tenant\//.test(JSON.stringify(one)))
            .flatMap(({ Action }) => asList(Action)),
        ]),
    )
  assert.deepEqual(Object.values(granted('production')).flat(), [])
  const { 'functions/domains.handler': domains, 'functions/teardown.handler': teardown, ...others } = granted('staging')
  assert.deepEqual(domains, [
    'ses:CreateTenant',
    'ses:CreateTenantResourceAssociation',
    'ses:DeleteTenantResourceAssociation',
    'ses:ListResourceTenants',
  ])
  assert.deepEqual(teardown, ['ses:ListTenants', 'ses:DeleteTenant'])
  assert.deepEqual(Object.values(others).flat(), ['ses:SendEmail', 'ses:SendRawEmail'])
  const send = workers().find(({ handler }) => handler === 'functions/send.handler')
  assert.match(JSON.stringify(send?.statements), /:tenant\/kabutar-staging_\*"/)
  assert.equal(send?.inputs.environment.variables.KABUTAR_TENANTS, 'kabutar-staging')
})

test('with a key of KMS, table, bucket and queues are encrypted with it, and every function may use it', () => {
  const key = 'arn:aws:kms:us-east-1:123456789012:key/k-1'
  const table = one('aws:dynamodb/table:Table', 'TableTable').inputs
  assert.deepEqual(table.serverSideEncryption, { enabled: true, kmsKeyArn: key })
  const { rules } = only('aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration')
  const encrypted = { sseAlgorithm: 'aws:kms', kmsMasterKeyId: key }
  assert.deepEqual(rules, [{ applyServerSideEncryptionByDefault: encrypted, bucketKeyEnabled: true }])
  const queues = all('aws:sqs/queue:Queue')
  assert.equal(queues.length, 10)
  for (const { inputs } of queues) {
    assert.deepEqual([inputs.kmsMasterKeyId, inputs.sqsManagedSseEnabled], [key, undefined])
  }
  for (const { handler, statements } of workers()) {
    const granted = statements.filter(({ Resource }) => asList(Resource).includes(key))
    assert.deepEqual(
      granted.flatMap(({ Action }) => asList(Action)),
      ['kms:Decrypt', 'kms:GenerateDataKey'],
      handler,
    )
  }
  const production = JSON.stringify(
    reader(load('production'))
      .workers()
      .map(({ statements }) => statements),
  )
  assert.doesNotMatch(production, /kms:/)
})
