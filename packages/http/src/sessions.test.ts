/** The page on this machine gets in without a key, and nobody that a browser or a proxy brings. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKey } from '@kabutar/core/accounts/keys.ts'
import { loggedChanges } from '@kabutar/core/messages/activity.ts'
import { ChangeLog, withChangeLog } from '@kabutar/core/messages/change-log.ts'
import { submit } from '@kabutar/core/sending/submit.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { setup } from '@kabutar/testing/http-rig.ts'
import { DRAFT, KEY } from '@kabutar/testing/sending-rig.ts'
import { createApp } from './app.ts'

const HOSTS = ['localhost:3000', '127.0.0.1:3000', '[::1]:3000']
const OWN = { host: '127.0.0.1:3000', 'kabutar-console': '1' }

const PROXY_FIELDS = `
  Forwarded Via CDN-Loop Proxy-Connection
  X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded X-Real-IP X-Client-IP X-Remote-Addr X-Remote-IP X-Host
  X-Cluster-Client-IP X-Original-Host X-Original-URL X-Original-Forwarded-For X-Rewrite-URL X-ProxyUser-Ip Client-IP
  True-Client-IP CF-Connecting-IP CF-Ray Fastly-Client-IP Fly-Client-IP Tailscale-User-Login Tailscale-User-Name
  X-Envoy-External-Address X-Amzn-Trace-Id X-Azure-ClientIP X-Azure-FDID X-Varnish X-ARR-LOG-ID X-NginX-Proxy Ngrok-Trace-Id
  X-Tunnel-Id X-Vercel-Id X-Appengine-User-IP Akamai-Origin-Hop`
  .trim()
  .split(/\s+/)

async function rig(
  options: { readonly loopback?: boolean; readonly hosts?: readonly string[]; readonly version?: string } = {},
) {
  const { ports: plain, token } = await setup()
  const changeLog = new ChangeLog({ clock: systemClock, ids: plain.ids })
  const ports = { ...plain, table: withChangeLog(plain.table, changeLog) }
  const { loopback = true, hosts = [...HOSTS, 'mail.example'], version } = options
  const app = createApp(
    { ...ports, downloads: ports.blobs, clock: { ...ports.clock, monotonic: ports.clock.now } },
    {
      operatorToken: 'operator',
      deadLetters: ports.deadLetters,
      hosts,
      httpVersionOf: () => version,
      changes: loggedChanges(ports.table, changeLog),
      ...(loopback && { loopback: { accountId: 'a', scheme: 'http', hosts: HOSTS } }),
    },
  )
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const answer = await app.request(path, { method, headers })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown>, headers: answer.headers }
  }
  /** The Cookie field that a browser would send after `POST /session`. */
  const signIn = async (headers = OWN) => {
    const { status, headers: answered } = await ask('POST', '/session', headers)
    assert.equal(status, 201)
    return (answered.get('set-cookie') ?? '').split(';')[0] ?? ''
  }
  return { ports, token, app, ask, signIn }
}

