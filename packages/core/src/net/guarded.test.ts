import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import http from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { systemResolver } from '@kabutar/local/dns.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { countConnections } from '@kabutar/testing/connection-counter.ts'
import type { Address, Resolver } from '../ports/resolver.ts'
import { type GuardOptions, guardedClient } from './guarded.ts'

const v4 = (address: string): Address => ({ address, family: 4 })
const v6 = (address: string): Address => ({ address, family: 6 })
const answering = (...turns: readonly (readonly Address[])[]): Resolver => {
  let turn = 0
  return { lookup: async () => turns[Math.min(turn++, turns.length - 1)]! }
}
const open = (options: Partial<GuardOptions> = {}) =>
  guardedClient({ clock: systemClock, resolver: systemResolver, allowPrivate: false, timeoutMs: 1000, ...options })
const get = (url: string) => ({ url, method: 'GET' as const, headers: {} })

const loopback = countConnections()

const LOOPBACK = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0x7F.1',
  '017700000001',
  '0177.0.0.1',
  '0177.0.0.01',
  '127.0.0.1.',
  '127.0.0.1%2e',
  '%31%32%37.0.0.1',
  '①②⑦.⓪.⓪.①',
  '127。0。0。1',
  '127.255.255.254',
  '0',
  '0.0.0.0',
  '0x0',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::0001]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:7f00:0001]',
  '[::127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[2002:7f00:1::]',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
]

test('no spelling of a loopback address gets a connection', async () => {
  const client = open()
  for (const host of LOOPBACK) {
    await assert.rejects(client.request(get(`https://${host}:${loopback.port}/`)), { code: 'blocked' }, host)
  }
  assert.equal(loopback.connections, 0)
})

test('a name is blocked if any of its addresses is', async () => {
  const answers: readonly (readonly Address[])[] = [
    [v4('127.0.0.1')],
    [v6('::1')],
    [v6('::ffff:127.0.0.1')],
    [v6('64:ff9b::7f00:1')],
    [v4('8.8.8.8'), v4('127.0.0.1')],
    [v6('2606:4700::1'), v6('::1')],
    [v4('169.254.169.254')],
    [v4('0.0.0.0')],
    [{ address: 'localhost', family: 4 }],
    [],
  ]
  for (const answer of answers) {
    const client = open({ resolver: answering(answer) })
    const name = JSON.stringify(answer)
    await assert.rejects(client.request(get(`https://hooks.example:${loopback.port}/`)), { code: 'blocked' }, name)
  }
  assert.equal(loopback.connections, 0)
})

test('a name that is rebound after the first look-up is not followed', async () => {
  // The first answer is an unroutable public address, the second one loopback.
  const client = open({ resolver: answering([v4('192.31.196.1')], [v4('127.0.0.1')]), timeoutMs: 150 })
  await assert.rejects(client.request(get(`https://hooks.example:${loopback.port}/`)))
  await assert.rejects(client.request(get(`https://hooks.example:${loopback.port}/`)), { code: 'blocked' })
  assert.equal(loopback.connections, 0)
})

test('a setting allows private addresses, but never link-local and metadata', async () => {
  const never = ['169.254.169.254', '0.0.0.0', '[::]', '[fe80::1]', '[fd00:ec2::254]', '224.0.0.1', '255.255.255.255']
  const client = open({ allowPrivate: true })
  for (const host of never)
    await assert.rejects(client.request(get(`http://${host}:${loopback.port}/`)), { code: 'blocked' }, host)
  const named = open({ allowPrivate: true, resolver: answering([v4('169.254.169.254')]) })
  await assert.rejects(named.request(get('http://metadata.example/')), { code: 'blocked' })
  await assert.rejects(client.request(get(`http://127.0.0.1:${loopback.port}/`)), { code: 'network' })
  await assert.rejects(client.request(get(`http://[::1]:${loopback.port}/`)), { code: 'network' })
  assert.equal(loopback.connections, 2)
  loopback.connections = 0
})

test('other schemes are refused before anything is resolved', async () => {
  const resolver: Resolver = { lookup: () => assert.fail('resolved') }
  const urls = ['http://h.example/', 'ftp://h.example/', 'file:///etc/passwd', 'javascript:1', 'x', '']
  for (const url of [...urls, `https://h.example/${'a'.repeat(2100)}`]) {
    await assert.rejects(open({ resolver }).request(get(url)), { code: 'invalid_url' }, url)
  }
  const development = open({ resolver, allowPrivate: true })
  await assert.rejects(development.request(get('ftp://h.example/')), {
    message: 'The URL must start with https:// or http://.',
  })
})

type Serve = (socket: Socket) => void
async function serving(serve: Serve | http.RequestListener, raw: boolean, run: (url: string) => Promise<void>) {
  const server = raw ? net.createServer(serve as Serve) : http.createServer(serve as http.RequestListener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  } finally {
    sockets.forEach((socket) => void socket.destroy())
    server.close()
  }
}

test('a redirect is an answer and is not followed', async () => {
  const redirect: http.RequestListener = (_, response) =>
    void response.writeHead(302, { location: `http://127.0.0.1:${loopback.port}/` }).end()
  await serving(redirect, false, async (url) => {
    const { status } = await open({ allowPrivate: true }).request(get(url))
    assert.equal(status, 302)
  })
  assert.equal(loopback.connections, 0)
})

