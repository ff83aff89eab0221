import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hono } from 'hono'
import { apiGatewayHandler, type HttpApiEvent } from './api-gateway.ts'

const requestContext = (method: string, domainName = 'api.test') =>
  ({ domainName, http: { method } }) as HttpApiEvent['requestContext']
const EVENT: HttpApiEvent = {
  version: '2.0',
  routeKey: '$default',
  rawPath: '/emails/a b',
  rawQueryString: 'limit=2&after=%26&after=b',
  headers: { 'content-type': 'application/json', 'x-two': 'a,b' },
  requestContext: requestContext('POST'),
  body: '{"ü":1}',
  isBase64Encoded: false,
}

/** Answers with the request that the app got. */
const echo = apiGatewayHandler(
  new Hono().all('*', async (c) => {
    const { method, url, headers } = c.req.raw
    const fields = { type: headers.get('content-type'), two: headers.get('x-two'), cookie: headers.get('cookie') }
    return c.json({ method, url, ...fields, body: await c.req.text() })
  }),
)

const cases: { name: string; event: HttpApiEvent; method: string; url: string; body: string; cookie?: string }[] = [
  {
    name: 'text, a path that the gateway decoded, a parameter given twice',
    event: EVENT,
    method: 'POST',
    url: 'https://api.test/emails/a%20b?limit=2&after=%26&after=b',
    body: '{"ü":1}',
  },
  {
    name: 'base64, a path with the signs of a query and a fragment',
    event: { ...EVENT, rawPath: '/a?b#c', rawQueryString: '', body: '4pyT', isBase64Encoded: true },
    method: 'POST',
    url: 'https://api.test/a%3Fb%23c',
    body: '✓',
  },
  {
    name: 'cookies, which the gateway passes apart from the headers',
    event: { ...EVENT, rawPath: '/', rawQueryString: '', cookies: ['a=1', 'b=2'] },
    method: 'POST',
    url: 'https://api.test/',
    body: '{"ü":1}',
    cookie: 'a=1; b=2',
  },
  ...['GET', 'HEAD'].map((method) => ({
    name: `${method} with a body, which is dropped`,
    event: { ...EVENT, rawPath: '/', rawQueryString: '', requestContext: requestContext(method, 'h') },
    method,
    url: 'https://h/',
    body: '',
  })),
]
for (const { name, event, method, cookie = null, ...expected } of cases) {
  test(`an event becomes a request: ${name}`, async () => {
    const answer = await echo(event)
    assert.equal(answer.statusCode, 200)
    if (method === 'HEAD') return
    const fields = { method, type: 'application/json', two: 'a,b', cookie }
    assert.deepEqual(JSON.parse(answer.body), { ...expected, ...fields })
  })
}

test('an answer that is not text becomes base64', async () => {
  const headers = { 'content-type': 'image/png' }
  const image = apiGatewayHandler(new Hono().all('*', () => new Response(new Uint8Array([255, 0]), { headers })))
  assert.deepEqual(await image(EVENT), { statusCode: 200, headers, body: '/wA=', isBase64Encoded: true })
})

test('a large body and a large answer are whole', async () => {
  const large = 'ü'.repeat(2_500_000)
  const same = apiGatewayHandler(new Hono().all('*', async (c) => c.json({ text: await c.req.text() })))
  for (const event of [
    { ...EVENT, body: large },
    { ...EVENT, body: Buffer.from(large).toString('base64'), isBase64Encoded: true },
  ]) {
    const { body, isBase64Encoded } = await same(event)
    assert.equal(isBase64Encoded, false)
    assert.ok((JSON.parse(body) as { text: string }).text === large)
  }
})

test('several cookies of an answer stay apart', async () => {
  const cookies = apiGatewayHandler(
    new Hono().all('*', (c) => {
      c.header('set-cookie', 'a=1', { append: true })
      c.header('set-cookie', 'b=2', { append: true })
      return c.text('')
    }),
  )
  assert.deepEqual((await cookies(EVENT)).cookies, ['a=1', 'b=2'])
})

test('a method that no request can have is refused', async () => {
  assert.equal((await echo({ ...EVENT, requestContext: requestContext('TRACE') })).statusCode, 400)
})
