/** The console's side of the real server: who gets in by which name, and how soon a message is seen. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { startServer } from './support/server.ts'

const skip = process.env.KABUTAR_FLOW === 'aws' && 'the single process only'
/** The time after which a server that stops cuts its connections (packages/server/src/local.ts). */
const DRAIN_MS = 8000
/** A stream that no change wakes looks again after this time. */
const KEEP_ALIVE_MS = 15_000
const PAGE = { 'Kabutar-Console': '1' }

/** Asks with a Host field of its own, which fetch does not allow. Answers the status and the cookie. */
async function ask(url: string, method: string, path: string, headers: Record<string, string>) {
  const asked = request(url, { method, path, headers })
  asked.end()
  const [answer] = (await once(asked, 'response')) as [import('node:http').IncomingMessage]
  answer.resume()
  const [cookie = ''] = answer.headers['set-cookie'] ?? []
  return { status: answer.statusCode, cookie: cookie.split(';')[0] ?? '' }
}

/** Reads events of a stream: the data of each, and when it came. */
async function* eventsOf(answer: Response) {
  let text = ''
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString()
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1] ?? '{}'
      text = text.slice(end + 2)
      yield { at: performance.now(), rows: ((JSON.parse(data) as { data?: Row[] }).data ?? []) as readonly Row[] }
    }
  }
}
type Row = { readonly id: string; readonly direction: string; readonly last_event: string | null }

describe('the console of the real server', { skip }, () => {
  test('lets in who is at the machine, by its own names alone', async () => {
    await using server = await startServer()
    const port = new URL(server.url).port
    const key = { Authorization: `Bearer ${server.apiKey}` }
    const cases: readonly [string, number, number][] = [
      [`127.0.0.1:${port}`, 201, 200],
      [`localhost:${port}`, 201, 200],
      [`evil.example:${port}`, 403, 403],
      ['localhost:1', 403, 403],
    ]
    for (const [host, opened, listed] of cases) {
      assert.equal((await ask(server.url, 'POST', '/session', { ...PAGE, host })).status, opened, host)
      assert.equal((await ask(server.url, 'GET', '/emails', { ...key, host })).status, listed, host)
    }
    const own = { ...PAGE, host: `127.0.0.1:${port}` }
    const { cookie } = await ask(server.url, 'POST', '/api/session', own)
    assert.equal((await ask(server.url, 'GET', '/api/emails', { ...own, cookie })).status, 200)
    assert.equal((await ask(server.url, 'GET', '/api/emails', { host: own.host, cookie })).status, 403)
    const proxied = { ...own, cookie, 'X-Forwarded-For': '192.0.2.1' }
    assert.equal((await ask(server.url, 'GET', '/api/emails', proxied)).status, 403)
    const foreign = { ...own, cookie, Origin: `http://127.0.0.1:${Number(port) + 1}` }
    assert.equal((await ask(server.url, 'GET', '/api/emails', foreign)).status, 403)
  })

  test('lets nobody in who asks in HTTP/1.0, as a proxy may', async () => {
    await using server = await startServer()
    const { host, port } = new URL(server.url)
    const { cookie } = await ask(server.url, 'POST', '/session', { ...PAGE, host })
    const answerTo = async (line: string, fields: Record<string, string>) => {
      const socket = connect(Number(port), '127.0.0.1')
      const head = Object.entries({ Host: host, Connection: 'close', 'Content-Length': '0', ...PAGE, ...fields })
      socket.write(`${line}\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
      const chunks: Buffer[] = []
      for await (const chunk of socket) chunks.push(chunk as Buffer)
      return Number(/^HTTP\/1\.\d (\d{3})/.exec(Buffer.concat(chunks).toString())?.[1])
    }
    const cases: readonly [string, Record<string, string>, number, number][] = [
      ['POST /session', {}, 403, 201],
      ['GET /emails', { Cookie: cookie }, 403, 200],
      ['GET /emails', { Authorization: `Bearer ${server.apiKey}` }, 200, 200],
    ]
    for (const [request, fields, old, current] of cases) {
      assert.equal(await answerTo(`${request} HTTP/1.0`, fields), old, `${request} in HTTP/1.0`)
      assert.equal(await answerTo(`${request} HTTP/1.1`, fields), current, `${request} in HTTP/1.1`)
    }
  })

  test('shows a message and its outcome as they happen, and ends its stream when it stops', async (t) => {
    await using server = await startServer()
    const headers = { ...PAGE, Authorization: `Bearer ${server.apiKey}` }
    const events = eventsOf(await fetch(`${server.url}/api/stream`, { headers }))
    await events.next()
    const from = performance.now()
    const body = JSON.stringify({ from: 'a@kabutar.test', to: 'b@kabutar.test', subject: 's', text: 't' })
    const sent = (await (await fetch(`${server.url}/emails`, { method: 'POST', headers, body })).json()) as Row
    const seen = new Map<string, number>()
    for await (const { at, rows } of events) {
      for (const { id, direction, last_event } of rows)
        seen.set(id === sent.id ? `sent ${last_event}` : direction, at - from)
      if (seen.has('received') && seen.has('sent delivered')) break
    }
    for (const [what, ms] of seen) {
      t.diagnostic(`${what} after ${ms.toFixed(0)} ms`)
      assert.ok(ms < KEEP_ALIVE_MS, 'the change has woken the stream, and not its own next look')
    }
    const open = eventsOf(await fetch(`${server.url}/api/stream`, { headers }))
    await open.next()
    const stopping = performance.now()
    await server.stop()
    assert.ok((await open.next()).done)
    assert.ok(performance.now() - stopping < DRAIN_MS, 'the stream has ended by itself, and was not cut')
  })
})
