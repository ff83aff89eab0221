import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { asList, type LambdaFunction, reader, type Statement, statementsOf } from './declared.ts'
import { load } from './diff.ts'

const { all, workers } = reader(load('production'))
const SNAPSHOT = join(import.meta.dirname, 'access.json')

const lines = (statement: Statement) =>
  asList(statement.Action).flatMap((action) =>
    asList(statement.Resource).map((resource) => `${action} on ${resource}${conditionOf(statement)}`),
  )
const conditionOf = ({ Condition = {} }: Statement) =>
  Object.entries(Condition)
    .flatMap(([test, values]) => Object.entries(values).map(([name, value]) => ` if ${name} ${test} ${value}`))
    .join('')

const grantedTo = (functions: readonly LambdaFunction[]) =>
  Object.fromEntries(
    functions
      .map(({ handler, statements }) => [handler, statements.flatMap(lines).toSorted()] as const)
      .toSorted(([a], [b]) => a.localeCompare(b)),
  )

/**
 * access.json lists every call that a function may make, for review. To update it after an intended change, run
 * `KABUTAR_UPDATE_SNAPSHOT=1 npm run test:infra`.
 */
test('functions may make the calls of the reviewed list and no others', () => {
  const granted = grantedTo(workers())
  if (process.env.KABUTAR_UPDATE_SNAPSHOT) writeFileSync(SNAPSHOT, `${JSON.stringify(granted, null, 2)}\n`)
  assert.deepEqual(granted, JSON.parse(readFileSync(SNAPSHOT, 'utf8')))
})

test('another stage grants the same, on its own resources', () => {
  const other = JSON.stringify(grantedTo(reader(load('ci')).workers()))
  assert.doesNotMatch(other, /production/)
  // Only the names of resources differ; a hash follows the stage.
  const shape = (text: string) => text.replace(/kabutar[-/][^"*:]*/g, 'kabutar')
  assert.equal(shape(other), shape(JSON.stringify(grantedTo(workers()))))
})

test('a role names its resources in the partition of the region', () => {
  const granted = JSON.stringify(grantedTo(reader(load('long')).workers()))
  assert.match(granted, /arn:aws-us-gov:ses:us-gov-west-1:/)
  assert.doesNotMatch(granted, /arn:aws:/)
})

const everyStatement = (): readonly [LambdaFunction, Statement][] =>
  workers().flatMap((worker) =>
    worker.statements.map((statement) => [worker, statement] as [LambdaFunction, Statement]),
  )

test('no action has a wildcard', () => {
  for (const [{ handler }, { Effect, Action }] of everyStatement()) {
    assert.equal(Effect, 'Allow')
    for (const action of asList(Action)) assert.doesNotMatch(action, /\*/, handler)
  }
})

/** Actions for which IAM has no resource type, so that their policy must say `*`. */
const WITHOUT_RESOURCE: Readonly<Record<string, string>> = {
  'ses:GetAccount': 'the account as a whole',
  'ses:DescribeActiveReceiptRuleSet': 'SES has no resource type for receipt rules',
  'ses:CreateReceiptRule': 'SES has no resource type for receipt rules',
  'ses:UpdateReceiptRule': 'SES has no resource type for receipt rules',
  'ses:DeleteReceiptRule': 'SES has no resource type for receipt rules',
  'ses:ListTenants': 'a list of all',
  'ses:ListReceiptRuleSets': 'SES has no resource type for receipt rules',
  'ses:DescribeReceiptRuleSet': 'SES has no resource type for receipt rules',
}

test('every statement names its resource, except for actions without one', () => {
  for (const [{ handler }, statement] of everyStatement()) {
    if (!asList(statement.Resource).includes('*')) continue
    for (const action of asList(statement.Action)) assert.ok(WITHOUT_RESOURCE[action], `${handler} ${action}`)
  }
})

test('no function may write where SES puts mail, which each reads as it came', () => {
  const writing = everyStatement().filter(([, { Action }]) => asList(Action).includes('s3:PutObject'))
  assert.ok(writing.length >= 2)
  for (const [{ handler }, { Resource }] of writing) {
    for (const arn of asList(Resource))
      assert.match(arn, /:::[\w-]+\/(first|parts|\?{8}(-\?{4}){3}-\?{12})\/\*$/, handler)
  }
})

const WRITES_LOG = ['logs:CreateLogStream', 'logs:PutLogEvents']

/** SST cuts names of functions to 64 characters, and with them what a pattern of names would match. */
for (const scenario of ['production', 'staging', 'inactive', 'long'] as const) {
  test(`no function is mute: each may write its own log group and no other (${scenario})`, () => {
    const { workers } = reader(load(scenario))
    assert.ok(workers().length > 5)
    for (const { handler, statements, inputs } of workers()) {
      const logs = statements.filter(({ Action }) => asList(Action).some((action) => action.startsWith('logs:')))
      assert.deepEqual(logs.flatMap(({ Action }) => asList(Action)).toSorted(), WRITES_LOG, handler)
      const [resource = '', ...others] = logs.flatMap(({ Resource }) => asList(Resource))
      assert.deepEqual(others, [])
      assert.equal(resource.split(':log-group:')[1], `${inputs.loggingConfig.logGroup}:*`, handler)
    }
  })
}

test('only Lambda may assume the role of a function, which has no managed policy', () => {
  for (const { handler, trust, managedPolicies } of workers()) {
    assert.deepEqual(managedPolicies, [], handler)
    const [statement, ...others] = trust
    assert.deepEqual(others, [])
    assert.deepEqual(statement?.Principal, { Service: 'lambda.amazonaws.com' }, handler)
  }
})

test('the scheduler may invoke only the sweep', () => {
  const others = all('aws:iam/role:Role').filter(
    ({ name }) => !workers().some(({ component }) => name === `${component}Role`),
  )
  assert.deepEqual(
    others.map(({ name }) => name),
    ['SweepRole'],
  )
  const [inline] = (others[0]?.inputs.inlinePolicies ?? []) as { policy: string }[]
  const [statement] = statementsOf(inline?.policy)
  assert.equal(statement?.Action, 'lambda:InvokeFunction')
  assert.match(String(statement?.Resource), /SweepHandlerFunction/)
})

test('nothing is linked: a link would grant every action of a service', () => {
  for (const { inputs } of workers()) {
    const names = Object.keys(inputs.environment.variables).filter((name) => name.startsWith('SST_RESOURCE_'))
    assert.deepEqual(names, ['SST_RESOURCE_App'])
  }
})
