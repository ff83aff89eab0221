import assert from 'node:assert/strict'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { directCompute } from '@kabutar/core/ports/compute.ts'
import { putEvents } from '@kabutar/core/webhooks/event.ts'
import { notify } from '@kabutar/core/webhooks/notify.ts'
import { drain, receiver, rig } from '@kabutar/core/webhooks/rig.test.ts'
import { Hono } from 'hono'
import { Resend } from 'resend'
import type { Env } from './env.ts'
import { wireErrorOf } from './errors.ts'
import { nameIgnored } from './query.ts'
import { WEBHOOK_OPERATIONS } from './webhook-operations.ts'
import { webhooks } from './webhooks.ts'

const listening: http.Server[] = []
after(() => listening.forEach((server) => void server.close()))

/** Runs the routes on a real server and calls them with the unmodified SDK. */
async function setup(allowPrivate = true) {
  const at = rig()
  const ports = { ...at.ports, allowPrivate }
  const app = new Hono<Env>()
  app.onError((error, c) => c.json(wireErrorOf(error), wireErrorOf(error).statusCode))
  app.use(nameIgnored, async (c, next) => {
    const accountId = c.req.header('Authorization') === 'Bearer re_other' ? 'other' : at.accountId
    c.set('compute', directCompute)
    c.set('key', { accountId, keyId: 'k', permission: 'full_access' })
    await next()
  })
  app.route('/webhooks', webhooks(ports))
  const server = http.createServer(async (request, response) => {
    const body = await new Response(request as unknown as ReadableStream).text()
    const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as [string, string])
    const { method = 'GET', url = '/' } = request
    const answer = await app.request(url, { method, headers, ...(body !== '' && { body }) })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  })
  listening.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await app.request(path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  return { at, call, app, resend: new Resend('re_x', { baseUrl }), other: new Resend('re_other', { baseUrl }) }
}

function described(method: string, path: string, body: unknown): void {
  const found = WEBHOOK_OPERATIONS.find((one) => one.method === method && one.path === path)
  assert.ok(found, `${method} ${path}`)
  found.answer.parse(body)
}

test('the SDK makes, reads, changes, rotates and removes webhooks', async () => {
  const { resend, other, call, at } = await setup()
  const created = await resend.webhooks.create({ endpoint: 'https://e.example/hook', events: ['email.received'] })
  assert.equal(created.error, null)
  described('post', '/webhooks', created.data)
  const id = created.data.id
  const got = await resend.webhooks.get(id)
  described('get', '/webhooks/:id', got.data)
  assert.equal(got.data?.signing_secret, created.data.signing_secret)
  const list = await resend.webhooks.list()
  described('get', '/webhooks', list.data)
  const untroubled = { failing_since: null, paused_until: null, previous_secret_until: null }
  const secret = { signing_secret: created.data.signing_secret }
  assert.deepEqual(got.data, { object: 'webhook', ...list.data?.data[0], ...secret, ...untroubled })
  const updated = await resend.webhooks.update(id, { status: 'disabled', events: ['email.sent', 'email.bounced'] })
  assert.deepEqual(updated.data, { object: 'webhook', id })
  const changed = (await resend.webhooks.get(id)).data
  assert.deepEqual([changed?.status, changed?.events], ['disabled', ['email.sent', 'email.bounced']])
  const rotated = await resend.webhooks.rotateSigningSecret(id)
  described('post', '/webhooks/:id/signing-secret/rotate', rotated.data)
  assert.notEqual(rotated.data?.signing_secret, created.data.signing_secret)
  const { previous_secret_until } = (await call('GET', `/webhooks/${id}`)).body
  assert.equal(previous_secret_until, new Date(at.now() + 24 * 3_600_000).toISOString())
  assert.equal((await other.webhooks.get(id)).error?.name, 'not_found')
  assert.equal((await other.webhooks.remove(id)).error?.name, 'not_found')
  assert.deepEqual((await resend.webhooks.remove(id)).data, { object: 'webhook', id, deleted: true })
  assert.equal((await resend.webhooks.get(id)).error?.statusCode, 404)
})