test('an endless body is cut and its connection dropped', async () => {
  let written = 0
  const endless: http.RequestListener = (_, response) => {
    const chunk = Buffer.alloc(64 * 1024)
    const pump = () => {
      while (!response.destroyed && response.write(chunk)) written += chunk.length
    }
    response.on('drain', pump)
    pump()
  }
  await serving(endless, false, async (url) => {
    const answer = await open({ allowPrivate: true, maxBodyBytes: 1000 }).request(get(url))
    assert.deepEqual([answer.status, answer.truncated, answer.body.length], [200, true, 1000])
  })
  assert.ok(written < 16 * 1024 * 1024, `${written} bytes were written`)
})

test('an endless answer costs one read and opens no second connection', async () => {
  const sockets: Socket[] = []
  const opened = (message: unknown) => void sockets.push((message as { readonly socket: Socket }).socket)
  subscribe('undici:client:connected', opened)
  const much = Buffer.alloc(1024 * 1024)
  const flood: http.RequestListener = (_, response) => void response.end(much)
  await serving(flood, false, async (url) => {
    const client = open({ allowPrivate: true })
    for (let n = 0; n < 20; n++) assert.equal((await client.request(get(url))).body.length, 8192)
  })
  unsubscribe('undici:client:connected', opened)
  assert.equal(sockets.length, 20)
  for (const { bytesRead } of sockets) assert.ok(bytesRead <= 64 * 1024, `${bytesRead} bytes were read`)
})

test('an endpoint that resets a new connection gets the request once', async () => {
  let requests = 0
  const resetting: http.RequestListener = (request) => {
    requests++
    request.socket.resetAndDestroy()
  }
  await serving(resetting, false, async (url) => {
    await assert.rejects(open({ allowPrivate: true }).request(get(url)), { code: 'network' })
  })
  assert.equal(requests, 1)
})

test('the signal ends a request that is still connecting', async () => {
  const unanswered = open({ resolver: { lookup: () => new Promise(() => undefined) } })
  const signal = AbortSignal.timeout(20)
  await assert.rejects(unanswered.request({ ...get('https://hooks.example/'), signal }), { code: 'aborted' })
  const aborted = AbortSignal.abort()
  await assert.rejects(unanswered.request({ ...get('https://hooks.example/'), signal: aborted }), { code: 'aborted' })
})

const SILENCE: readonly { name: string; serve: Serve; code: string }[] = [
  { name: 'no answer', serve: () => undefined, code: 'timeout' },
  { name: 'headers only', serve: (s) => s.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab'), code: 'timeout' },
  { name: 'a byte now and then', serve: (s) => drip(s), code: 'timeout' },
  { name: 'endless headers', serve: (s) => s.write(`HTTP/1.1 200 OK\r\na: ${'b'.repeat(99_999)}`), code: 'network' },
  { name: 'a reset', serve: (s) => s.resetAndDestroy(), code: 'network' },
  { name: 'a reset in the body', serve: (s) => resetLater(s), code: 'network' },
  {
    name: 'an upgrade',
    serve: (s) => s.write('HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    code: 'network',
  },
  { name: 'no HTTP', serve: (s) => s.write('220 mx.example ESMTP\r\n'), code: 'network' },
]
function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write('H'.slice(0, 1)), 10)
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n')
  socket.on('close', () => clearInterval(timer))
}
function resetLater(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab', () => setTimeout(() => socket.resetAndDestroy(), 20))
}
for (const { name, serve, code } of SILENCE) {
  test(`${name}: ends as ${code}`, async () => {
    await serving(serve, true, async (url) => {
      await assert.rejects(open({ allowPrivate: true, timeoutMs: 120 }).request(get(url)), { code })
    })
  })
}

test('the signal ends a request at once', async () => {
  await serving(
    () => undefined,
    true,
    async (url) => {
      const request = open({ allowPrivate: true }).request({ ...get(url), signal: AbortSignal.timeout(20) })
      await assert.rejects(request, { code: 'aborted' })
    },
  )
})

test('the timeout covers a name server that does not answer', async () => {
  const client = open({ resolver: { lookup: () => new Promise(() => undefined) }, timeoutMs: 50 })
  await assert.rejects(client.request(get('https://hooks.example/')), { code: 'timeout' })
})

test('a connection is reused, and replaced if the other side has closed it', async () => {
  const ports: (number | undefined)[] = []
  const closing: http.RequestListener = (request, response) => {
    ports.push(request.socket.remotePort)
    response.end('ok', () => ports.length === 2 && setTimeout(() => request.socket.resetAndDestroy(), 5))
  }
  const client = open({ allowPrivate: true })
  await serving(closing, false, async (url) => {
    for (let i = 0; i < 2; i++) {
      assert.equal((await client.request(get(url))).body.toString(), 'ok')
    }
    assert.equal(ports[0], ports[1])
    const busy = performance.now()
    while (performance.now() - busy < 30); // the reset arrives, unseen, while this turn lasts
    assert.equal((await client.request(get(url))).body.toString(), 'ok')
  })
  client.close()
})

for (const [name, interim] of [
  ['100', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['101', 'HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
] as const) {
  test(`a request that is answered ${name} on a connection that was used before is sent once`, async () => {
    let requests = 0
    const serve: Serve = (socket) => {
      socket.on('data', () => {
        requests += 1
        socket.write(requests === 1 ? 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok' : interim)
        if (requests > 1) socket.end()
      })
    }
    const client = open({ allowPrivate: true })
    await serving(serve, true, async (url) => {
      assert.equal((await client.request(get(url))).status, 200)
      await assert.rejects(client.request(get(url)), { code: 'network' })
    })
    assert.equal(requests, 2)
    client.close()
  })
}
