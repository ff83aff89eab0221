import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createKey, newToken } from '@kabutar/core/accounts/keys.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { call, MAIL, receiveOne, setup } from '@kabutar/testing/http-rig.ts'
import { drain } from '@kabutar/testing/sending-rig.ts'

const EVENT_ID = `msg_${'0'.repeat(32)}`
const VALID: Record<string, object> = {
  '/webhooks/:id/test': {},
  '/emails/:id/view': {},
  '/emails/receiving/:id/view': {},
  '/api-keys/:id': { name: 'x' },
  '/domains/:id': { capabilities: { sending: 'disabled' } },
  '/webhooks/:id': { status: 'disabled' },
}

describe('keys, paths and methods', () => {
  test('401, 403, 404, 405 and 422 have the form of the wire', async () => {
    const rig = await setup()
    const sending = await createKey(rig.ports, 'a', { name: 's', permission: 'sending_access' })
    const cases: [string, string, number, string][] = [
      ['GET /emails', '', 401, 'missing_api_key'],
      ['GET /emails', 'x y', 401, 'missing_api_key'],
      ['GET /emails', newToken(uuidIds(systemClock)), 403, 'invalid_api_key'],
      ['GET /emails', sending.token, 401, 'restricted_api_key'],
      ['GET /nowhere', sending.token, 401, 'restricted_api_key'],
      ['GET /nowhere', rig.token, 404, 'not_found'],
      ['GET /contacts', rig.token, 404, 'not_found'],
      ['PUT /emails', rig.token, 405, 'method_not_allowed'],
      ['POST /emails/0199a0b0-0000-7000-8000-000000000001', rig.token, 405, 'method_not_allowed'],
      ['DELETE /health', rig.token, 405, 'method_not_allowed'],
      ['DELETE /emails/receiving', rig.token, 405, 'method_not_allowed'],
      ['GET /emails/nonsense', rig.token, 422, 'invalid_parameter'],
      ['GET /emails/0199a0b0-0000-7000-8000-000000000001', rig.token, 404, 'not_found'],
      ['GET /emails?limit=0', rig.token, 422, 'validation_error'],
      ['GET /emails?limit=101', rig.token, 422, 'validation_error'],
      ['GET /emails?limit=x', rig.token, 422, 'validation_error'],
      ['GET /emails?after=x', rig.token, 422, 'invalid_parameter'],
      [
        'GET /emails?after=0199a0b0-0000-7000-8000-000000000001&before=0199a0b0-0000-7000-8000-000000000001',
        rig.token,
        422,
        'validation_error',
      ],
      ['POST /accounts', rig.token, 403, 'invalid_api_key'],
    ]
    for (const [request, token, status, name] of cases) {
      const answer = await call({ ...rig, token }, request)
      assert.deepEqual([answer.status, answer.body.name], [status, name], request)
    }
  })

  test('a refused method is answered with those of the most literal path', async () => {
    const { app, token } = await setup()
    const headers = { Authorization: `Bearer ${token}` }
    for (const [method, path, allow] of [
      ['OPTIONS', '/emails/receiving/inject', 'POST'],
      ['GET', '/emails/receiving/inject', 'POST'],
      ['OPTIONS', '/emails/receiving/0199a0b0-0000-7000-8000-000000000001', 'GET, DELETE, HEAD'],
    ] as const) {
      const answer = await app.request(path, { method, headers })
      assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow], path)
    }
  })

  test('doubled and trailing slashes are ignored', async () => {
    const rig = await setup()
    assert.equal((await call(rig, 'GET //emails')).status, 200)
    assert.equal((await call(rig, 'GET /emails/')).status, 200)
    assert.equal((await call(rig, 'GET /health/')).status, 200)
  })

  test('a deleted key is refused at once, a renamed one still works, and use is recorded', async () => {
    const rig = await setup()
    const made = await call(rig, 'POST /api-keys', { name: 'second' })
    assert.equal(made.status, 201)
    const second = { ...rig, token: made.body.token as string }
    assert.equal((await call(second, 'GET /emails')).status, 200)
    assert.deepEqual((await call(rig, `PATCH /api-keys/${made.body.id}`, { name: 'renamed' })).body, {
      object: 'api_key',
      id: made.body.id,
    })
    const listed = (await call(rig, 'GET /api-keys')).body.data as Record<string, unknown>[]
    const shown = listed.map(({ name, last_used_at, ...rest }) => [name, typeof last_used_at, rest.permission]).sort()
    assert.deepEqual(shown, [
      ['k', 'string', 'full_access'],
      ['renamed', 'string', 'full_access'],
    ])
    assert.equal(listed[0]?.domain_id, null)
    assert.equal((await call(rig, `DELETE /api-keys/${made.body.id}`)).body.deleted, true)
    assert.equal((await call(second, 'GET /emails')).status, 403)
    assert.equal((await call(rig, `DELETE /api-keys/${made.body.id}`)).status, 404)
  })

  test('the operator lists accounts, and lists, makes and deletes their keys', async () => {
    const rig = await setup()
    const operator = { ...rig, token: 'operator' }
    const { body: account } = await call(operator, 'POST /accounts', { name: 'Acme' })
    const { body: accounts } = await call(operator, 'GET /accounts')
    assert.deepEqual(
      (accounts.data as { id: string }[]).map(({ id }) => id),
      [account.id],
    )
    const made = await call(operator, `POST /accounts/${account.id}/keys`, {
      name: 'two',
      permission: 'sending_access',
    })
    assert.equal(made.status, 201)
    const { body: keys } = await call(operator, `GET /accounts/${account.id}/keys`)
    assert.deepEqual((keys.data as { name: string }[]).map(({ name }) => name).sort(), ['First key', 'two'])
    assert.equal((await call({ ...rig, token: made.body.token as string }, 'GET /emails')).status, 401)
    assert.equal((await call(operator, `DELETE /accounts/${account.id}/keys/${made.body.id}`)).status, 200)
    assert.equal((await call({ ...rig, token: made.body.token as string }, 'GET /emails')).status, 403)
    assert.equal((await call(operator, 'GET /accounts/none/keys')).status, 404)
    for (const request of ['GET /accounts', `GET /accounts/${account.id}/keys`, `POST /accounts/${account.id}/keys`]) {
      assert.equal((await call(rig, request, request.startsWith('POST') ? { name: 'x' } : undefined)).status, 403)
    }
    assert.equal((await call(rig, `DELETE /accounts/${account.id}/keys/${made.body.id}`)).status, 403)
  })

  test('the operator changes how long the mail of an account is kept', async () => {
    const rig = await setup()
    const operator = { ...rig, token: 'operator' }
    const { id } = (await call(operator, 'POST /accounts', { name: 'Acme' })).body
    const change = async (days: object) => (await call(operator, `PATCH /accounts/${id}`, days)).body
    const changed = await change({ content_days: 7, event_days: 0 })
    assert.deepEqual([changed.name, changed.content_days, changed.event_days], ['Acme', 7, 0])
    const back = await change({ content_days: 'default' })
    assert.deepEqual([back.content_days, back.event_days], [undefined, 0])
    assert.equal((await change({ event_days: 7 })).statusCode, 422)
    assert.equal((await change({ content_days: -1 })).statusCode, 422)
    assert.equal((await call(operator, 'PATCH /accounts/none', { content_days: 7 })).status, 404)
    assert.equal((await call(rig, `PATCH /accounts/${id}`, { content_days: 7 })).status, 403)
  })

  test('the operator creates accounts with domains that nobody has', async () => {
    const rig = await setup()
    const operator = { ...rig, token: 'operator' }
    const made = await call(operator, 'POST /accounts', { name: 'Acme', domains: ['Acme.test'] })
    assert.equal(made.status, 201)
    const acme = { ...rig, token: made.body.token as string }
    assert.equal((await call(acme, 'POST /emails', { ...MAIL, from: 'a@acme.test' })).status, 200)
    const again = await call(operator, 'POST /accounts', { name: 'Eve', domains: ['acme.test'] })
    assert.deepEqual([again.status, again.body.name], [409, 'resource_locked'])
  })
})