test('the SDK verifies deliveries, and lists and replays events', async () => {
  const { resend, at } = await setup()
  const { ports, accountId } = at
  let answers = 0
  const got: { headers: http.IncomingHttpHeaders; body: string }[] = []
  const sink = await receiver(async (request, response) => {
    const body = await new Response(request as unknown as ReadableStream).text()
    got.push({ headers: request.headers, body })
    response.writeHead(answers++ === 0 ? 500 : 200).end('hello')
  })
  at.at(Date.now())
  const { data: made } = await resend.webhooks.create({ endpoint: sink.url, events: ['email.sent'] })
  const event = at.event()
  await putEvents(ports.table, accountId, [event])
  await notify(ports, accountId, [event])
  await drain(ports)

  const webhookId = made!.id
  const pending = await resend.webhooks.events.get({ webhookId, eventId: event.id })
  described('get', '/webhooks/:id/events/:eid', pending.data)
  assert.equal(pending.data?.status, 'pending')
  assert.equal(pending.data?.next_attempt_at, new Date(at.now() + 5000).toISOString())
  at.at(at.now() + 5000)
  assert.equal((await resend.webhooks.events.get({ webhookId, eventId: event.id })).data?.status, 'attempting')
  await drain(ports)

  const [, last] = got
  const header = (name: string) => String(last?.headers[`svix-${name}`])
  const verified = resend.webhooks.verify({
    payload: last?.body ?? '',
    headers: { id: header('id'), timestamp: header('timestamp'), signature: header('signature') },
    webhookSecret: made!.signing_secret,
  })
  const list = await resend.webhooks.events.list({ webhookId, limit: 3 })
  described('get', '/webhooks/:id/events', list.data)
  assert.deepEqual(
    list.data?.data.map(({ id, status }) => [id, status]),
    [[event.id, 'success']],
  )
  const read = await resend.webhooks.events.get({ webhookId, eventId: event.id })
  assert.deepEqual(read.data?.payload, verified)
  assert.equal(read.data?.next_attempt_at, null)
  const attempts = await resend.webhooks.events.attempts.list({ webhookId, eventId: event.id })
  described('get', '/webhooks/:id/events/:eid/attempts', attempts.data)
  assert.deepEqual(
    attempts.data?.data.map((one) => [one.http_status_code, one.response]),
    [
      [200, 'hello'],
      [500, 'hello'],
    ],
  )
  const first = { webhookId, eventId: event.id, limit: 1 }
  const page = (await resend.webhooks.events.attempts.list(first)).data
  assert.equal(page?.has_more, true)
  const rest = (await resend.webhooks.events.attempts.list({ ...first, after: page!.data[0]!.id })).data
  assert.deepEqual([rest?.data[0]?.http_status_code, rest?.has_more], [500, false])
  const replayed = await resend.webhooks.events.replay({ webhookId, eventId: event.id })
  assert.deepEqual(replayed.data, { object: 'webhook_event', id: event.id })
  await drain(ports)
  assert.equal(got.length, 3)
})

const https = 'https://e.example/'
const REFUSED: readonly { name: string; body: unknown; says: RegExp; wire?: string }[] = [
  { name: 'no endpoint', body: { events: ['email.sent'] }, says: /endpoint/, wire: 'missing_required_field' },
  { name: 'no events', body: { endpoint: https }, says: /events/, wire: 'missing_required_field' },
  { name: 'empty events', body: { endpoint: https, events: [] }, says: /events/ },
  {
    name: 'an unknown event',
    body: { endpoint: https, events: ['email.exploded'] },
    says: /email\.exploded.*email\.sent/,
  },
  { name: 'http', body: { endpoint: 'http://e.example/', events: ['email.sent'] }, says: /https/ },
  { name: 'no URL', body: { endpoint: 'e.example', events: ['email.sent'] }, says: /endpoint/ },
  { name: 'a loopback address', body: { endpoint: 'https://0x7f.1/', events: ['email.sent'] }, says: /not allowed/ },
  { name: 'localhost', body: { endpoint: 'https://localhost/', events: ['email.sent'] }, says: /not allowed/ },
  { name: 'metadata', body: { endpoint: 'https://169.254.169.254/', events: ['email.sent'] }, says: /not allowed/ },
]

test('a refusal says why', async () => {
  const { call } = await setup(false)
  const made = await call('POST', '/webhooks', { endpoint: https, events: ['email.sent'] })
  assert.equal(made.status, 201)
  for (const { name, body, says, wire = 'validation_error' } of REFUSED) {
    const answer = await call('POST', '/webhooks', body)
    assert.equal(answer.status, 422, name)
    assert.equal(answer.body.name, wire, name)
    assert.match(String(answer.body.message), says, name)
    if (name.startsWith('no ')) continue
    assert.equal((await call('PATCH', `/webhooks/${made.body.id}`, body)).status, 422, `${name}, changed`)
  }
  assert.equal((await call('GET', '/webhooks/w1')).body.name, 'invalid_parameter')
  assert.equal((await call('GET', `/webhooks/${made.body.id}/events/msg1`)).status, 404)
  assert.equal((await call('GET', `/webhooks/${made.body.id}/events?after=msg1`)).status, 422)
  assert.equal((await call('POST', `/webhooks/${made.body.id}/events/msg1/replay`)).status, 404)
})

test('an account has at most 50 webhooks, and their pages go both ways', async () => {
  const { call, at } = await setup()
  const create = () => call('POST', '/webhooks', { endpoint: https, events: ['email.sent'] })
  const racing = await Promise.all(Array.from({ length: 150 }, create))
  const made = racing.filter(({ status }) => status === 201)
  assert.equal(made.length, 50)
  for (const { body } of made) assert.equal((await call('DELETE', `/webhooks/${body.id}`)).status, 200)
  const ids: unknown[] = []
  for (let n = 0; n < 50; n++) {
    at.at(at.now() + 1)
    ids.unshift((await create()).body.id)
  }
  const more = await create()
  assert.deepEqual(
    [more.status, more.body.message],
    [422, 'An account can have at most 50 webhooks. Delete one first.'],
  )
  const list = async (query: string) => {
    const { data, has_more } = (await call('GET', `/webhooks?${query}`)).body as {
      data: { id: string }[]
      has_more: boolean
    }
    return { ids: data.map(({ id }) => id), has_more }
  }
  assert.deepEqual(await list('limit=30'), { ids: ids.slice(0, 30), has_more: true })
  assert.deepEqual(await list(`limit=30&after=${ids[29]}`), { ids: ids.slice(30), has_more: false })
  assert.deepEqual(await list(`limit=5&before=${ids[10]}`), { ids: ids.slice(5, 10), has_more: true })
})

test('every route is described, and nothing else', async () => {
  const { app } = await setup()
  const routes = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method.toLowerCase()} ${path}`)
  assert.deepEqual(
    [...new Set(routes)].sort(),
    WEBHOOK_OPERATIONS.map(({ method, path }) => `${method} ${path}`).sort(),
  )
})
