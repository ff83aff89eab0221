import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { intoOneBuffer, READ_BYTES } from './one-buffer.ts'

type Listening = {
  readonly port: number
  readonly accepted: Promise<{ readonly socket: Socket; readonly ended: Promise<unknown> }>
  close(): Promise<void>
}

async function listen(
  t: TestContext,
  onOctets: (octets: Uint8Array) => void,
  prepare = (_: Socket) => {},
): Promise<Listening> {
  const { promise: accepted, resolve } = Promise.withResolvers<Awaited<Listening['accepted']>>()
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (connection) => {
    prepare(connection)
    const socket = intoOneBuffer(connection, onOctets)
    t.after(() => socket.destroy())
    resolve({ socket, ended: once(socket, 'end') })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = () => new Promise<void>((closed) => server.close(() => closed()))
  t.after(() => server.close())
  return { port: (server.address() as AddressInfo).port, accepted, close }
}

function client(t: TestContext, port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  return socket
}

const SENT = Buffer.from('some octets. '.repeat(10_000))
/** As if Node had changed inside. */
const hideTheHandle = (socket: Socket) => {
  const inside = socket as unknown as { _handle: { useUserBuffer: unknown } }
  inside._handle.useUserBuffer = undefined
}

describe('a connection of a listener', { timeout: 10_000 }, () => {
  test('is read into one buffer by this Node', async (t) => {
    const memory = new Set<ArrayBufferLike>()
    const server = await listen(t, ({ buffer }) => memory.add(buffer))
    const other = await listen(t, ({ buffer }) => memory.add(buffer))
    for (const { port, accepted } of [server, other]) {
      client(t, port).end(SENT)
      await (await accepted).ended
    }
    assert.deepEqual(
      [...memory].map(({ byteLength }) => byteLength),
      [READ_BYTES],
    )
  })

  for (const { name, prepare } of [
    { name: 'into one buffer', prepare: () => {} },
    { name: 'as Node does by itself, should it have changed', prepare: hideTheHandle },
  ]) {
    test(`works as ever, read ${name}`, async (t) => {
      const read: Uint8Array[] = []
      const server = await listen(t, (octets) => read.push(Uint8Array.from(octets)), prepare)
      const peer = client(t, server.port)
      peer.end(SENT)
      const { socket, ended } = await server.accepted
      assert.equal(socket.remoteAddress, '127.0.0.1')
      await ended
      assert.ok(Buffer.concat(read).equals(SENT))
      const closed = server.close()
      socket.end('and an answer')
      assert.equal(String((await once(peer, 'data'))[0]), 'and an answer')
      await closed
    })
  }

  test('rests once it is paused, with nothing more read, until it is resumed', async (t) => {
    let octets = 0
    const server = await listen(t, ({ length }) => {
      octets += length
      void server.accepted.then(({ socket }) => socket.pause())
    })
    client(t, server.port).end(SENT)
    const { socket, ended } = await server.accepted
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(octets, READ_BYTES)
    const timer = setInterval(() => socket.resume(), 1)
    await ended
    clearInterval(timer)
    assert.equal(octets, SENT.length)
  })

  test('counts for its server until it has closed', async (t) => {
    const server = await listen(t, () => {})
    client(t, server.port)
    const { socket } = await server.accepted
    let closed = false
    const closing = server.close().then(() => {
      closed = true
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(closed, false)
    socket.destroy()
    await closing
  })
})
