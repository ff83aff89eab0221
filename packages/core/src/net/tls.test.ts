/** The guarded client against real https servers: it trusts only the certificates that the system trusts. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import tls from 'node:tls'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { guardedClient } from './guarded.ts'

const TRUSTED = selfSigned('hooks.example')
/** Server names of handshakes (SNI), and the number of requests. */
const names: string[] = []
let served = 0
let port = 0
const server = https.createServer(TRUSTED, (request, response) => {
  served++
  names.push((request.socket as tls.TLSSocket).servername || '')
  response.end(request.url === '/long' ? 'x'.repeat(100_000) : 'ok')
})
const client = guardedClient({
  clock: systemClock,
  resolver: { lookup: async () => [{ address: '127.0.0.1', family: 4 }] },
  allowPrivate: true,
  timeoutMs: 2000,
  maxBodyBytes: 90_000,
})
const post = (host: string, path = '/hook') =>
  client.request({ url: `https://${host}:${port}${path}`, method: 'POST', headers: {}, body: 'secret' })

before(async () => {
  server.on('tlsClientError', () => undefined)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  port = (server.address() as AddressInfo).port
})
after(() => {
  client.close()
  server.close()
  server.closeAllConnections()
})

test('a server with an untrusted certificate gets no request', async () => {
  await assert.rejects(post('hooks.example'), { code: 'network', message: 'The TLS certificate or handshake failed.' })
  await assert.rejects(post('127.0.0.1'), { code: 'network', message: 'The TLS certificate or handshake failed.' })
  assert.equal(served, 0)
})

test('a server with a trusted certificate gets requests for its own name only', async () => {
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), TRUSTED.cert])
  const { status, body } = await post('hooks.example')
  assert.deepEqual([status, body.toString(), names], [200, 'ok', ['hooks.example']])
  await assert.rejects(post('other.example'), { code: 'network', message: 'The TLS certificate or handshake failed.' })
  assert.equal(served, 1)
})

test('a body of many reads is complete up to the bound', async () => {
  const { body, truncated } = await post('hooks.example', '/long')
  assert.deepEqual([body.toString(), truncated], ['x'.repeat(90_000), true])
})
