import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Log } from '@kabutar/core/ports/log.ts'
import { type HttpEvent, toHttp } from './http.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
const EVENT: HttpEvent = {
  rawPath: '/emails/a b',
  rawQueryString: 'limit=2&after=%26',
  headers: { 'content-type': 'application/json', 'x-two': 'a,b' },
  requestContext: { domainName: 'api.test', http: { method: 'POST' } },
  body: '{"ü":1}',
  isBase64Encoded: false,
}

/** Answers what the app was given. */
const echo = toHttp(
  {
    async fetch(request) {
      const { method, url, headers } = request
      return Response.json({ method, url, type: headers.get('content-type'), body: await request.text() })
    },
  },
  silent,
)

test('an event becomes the request that it stands for', async () => {
  const cases: { name: string; event: HttpEvent; method: string; url: string; body: string }[] = [
    {
      name: 'text, a path that the gateway decoded',
      event: EVENT,
      method: 'POST',
      url: 'https://api.test/emails/a%20b?limit=2&after=%26',
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
      name: 'GET with a body, which means nothing',
      event: {
        ...EVENT,
        rawPath: '/',
        rawQueryString: '',
        requestContext: { domainName: 'h', http: { method: 'GET' } },
      },
      method: 'GET',
      url: 'https://h/',
      body: '',
    },
  ]
  for (const { name, event, ...expected } of cases) {
    const answer = await echo(event)
    assert.equal(answer.statusCode, 200, name)
    assert.deepEqual(JSON.parse(answer.body), { ...expected, type: 'application/json' }, name)
  }
})

test('what is not text is answered in base64', async () => {
  const bytes = toHttp(
    { fetch: () => new Response(new Uint8Array([255, 0]), { headers: { 'content-type': 'image/png' } }) },
    silent,
  )
  assert.deepEqual(await bytes(EVENT), {
    statusCode: 200,
    headers: { 'content-type': 'image/png' },
    body: '/wA=',
    isBase64Encoded: true,
  })
})

test('what cannot be a request, and an app that throws, are answered in wire form', async () => {
  const trace = { ...EVENT, requestContext: { domainName: 'h', http: { method: 'TRACE' } } }
  const broken = toHttp({ fetch: () => Promise.reject(new Error('secret')) }, silent)
  for (const [answer, statusCode, name] of [
    [await echo(trace), 400, 'validation_error'],
    [await broken(EVENT), 500, 'internal_server_error'],
  ] as const) {
    assert.equal(answer.statusCode, statusCode)
    const { message, ...wire } = JSON.parse(answer.body) as { message: string }
    assert.deepEqual(wire, { statusCode, name })
    assert.ok(!message.includes('secret'))
  }
})
