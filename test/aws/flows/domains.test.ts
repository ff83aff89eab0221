import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Resend } from 'resend'
import { ok } from '../../flows/support/ask.ts'
import { createFirstAccount } from '../flow-server.ts'
import { type Platform, type Running, startPlatform } from '../platform.ts'

/** An API key for tests. */
const API_KEY = 're_dGVzdC1vbmx5LWtleS10ZXN0LW9ubHkta2V5LXRlc3Q'

let platform: Platform
let running: Running
before(async () => {
  platform = await startPlatform(() => undefined)
  await createFirstAccount(platform, API_KEY)
  running = await platform.run()
})
after(async () => {
  await running?.stop()
  await platform?.close()
})

test('the built functions add a domain, verify it, send and receive for it, and delete it', async () => {
  const { rules, ses } = platform
  const foreign = { Enabled: true, TlsPolicy: 'Require', ScanEnabled: false, Recipients: [], S3: undefined }
  const theirs = [{ ...foreign, Name: 'theirs' }]
  rules.active = 'somebody-elses'
  rules.sets.set('somebody-elses', [...theirs])
  const resend = new Resend(API_KEY, { baseUrl: running.url })
  const capabilities = { sending: 'enabled', receiving: 'enabled' } as const
  const { id, records } = await ok(resend.domains.create({ name: 'shop.test', capabilities }))
  const mail = { from: 'a@shop.test', to: 'b@dest.test', subject: 'From the shop', text: 't' }
  assert.equal((await resend.emails.send(mail)).error?.statusCode, 403)

  for (const { name } of records) ses.published.add(name)
  await ok(resend.domains.verify(id))
  assert.equal((await ok(resend.domains.get(id))).status, 'verified')
  const [first, ours] = rules.sets.get('somebody-elses') ?? []
  assert.deepEqual([first, ours?.Name, ours?.Recipients], [theirs[0], 'kabutar-production.1', ['shop.test']])

  // A further domain joins the rule of the first.
  const outlet = await ok(resend.domains.create({ name: 'outlet.test', capabilities }))
  for (const { name } of outlet.records) ses.published.add(name)
  await ok(resend.domains.verify(outlet.id))
  assert.deepEqual(rules.sets.get('somebody-elses')?.at(-1)?.Recipients, ['shop.test', 'outlet.test'])
  await ok(resend.domains.remove(outlet.id))
  assert.deepEqual(rules.sets.get('somebody-elses')?.at(-1)?.Recipients, ['shop.test'])

  await ok(resend.emails.send(mail))
  await platform.receive({
    sesId: 'domain-1',
    raw: 'To: x@shop.test\r\nSubject: For the shop\r\n\r\nt\r\n',
    recipients: ['x@shop.test'],
  })
  const arrived = async () =>
    (await ok(resend.emails.receiving.list())).data.some(({ to }) => to.includes('x@shop.test'))
  for (let tries = 0; ses.sent.length === 0 || !(await arrived()); tries++) {
    assert.ok(tries < 300, 'neither sent nor received in 15 s')
    await sleep(50)
  }

  await ok(resend.domains.remove(id))
  assert.deepEqual(rules.sets.get('somebody-elses'), theirs)
  assert.equal(rules.active, 'somebody-elses')
  assert.equal(ses.identities.size, 0)
  // The function of the API has its own cache of the domains that may send, for five seconds.
  for (let tries = 0; (await resend.emails.send(mail)).error?.statusCode !== 403; tries++) {
    assert.ok(tries < 80, 'still sent from after 8 s')
    await sleep(100)
  }
})

test('an identity is connected and given back, and the removal of the stage deletes its rules and no others', async () => {
  const { rules, ses } = platform
  const theirs = { name: 'team.test', tokens: ['a', 'b', 'c'], mailFrom: undefined, forwardsFeedback: true }
  ses.identities.set('team.test', { ...theirs, tags: [] })
  for (const token of theirs.tokens) ses.published.add(`${token}._domainkey.team.test`)
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { Authorization: `Bearer ${API_KEY}`, 'Content-Type': 'application/json' }
    // A slash too many, as the SDK sends it for a base URL that ends in one.
    const answer = await fetch(`${running.url}/${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as { readonly id: string } }
  }
  const wanted = { name: 'team.test', capabilities: { receiving: 'enabled' } }
  assert.equal((await ask('POST', '/domains', wanted)).status, 409)
  const { body: made } = await ask('POST', '/domains', { ...wanted, connect: true })
  assert.equal((await ask('POST', `/domains/${made.id}/verify`)).status, 200)
  const names = () => (rules.sets.get('somebody-elses') ?? []).map(({ Name }) => Name)
  assert.deepEqual(names(), ['theirs', 'kabutar-production.1'])

  const { teardown } = running.lambdas
  for (const action of ['create', 'update']) await teardown.invoke({ tf: { action } })
  assert.deepEqual(names(), ['theirs', 'kabutar-production.1'])
  await teardown.invoke({ tf: { action: 'delete', prev_input: {} } })
  assert.deepEqual(names(), ['theirs'])

  assert.equal((await ask('DELETE', `/domains/${made.id}`)).status, 200)
  assert.deepEqual(ses.identities.get('team.test'), { ...theirs, tags: [] })
})
