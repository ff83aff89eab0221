import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, createSecureContext } from 'node:tls'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { Connection } from './connection.ts'

const MAX_LINE_BYTES = 512
const HIGH_WATER_MARK = 16 * 1024
/** What Node reads from a socket at once. */
const READ_BYTES = 64 * 1024
const WAIT_MS = 5000

/** Both ends of a connection. `clock.ms` is the time that the connection sees, if the test sets it. */
async function pair(t: TestContext) {
  const clock = { ...systemClock, ms: undefined as number | undefined, monotonic: () => clock.ms ?? performance.now() }
  const server = createServer({ allowHalfOpen: true, highWaterMark: HIGH_WATER_MARK })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).setNoDelay(true)
  const [socket] = await accepted
  const connection = new Connection(socket, clock, MAX_LINE_BYTES)
  t.after(() => {
    client.destroy()
    connection.destroy()
    server.close()
  })
  return { client, socket, connection, clock }
}

async function linesOf(connection: Connection): Promise<string[]> {
  const lines: string[] = []
  for (;;) {
    const line = await connection.readLine(WAIT_MS)
    if (line === undefined) return lines
    lines.push(line.toString())
  }
}

const inPieces = (text: string, bytes: number) => text.match(new RegExp(`[^]{1,${bytes}}`, 'g')) ?? []

describe('a connection', { timeout: 20_000 }, () => {
  test('reads the same lines in whatever pieces they come', async (t) => {
    const text = `one\r\n\r\n${'x'.repeat(400)}\r\nfour\r\n`
    for (const bytes of [1, 2, 7, 100, 1000]) {
      const { client, connection } = await pair(t)
      const lines = linesOf(connection)
      for (const piece of inPieces(text, bytes)) {
        client.write(piece)
        await new Promise((resolve) => setImmediate(resolve))
      }
      client.end()
      assert.deepEqual(await lines, text.split('\r\n').slice(0, -1), `${bytes} at a time`)
    }
  })

  test('reads the end of a chunk again after it was put back', async (t) => {
    const { client, connection } = await pair(t)
    client.write('content\r\n.\r\nQUIT\r\n')
    const chunk = await connection.readChunk(WAIT_MS)
    connection.unread(chunk?.subarray(12) ?? Buffer.alloc(0))
    assert.equal((await connection.readLine(WAIT_MS))?.toString(), 'QUIT')
  })

  test('never changes a chunk that it has given away', async (t) => {
    const { client, connection } = await pair(t)
    const chunks: Buffer[] = []
    const sent = Buffer.from('some octets. '.repeat(50_000))
    client.end(sent)
    for (let chunk = await connection.readChunk(WAIT_MS); chunk; chunk = await connection.readChunk(WAIT_MS)) {
      chunks.push(chunk)
    }
    assert.ok(chunks.length > 1)
    assert.ok(Buffer.concat(chunks).equals(sent))
  })

  test('holds a bounded number of octets that nobody reads', async (t) => {
    const { client, socket } = await pair(t)
    client.write(Buffer.alloc(8 * 1024 * 1024))
    await sleep(200)
    assert.ok(socket.readableLength > 0)
    assert.ok(socket.readableLength < HIGH_WATER_MARK + READ_BYTES, `${socket.readableLength} octets`)
  })

  test('knows how long the peer has rested', async (t) => {
    const { client, connection, clock } = await pair(t)
    clock.ms = 1000
    assert.equal(connection.restingMs, undefined)
    const line = connection.readLine(WAIT_MS)
    clock.ms = 1010
    client.write('half a ')
    await sleep(50)
    assert.equal(connection.restingMs, 10)
    client.write('line\r\n')
    await line
    assert.equal(connection.restingMs, undefined, "it's our turn")
    const read = async (octets: string) => {
      const chunk = connection.readChunk(WAIT_MS)
      client.write(octets)
      await chunk
    }
    await read('x')
    clock.ms = 1020
    await read('x')
    let next = connection.readChunk(WAIT_MS)
    assert.equal(connection.restingMs, 10, 'single octets are no progress')
    client.write('x'.repeat(1000))
    await next
    next = connection.readChunk(WAIT_MS)
    assert.equal(connection.restingMs, 0)
    client.end()
    await next
  })

  test('closes after the time limit of a line, though the peer dribbles', async (t) => {
    const { client, connection } = await pair(t)
    const replies: Buffer[] = []
    client.on('data', (chunk: Buffer) => replies.push(chunk))
    const dribble = setInterval(() => client.write('x'), 10)
    t.after(() => clearInterval(dribble))
    assert.equal(await connection.readLine(60), undefined)
    await connection.closed
    assert.equal(Buffer.concat(replies).toString(), '421 4.4.2 Timeout\r\n')
  })

  test('lets the peer read the last reply, though octets of it are still unread', async (t) => {
    const { client, connection } = await pair(t)
    client.write(Buffer.alloc(500_000))
    await sleep(50)
    connection.close({ code: 421, text: 'Bye' })
    const [reply] = await once(client, 'data')
    assert.equal(String(reply), '421 Bye\r\n')
    client.end()
    await connection.closed
  })

  test('waits about a second for a peer that never closes, silent or not', async (t) => {
    for (const everyMs of [10_000, 100]) {
      const { client, connection } = await pair(t)
      client.on('error', () => undefined)
      const dribble = setInterval(() => client.write('x'), everyMs)
      t.after(() => clearInterval(dribble))
      const from = performance.now()
      connection.close()
      await connection.closed
      assert.ok(performance.now() - from < 3000)
    }
  })
})

describe('a connection under TLS', { timeout: 20_000 }, () => {
  const secureContext = createSecureContext(selfSigned('mx.test'))
  const secure = async (t: TestContext) => {
    const ends = await pair(t)
    const started = ends.connection.startTls(secureContext, WAIT_MS)
    const client = connectTls({ socket: ends.client, rejectUnauthorized: false })
    await once(client, 'secureConnect')
    assert.equal(await started, true)
    return { ...ends, far: ends.client, client }
  }

  test('carries octets both ways, and the end of each', async (t) => {
    const { client, connection } = await secure(t)
    assert.match(connection.cipher ?? '', /^TLSv1\.[23] TLS_/)
    const lines = Array.from({ length: 20_000 }, (_, n) => `line ${n}`)
    client.end(`${lines.join('\r\n')}\r\n`)
    assert.deepEqual(await linesOf(connection), lines)
    const answer: Buffer[] = []
    client.on('data', (chunk: Buffer) => answer.push(chunk))
    for (const text of lines) connection.write({ code: 250, text })
    connection.close()
    await once(client, 'close')
    assert.equal(Buffer.concat(answer).toString(), lines.map((text) => `250 ${text}\r\n`).join(''))
  })

  test('ends when its peer breaks off', async (t) => {
    const { far, client, connection } = await secure(t)
    for (const each of [far, client]) each.on('error', () => undefined)
    const line = connection.readLine(WAIT_MS)
    far.resetAndDestroy()
    assert.equal(await line, undefined)
    connection.close()
    await connection.closed
  })

  test('does not start once the peer has closed', async (t) => {
    const { client, connection } = await pair(t)
    client.end()
    await sleep(50)
    assert.equal(await connection.startTls(secureContext, WAIT_MS), false)
    await connection.closed
  })
})
