import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { call, MAIL, setup } from '@kabutar/testing/http-rig.ts'
import { createApp } from './app.ts'
import { createDomainsApp } from './domains-app.ts'

describe('/domains', () => {
  test('a domain is added, read, verified, changed and deleted in the form of the wire', async () => {
    const rig = await setup()
    // Ids of the same millisecond have no order.
    rig.ports.clock.advance(1)
    const added = await call(rig, 'POST /domains', { name: 'Shop.Test', capabilities: { receiving: 'enabled' } })
    assert.equal(added.status, 201)
    const { id, created_at, records, recommended_records, ...rest } = added.body
    const shown = { sending: 'enabled', receiving: 'enabled' }
    assert.deepEqual(rest, { name: 'shop.test', status: 'not_started', region: 'us-east-1', capabilities: shown })
    assert.match(String(created_at), /^2026-11-22T12:00:00/)
    assert.deepEqual((records as object[])[1], {
      record: 'SPF',
      type: 'MX',
      name: 'send.shop.test',
      value: 'feedback.test',
      priority: 10,
      ttl: 'Auto',
      status: 'pending',
    })
    const dmarc = { record: 'DMARC', type: 'TXT', name: '_dmarc.shop.test', value: 'v=DMARC1; p=none;', ttl: 'Auto' }
    assert.deepEqual(recommended_records, [dmarc])
    const read = await call(rig, `GET /domains/${id}`)
    assert.deepEqual(read.body, { object: 'domain', ...added.body })
    const { data, has_more } = (await call(rig, 'GET /domains?limit=1')).body
    assert.deepEqual([data, has_more], [[{ id, created_at, ...rest }], true])

    rig.ports.identities.published.add('shop.test')
    assert.deepEqual((await call(rig, `POST /domains/${id}/verify`)).body, { object: 'domain', id })
    assert.equal((await call(rig, `GET /domains/${id}`)).body.status, 'verified')
    assert.equal((await call(rig, 'POST /emails', { ...MAIL, from: 'a@shop.test' })).status, 200)

    const off = { capabilities: { sending: 'disabled', receiving: 'disabled' }, open_tracking: false }
    assert.deepEqual((await call(rig, `PATCH /domains/${id}`, off)).body, { object: 'domain', id })
    assert.equal((await call(rig, 'POST /emails', { ...MAIL, from: 'a@shop.test' })).status, 403)
    const kept = (await call(rig, `GET /domains/${id}`)).body.records as { record: string }[]
    assert.deepEqual(
      kept.map(({ record }) => record),
      ['DKIM'],
    )
    assert.deepEqual((await call(rig, `DELETE /domains/${id}`)).body, { object: 'domain', id, deleted: true })
    assert.equal((await call(rig, `GET /domains/${id}`)).status, 404)
  })

  test('by default a domain sends and does not receive', async () => {
    const rig = await setup()
    const { capabilities } = (await call(rig, 'POST /domains', { name: 'shop.test' })).body
    assert.deepEqual(capabilities, { sending: 'enabled', receiving: 'disabled' })
  })

  test('a domain that the operator claimed has no records to publish, and can be disabled', async () => {
    const rig = await setup()
    const [given] = (await call(rig, 'GET /domains')).body.data as { id: string; name: string }[]
    assert.equal((await call(rig, `POST /domains/${given?.id}/verify`)).status, 200)
    const { status, records, name = '' } = (await call(rig, `GET /domains/${given?.id}`)).body as Record<string, string>
    assert.deepEqual([status, records], ['verified', []])
    const off = { capabilities: { sending: 'disabled' } }
    assert.equal((await call(rig, `PATCH /domains/${given?.id}`, off)).status, 200)
    assert.equal((await call(rig, 'POST /emails', { ...MAIL, from: `a@${name}` })).status, 403)
  })

  const name = 'shop.test'
  const refused: readonly [string, object, number][] = [
    ['no name', {}, 422],
    ['no domain', { name: 'localhost' }, 422],
    ['tracking', { name, open_tracking: true }, 422],
    ['enforced TLS', { name, tls: 'enforced' }, 422],
    ['a tracking subdomain', { name, tracking_subdomain: 'links' }, 422],
    ['a return path that is no label', { name, custom_return_path: 'a.b' }, 422],
    ['a capability that is neither on nor off', { name, capabilities: { receiving: true } }, 422],
    ['a domain that the account has', { name: 'kabutar.test' }, 409],
    ['a domain of another account', { name: 'b.test' }, 409],
  ]
  for (const [what, body, status] of refused) {
    test(`refuses ${what}`, async () => {
      assert.equal((await call(await setup(), 'POST /domains', body)).status, status)
    })
  }

  test('the region must be that of the installation, if it has one', async () => {
    const rig = await setup()
    Object.assign(rig.ports.identities, { region: 'eu-west-1' })
    assert.equal((await call(rig, 'POST /domains', { name, region: 'us-east-1' })).status, 422)
    assert.equal((await call(rig, 'POST /domains', { name })).body.region, 'eu-west-1')
  })
})

test('an account adds at most 5 domains a day and has at most 10 that are not verified', async () => {
  const rig = await setup()
  const add = (name: string) => call(rig, 'POST /domains', { name })
  const racing = await Promise.all(Array.from({ length: 20 }, (_, n) => add(`d${n}.test`)))
  const made = racing.filter(({ status }) => status === 201)
  assert.equal(made.length, 5)
  for (const { status, body } of racing) assert.ok(status === 201 || body.name === 'resource_locked')
  rig.ports.clock.advance(24 * 3_600_000)
  for (let n = 0; n < 5; n++) assert.equal((await add(`e${n}.test`)).status, 201)
  rig.ports.clock.advance(24 * 3_600_000)
  assert.match(String((await add('f.test')).body.message), /At most 10 domains can wait/)
  assert.equal((await call(rig, `DELETE /domains/${made[0]?.body.id}`)).status, 200)
  assert.equal((await add('f.test')).status, 201)
})

describe('the app without identities, beside that of domains', () => {
  test('leads a base URL with a slash at its end to the path that the gateway gives to the other app', async () => {
    const { ports, token } = await setup()
    const { identities, ...others } = ports
    const front = createApp({ ...others, downloads: ports.blobs })
    const domains = createDomainsApp({ ...others, identities })
    const headers = { Authorization: `Bearer ${token}` }
    for (const path of ['//domains', '/domains/']) {
      const answer = await front.request(path, { method: 'POST', headers })
      assert.deepEqual([answer.status, answer.headers.get('location')], [308, '/domains'])
    }
    assert.equal(
      (await front.request('//domains//x?limit=1', { headers })).headers.get('location'),
      '/domains/x?limit=1',
    )
    assert.equal((await front.request('/api//domains', { headers })).headers.get('location'), '/api/domains')
    assert.equal((await front.request('/domains', { headers })).status, 404)
    assert.equal((await front.request('/emails?limit=1', { headers })).status, 200)
    assert.equal((await domains.request('/domains?limit=1', { headers })).status, 200)
    assert.equal((await domains.request('/domains')).status, 401)
    assert.equal((await domains.request('/domains', { method: 'PUT', headers })).status, 405)
    assert.equal((await domains.request('/emails', { headers })).status, 404)
  })
})
