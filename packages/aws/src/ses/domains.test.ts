/** Tests of the domain routes through the SDK, with the AWS adapters behind the API. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { createAdaptorServer } from '@hono/node-server'
import { createKey } from '@kabutar/core/accounts/keys.ts'
import { domainOwner } from '@kabutar/core/domains/domains.ts'
import { createApp } from '@kabutar/http/app.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { receivePorts } from '@kabutar/testing/receiving-rig.ts'
import { silent } from '@kabutar/testing/sending-rig.ts'
import { Resend } from 'resend'
import { freshName, startDynamo } from '../../../../test/aws/dynamo.ts'
import { standIn } from '../../../../test/aws/servers.ts'
import { startSes } from '../../../../test/aws/ses.ts'
import { startReceiptRules } from '../../../../test/aws/ses-receipt-rules.ts'
import { dynamoTable } from '../dynamo/table.ts'
import { identitiesClient, sesIdentities } from './identities.ts'
import { receiptRules, rulesClient } from './receipt-rules.ts'
import { sesRelay } from './relay.ts'

const [dynamo, ses, rules] = await Promise.all([startDynamo(), startSes(), startReceiptRules()])
const TABLE = freshName('table')
await dynamo.createTable(TABLE)
const clock = systemClock
const table = dynamoTable(dynamo.client, TABLE, clock)
const identities = sesIdentities(identitiesClient(standIn(ses.endpoint)), {
  region: 'eu-west-1',
  identityArn: 'arn:aws:ses:eu-west-1:123456789012:identity/',
  owner: 'kabutar-ci',
  rules: receiptRules(rulesClient(standIn(rules.endpoint)), {
    prefix: 'kabutar-ci-',
    ruleSet: 'kabutar',
    bucket: 'blobs',
    topicArn: 'arn:aws:sns:eu-west-1:123456789012:Inbound',
    table,
    clock,
  }),
  records: { mx: async () => [] },
})
const { blobs, ...rig } = await receivePorts()
const ports = { ...rig, blobs, downloads: blobs, clock, ids: uuidIds(clock), table, identities }
const server = createAdaptorServer({ fetch: createApp(ports).fetch }) as Server
await once(server.listen(0, '127.0.0.1'), 'listening')
after(() => {
  server.close()
  server.closeAllConnections()
  for (const one of [dynamo, ses, rules]) one.close()
})
const sdkOf = async (account: string) => {
  const { token } = await createKey(ports, account, { name: 'k', permission: 'full_access' })
  return new Resend(token, { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}
const relay = sesRelay(ses.client, {
  region: 'eu-west-1',
  configurationSet: 'kabutar',
  concurrency: 1,
  clock: systemClock,
  log: silent,
  table,
  random: Math.random,
})
const RAW = Buffer.from('From: a@shop.test\r\nTo: b@y.test\r\nSubject: s\r\n\r\nb\r\n')
const relayed = () =>
  relay.send({ returnPath: '', recipients: ['b@y.test'] }, RAW, { messageId: '<1@shop.test>' }).then(
    () => 'sent',
    () => 'refused',
  )
const RECEIVING = { sending: 'enabled', receiving: 'enabled' } as const
const foreign = {
  Name: 'theirs',
  Enabled: true,
  TlsPolicy: 'Require',
  ScanEnabled: false,
  Recipients: [],
  S3: undefined,
}

test('a domain is added, verified, used and removed; other domains of the account do not change', async () => {
  rules.active = 'somebody-elses'
  rules.sets.set('somebody-elses', [foreign])
  const sdk = await sdkOf('a')
  const { data: made } = await sdk.domains.create({ name: 'shop.test', region: 'eu-west-1', capabilities: RECEIVING })
  const records = made?.records ?? []
  assert.deepEqual(
    records.map(({ record, type }) => `${record} ${type}`),
    ['DKIM CNAME', 'DKIM CNAME', 'DKIM CNAME', 'SPF MX', 'SPF TXT', 'Receiving MX'],
  )
  const id = made?.id ?? ''
  await sdk.domains.verify(id)
  assert.deepEqual([(await sdk.domains.get(id)).data?.status, await relayed()], ['pending', 'refused'])
  assert.deepEqual(rules.sets.get('somebody-elses'), [foreign])

  for (const { name } of records) ses.published.add(name)
  await sdk.domains.verify(id)
  assert.deepEqual([(await sdk.domains.get(id)).data?.status, await relayed()], ['verified', 'sent'])
  assert.equal(await domainOwner(table, 'shop.test'), 'a')
  const [first, ours] = rules.sets.get('somebody-elses') ?? []
  assert.deepEqual([first, ours?.Name, ours?.Recipients], [foreign, 'kabutar-ci-1', ['shop.test']])

  await sdk.domains.remove(id)
  assert.deepEqual(rules.sets.get('somebody-elses'), [foreign])
  assert.equal(rules.active, 'somebody-elses')
  assert.deepEqual([ses.identities.has('shop.test'), await relayed()], [false, 'refused'])
})

test('of two accounts that add one domain at once, one gets it and the other 409', async () => {
  const sdks = [await sdkOf('a'), await sdkOf('b')]
  const answers = await Promise.all(sdks.map((sdk) => sdk.domains.create({ name: 'one.test' })))
  assert.deepEqual(answers.map(({ error }) => error?.statusCode ?? 201).sort(), [201, 409])
})

test('two domains that are verified at once both receive', async () => {
  rules.everyMs = 20
  const sdk = await sdkOf('c')
  const names = ['left.test', 'right.test']
  const ids = await Promise.all(
    names.map(async (name) => {
      const { data } = await sdk.domains.create({ name, capabilities: RECEIVING })
      for (const record of data?.records ?? []) ses.published.add(record.name)
      return data?.id ?? ''
    }),
  )
  await Promise.all(ids.map((id) => sdk.domains.verify(id)))
  assert.deepEqual((rules.sets.get('somebody-elses') ?? []).at(-1)?.Recipients.toSorted(), names)
})

test('a throttle of SES is answered 503, and the next call does the rest', async () => {
  const sdk = await sdkOf('d')
  for (let n = 0; n < 3; n++) ses.identityFaults.push({ status: 429, type: 'TooManyRequestsException', message: 'no' })
  assert.equal((await sdk.domains.create({ name: 'busy.test' })).error?.statusCode, 503)
  assert.equal((await sdk.domains.create({ name: 'busy.test' })).error, null)
})