describe('a session without a key', () => {
  const cases: readonly { name: string; headers: Record<string, string>; status: number }[] = [
    { name: 'the page at 127.0.0.1', headers: { ...OWN }, status: 201 },
    { name: 'the page at localhost', headers: { ...OWN, host: 'localhost:3000' }, status: 201 },
    { name: 'the page at [::1]', headers: { ...OWN, host: '[::1]:3000' }, status: 201 },
    { name: 'a name in capitals', headers: { ...OWN, host: 'LocalHost:3000' }, status: 201 },
    { name: 'its own origin', headers: { ...OWN, origin: 'http://127.0.0.1:3000' }, status: 201 },
    { name: 'a second name for 127.0.0.1', headers: { ...OWN, host: 'evil.example:3000' }, status: 403 },
    { name: 'the public name', headers: { ...OWN, host: 'mail.example' }, status: 403 },
    { name: 'another port in Host', headers: { ...OWN, host: 'localhost:3001' }, status: 403 },
    { name: 'no port in Host', headers: { ...OWN, host: 'localhost' }, status: 403 },
    { name: 'a dot after the name', headers: { ...OWN, host: 'localhost.:3000' }, status: 403 },
    { name: 'no Host', headers: { 'kabutar-console': '1' }, status: 403 },
    { name: 'the origin of another port', headers: { ...OWN, origin: 'http://127.0.0.1:5173' }, status: 403 },
    {
      name: 'the other name of the machine as origin',
      headers: { ...OWN, origin: 'http://localhost:3000' },
      status: 403,
    },
    { name: 'an opaque origin', headers: { ...OWN, origin: 'null' }, status: 403 },
    { name: 'another scheme', headers: { ...OWN, origin: 'https://127.0.0.1:3000' }, status: 403 },
    { name: 'no header of the page', headers: { host: '127.0.0.1:3000' }, status: 403 },
    { name: 'a proxy with Forwarded', headers: { ...OWN, forwarded: 'for=192.0.2.1' }, status: 403 },
    { name: 'a proxy with X-Forwarded-For', headers: { ...OWN, 'x-forwarded-for': '192.0.2.1' }, status: 403 },
    { name: 'a proxy with X-Forwarded-Host', headers: { ...OWN, 'x-forwarded-host': 'a.test' }, status: 403 },
    { name: 'a proxy with Via', headers: { ...OWN, via: '1.1 proxy' }, status: 403 },
  ]
  for (const { name, headers, status } of cases) {
    test(`${status === 201 ? 'is opened' : 'is refused'}: ${name}`, async () => {
      const { ask, signIn } = await rig()
      assert.equal((await ask('POST', '/session', headers)).status, status)
      // What may not open a session may not use one either.
      const cookie = await signIn()
      const used = await ask('GET', '/emails', { ...headers, cookie })
      assert.equal(used.status === 200, status === 201, JSON.stringify(used.body))
    })
  }

  test('is refused to whoever a proxy, a tunnel or a load balancer brings', async () => {
    const { ask, signIn } = await rig()
    const cookie = await signIn()
    for (const field of PROXY_FIELDS) {
      assert.equal((await ask('POST', '/session', { ...OWN, [field]: 'x' })).status, 403, field)
      assert.equal((await ask('GET', '/emails', { ...OWN, [field]: 'x', cookie })).status, 403, field)
    }
    const ofBrowser = { 'sec-fetch-site': 'same-origin', 'accept-language': 'uz', 'x-request-id': '1', dnt: '1' }
    assert.equal((await ask('POST', '/session', { ...OWN, ...ofBrowser })).status, 201)
  })

  test('is refused over HTTP/1.0, which no browser speaks', async () => {
    for (const [version, status] of [
      ['1.0', 403],
      ['1.1', 201],
    ] as const) {
      const { ask } = await rig({ version })
      assert.equal((await ask('POST', '/session', OWN)).status, status, version)
    }
  })

  test('is refused where it is not allowed at all', async () => {
    const { ask } = await rig({ loopback: false })
    const { status, body } = await ask('POST', '/session', OWN)
    assert.deepEqual([status, body.name], [403, 'invalid_access'])
    assert.equal((await ask('GET', '/emails', { ...OWN, cookie: 'kabutar_session_3000=x' })).status, 401)
  })

  test('is a cookie that no script and no other site can use', async () => {
    const { ask } = await rig()
    const { headers, body } = await ask('POST', '/session', OWN)
    assert.match(
      headers.get('set-cookie') ?? '',
      /^kabutar_session_3000=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
    )
    assert.deepEqual([body.mode, body.account_id, body.operator], ['loopback', 'a', true])
    assert.match(JSON.stringify(body.sample), /^\{"from":"hello@(kabutar|second).test","to":"inbox@/)
  })

  test('opens the operations of the account and of the operator, until it ends', async () => {
    const { ask, signIn } = await rig()
    const headers = { ...OWN, cookie: await signIn() }
    for (const path of ['/emails', '/api/emails', '/session', '/dead-letters', '/accounts']) {
      assert.equal((await ask('GET', path, headers)).status, 200, path)
    }
    assert.equal((await ask('GET', '/emails', { ...OWN, cookie: 'kabutar_session_3000=forged' })).status, 401)
    assert.equal((await ask('DELETE', '/session', headers)).status, 200)
    assert.equal((await ask('GET', '/emails', headers)).status, 401)
  })

  test('ends the stream that was opened with it, at once, and no other', async () => {
    const { app, ask, ports, signIn } = await rig()
    const open = async () => {
      const headers = { ...OWN, cookie: await signIn() }
      const answer = await app.request('/stream', { headers })
      assert.equal(answer.status, 200)
      const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
      assert.match(Buffer.from((await reader.read()).value ?? []).toString(), /event: hello/)
      return { headers, reader, next: reader.read() }
    }
    const [ended, other] = [await open(), await open()]
    assert.equal((await ask('DELETE', '/session', ended.headers)).status, 200)
    // Less than a stream waits before it looks by itself.
    const first = await Promise.race([ended.next, sleep(3000, 'open', { ref: false })])
    assert.deepEqual(first, { done: true, value: undefined })
    const { id } = await submit(ports, KEY, DRAFT)
    assert.match(Buffer.from((await other.next).value ?? []).toString(), new RegExp(id))
    await other.reader.cancel()
  })

  test('is found among cookies of the same name, and ended with them', async () => {
    const { ask, signIn } = await rig()
    const own = await signIn()
    const headers = { ...OWN, cookie: `kabutar_session_3000=old; theme=dark;${own}; kabutar_session_3000="x"` }
    assert.equal((await ask('GET', '/emails', headers)).status, 200)
    assert.equal((await ask('DELETE', '/session', headers)).status, 200)
    assert.equal((await ask('GET', '/emails', { ...OWN, cookie: own })).status, 401)
  })

  test('ends after twelve hours', async () => {
    const { ask, signIn, ports } = await rig()
    const headers = { ...OWN, cookie: await signIn() }
    ports.clock.advance(12 * 3600_000 - 1)
    assert.equal((await ask('GET', '/session', headers)).status, 200)
    ports.clock.advance(1)
    assert.equal((await ask('GET', '/session', headers)).status, 401)
  })
})

describe('with an API key', () => {
  test('any other host is refused, however good the key is', async () => {
    const { ask, token } = await rig()
    const authorization = `Bearer ${token}`
    for (const host of [...HOSTS, 'mail.example']) {
      assert.equal((await ask('GET', '/emails', { authorization, host })).status, 200, host)
    }
    for (const host of ['evil.example:3000', 'mail.example:3000', 'localhost:3001', '127.0.0.2:3000']) {
      const { status, body } = await ask('GET', '/emails', { authorization, host })
      assert.deepEqual([status, body.name], [403, 'invalid_access'], host)
    }
    assert.equal((await ask('GET', '/health', { host: 'evil.example' })).status, 403)
  })

  test('a proxy and another origin are no obstacle', async () => {
    const { ask, token } = await rig()
    const headers = { authorization: `Bearer ${token}`, host: 'mail.example', 'x-forwarded-for': '192.0.2.1' }
    assert.equal((await ask('GET', '/emails', { ...headers, origin: 'https://mail.example' })).status, 200)
  })

  test('GET /session tells what the key may do, and a sending key nothing that it cannot do', async () => {
    const { ask, ports, token } = await rig()
    const sessionOf = async (bearer: string) =>
      (await ask('GET', '/session', { authorization: `Bearer ${bearer}`, host: HOSTS[0] ?? '' })).body
    const own = await sessionOf(token)
    assert.deepEqual([own.mode, own.permission, own.operator], ['key', 'full_access', false])
    assert.ok(own.sample)
    const permission = 'sending_access'
    const any = await createKey(ports, 'a', { name: 'any', permission })
    const bound = await createKey(ports, 'a', { name: 'bound', permission, domain: { id: 'x', name: 'second.test' } })
    const sample = { from: 'hello@second.test', to: 'inbox@second.test' }
    for (const [key, domain, addresses] of [
      [any, null, null],
      [bound, 'second.test', sample],
    ] as const) {
      const body = await sessionOf(key.token)
      assert.deepEqual([body.permission, body.domain, body.sample], [permission, domain, addresses])
    }
  })
})
