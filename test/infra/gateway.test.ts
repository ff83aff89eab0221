import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reader } from './declared.ts'
import { load } from './diff.ts'

const { all, only, workers } = reader(load('production'))

test('the API is the only entrance: its routes have no authorizer, because the app checks keys', () => {
  assert.deepEqual(
    all('aws:apigatewayv2/route:Route')
      .map(({ inputs }) => [inputs.routeKey, inputs.authorizationType])
      .toSorted(),
    [
      ['$default', 'NONE'],
      ['ANY /api/domains', 'NONE'],
      ['ANY /api/domains/{path+}', 'NONE'],
      ['ANY /domains', 'NONE'],
      ['ANY /domains/{path+}', 'NONE'],
    ],
  )
  assert.deepEqual(only('aws:apigatewayv2/api:Api').corsConfiguration, {})
  assert.deepEqual(all('aws:lambda/functionUrl:FunctionUrl'), [])
  for (const { inputs } of all('aws:lambda/permission:Permission')) {
    assert.equal(inputs.principal, 'apigateway.amazonaws.com')
    assert.match(String(inputs.sourceArn), /^arn:aws:execute-api:/)
  }
})

test('the function that most strangers reach cannot lead mail away: only that of domains changes receipt rules', () => {
  const may = (action: RegExp) =>
    workers()
      .filter(({ statements }) => statements.some(({ Action }) => [Action].flat().some((one) => action.test(one))))
      .map(({ handler }) => handler)
      .toSorted()
  assert.deepEqual(may(/^ses:(Create|Update)ReceiptRule$/), ['functions/domains.handler'])
  assert.deepEqual(may(/ReceiptRule/), ['functions/domains.handler', 'functions/teardown.handler'])
  assert.deepEqual(may(/^ses:\w*EmailIdentity/), ['functions/domains.handler'])
})

test('the domains function deletes and changes identities of this stage only, and takes over none of another stage', () => {
  const { statements = [] } = workers().find(({ handler }) => handler === 'functions/domains.handler') ?? {}
  const conditionsOf = (action: string) =>
    statements.filter(({ Action }) => [Action].flat().includes(action)).map(({ Condition }) => Condition)
  const owner = 'kabutar-production'
  const own = [{ StringEquals: { 'aws:ResourceTag/kabutar': owner } }]
  for (const action of ['DeleteEmailIdentity', 'PutEmailIdentityMailFromAttributes', 'UntagResource']) {
    assert.deepEqual(conditionsOf(`ses:${action}`), own, action)
  }
  assert.deepEqual(conditionsOf('ses:PutEmailIdentityFeedbackAttributes'), own)
  const given = { 'aws:RequestTag/kabutar': owner }
  assert.deepEqual(conditionsOf('ses:CreateEmailIdentity'), [{ StringEquals: given }])
  assert.deepEqual(conditionsOf('ses:TagResource'), [
    { StringEquals: given, Null: { 'aws:ResourceTag/kabutar': 'true' } },
  ])
})

test('a flood costs little: the gateway refuses what is over the throttle', () => {
  const { defaultRouteSettings } = only('aws:apigatewayv2/stage:Stage')
  assert.deepEqual(defaultRouteSettings, { throttlingRateLimit: 500, throttlingBurstLimit: 1000 })
})

test('the access log has no e-mail address of a path, no address of a client and no query', () => {
  const { accessLogSettings } = only('aws:apigatewayv2/stage:Stage') as { accessLogSettings: { format: string } }
  const logged = Object.values(JSON.parse(accessLogSettings.format) as Record<string, string>)
  assert.ok(logged.includes('$context.status'))
  assert.doesNotMatch(logged.join(), /path|sourceIp|userAgent|querystring|authorization|header|identity/i)
})
