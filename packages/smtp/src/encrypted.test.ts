import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, createSecureContext, type TLSSocket } from 'node:tls'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { encrypted } from './encrypted.ts'
import { intoOneBuffer, type OnOctets, READ_BYTES } from './one-buffer.ts'

const secureContext = createSecureContext(selfSigned('mx.test'))
const SENT = Buffer.from('some octets. '.repeat(100_000))

/** Both ends of a connection under TLS. `onOctets` is given what arrives, and the connection, which it may let rest. */
async function pair(t: TestContext, onOctets: (octets: Uint8Array, plain: Socket) => void) {
  const { promise, resolve } = Promise.withResolvers<{ plain: Socket; socket: TLSSocket }>()
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (accepted) => {
    let decrypt: OnOctets = () => undefined
    const plain = intoOneBuffer(accepted, (octets) => decrypt(octets))
    const under = encrypted(plain, secureContext, (octets) => onOctets(octets, plain))
    decrypt = under.decrypt
    plain.resume()
    resolve({ plain, socket: under.socket })
  })
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const far = connect(port, '127.0.0.1')
  const client = connectTls({ socket: far, rejectUnauthorized: false })
  await once(client, 'secureConnect')
  const ends = await promise
  t.after(() => {
    client.destroy()
    ends.socket.destroy()
  })
  return { far, client, ...ends }
}

describe('a connection under TLS', { timeout: 10_000 }, () => {
  test('carries octets both ways, and each end of it', async (t) => {
    const chunks: Buffer[] = []
    const { client, socket } = await pair(t, (octets) => chunks.push(Buffer.from(octets)))
    client.end(SENT)
    await once(socket, 'end')
    assert.ok(Buffer.concat(chunks).equals(SENT))
    const answer: Buffer[] = []
    client.on('data', (chunk: Buffer) => answer.push(chunk))
    socket.end(SENT)
    await once(client, 'close')
    assert.ok(Buffer.concat(answer).equals(SENT))
  })

  test('that rests has no more decrypted than what was read', async (t) => {
    const chunks: Buffer[] = []
    const { client, plain, socket } = await pair(t, (octets, connection) => {
      chunks.push(Buffer.from(octets))
      connection.pause()
    })
    client.end(SENT)
    await sleep(200)
    const ahead = Buffer.concat(chunks).length
    assert.ok(ahead > 0 && ahead <= READ_BYTES, `${ahead} octets`)
    const resting = setInterval(() => plain.resume(), 1)
    await once(socket, 'end')
    clearInterval(resting)
    assert.ok(Buffer.concat(chunks).equals(SENT))
  })

  test('that its peer breaks off is over', async (t) => {
    const { far, client, plain, socket } = await pair(t, () => undefined)
    for (const each of [far, client]) each.on('error', () => undefined)
    socket.on('error', () => socket.destroy())
    const writing = setInterval(() => socket.write(SENT), 1)
    t.after(() => clearInterval(writing))
    plain.on('error', () => undefined)
    far.resetAndDestroy()
    await once(socket, 'close')
    assert.equal(plain.destroyed, true)
  })
})