describe("one account never sees another's", () => {
  test('every route with an id answers a foreign one as if it were not there', async () => {
    const rig = await setup()
    const { id: email } = (await call(rig, 'POST /emails', MAIL)).body
    await drain(rig.ports)
    await claimDomain(rig.ports, 'b', 'b.test')
    const key = (await call(rig, 'GET /api-keys')).body.data as { id: string }[]
    const domain = (await call(rig, 'GET /domains')).body.data as { id: string }[]
    const { token } = await createKey(rig.ports, 'b', { name: 'foreign', permission: 'full_access' })
    const foreign = { ...rig, token }
    const hook = await call(rig, 'POST /webhooks', { endpoint: 'https://x.test/hook', events: ['email.sent'] })
    const suppressed = await call(rig, 'POST /suppressions', { email: 'eve@y.test' })
    const ids: Record<string, string> = {
      suppressions: suppressed.body.id as string,
      webhooks: hook.body.id as string,
      emails: email as string,
      'api-keys': key[0]?.id ?? '',
      domains: domain[0]?.id ?? '',
    }
    const received = await receiveOne(rig)
    const attachments = await call(rig, `GET /emails/receiving/${received}/attachments`)
    const [attachment] = attachments.body.data as { id: string }[]
    // Downloads and uploads need no key, and accounts and dead letters the operator's token.
    const routes = rig.app.routes.filter(
      ({ method, path }) =>
        method !== 'ALL' && path.includes('/:') && !/^\/(downloads|uploads|view|accounts|dead-letters)\//.test(path),
    )
    assert.ok(routes.length >= 5)
    for (const { method, path } of routes) {
      const inbound = path.startsWith('/emails/receiving/')
      const id = inbound ? received : ids[path.split('/')[1] ?? '']
      const second = path.includes('/attachments/') ? (attachment?.id ?? '') : EVENT_ID
      assert.ok(id, `this test has no id for ${path}: give it one`)
      const answer = await call(
        foreign,
        `${method} ${path.replace(':id', id).replace(/:\w+/, second)}`,
        method === 'PATCH' || method === 'POST' ? VALID[path] : undefined,
      )
      assert.deepEqual([answer.status, answer.body.name], [404, 'not_found'], `${method} ${path}`)
    }
    for (const list of ['GET /emails', 'GET /emails/receiving', 'GET /domains', 'GET /api-keys']) {
      const { data } = (await call(foreign, list)).body as { data: { name?: string }[] }
      assert.ok(
        data.every(({ name }) => name === 'b.test' || name === 'foreign'),
        list,
      )
    }
    assert.equal((await call(rig, `GET /emails/${email}`)).status, 200)
    assert.equal((await call(rig, `GET /emails/receiving/${received}`)).status, 200)
    const limited = await call(foreign, 'POST /api-keys', {
      name: 'x',
      permission: 'sending_access',
      domain_id: domain[0]?.id,
    })
    assert.equal(limited.status, 404)
  })
})
