import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { listenHttp } from './http.ts'

const LOOPBACK = { host: '127.0.0.1', port: 0 }
const portOf = ({ url }: { readonly url: string }) => Number(new URL(url).port)

test('connections beyond the limit are closed at once, and free ones are taken again', async () => {
  const http = await listenHttp(LOOPBACK, systemClock, { maxConnections: 3 })
  const sockets = Array.from({ length: 5 }, () => connect(portOf(http), '127.0.0.1').on('error', () => undefined))
  for (let n = 0; n < 100 && sockets.filter(({ destroyed }) => destroyed).length < 2; n++) await sleep(20)
  assert.equal(sockets.filter(({ destroyed }) => destroyed).length, 2)
  for (const socket of sockets) socket.destroy()
  await sleep(20)
  http.serve(() => new Response('ok'))
  assert.equal(await (await fetch(http.url)).text(), 'ok')
  await http.close(100)
})

/** More than any machine passes on in the 500 ms that the listener takes it. */
const BODY_BYTES = 40_000_000_000

for (const method of ['POST', 'GET']) {
  test(`a body that ${method} does not read is let go with its connection`, async () => {
    const http = await listenHttp(LOOPBACK, systemClock, { maxConnections: 3 })
    http.serve(() => new Response('no', { status: 401 }))
    const socket = connect(portOf(http), '127.0.0.1').on('error', () => undefined)
    const answered = once(socket, 'data')
    socket.write(`${method} /emails HTTP/1.1\r\nHost: x\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`)
    assert.match(String((await answered)[0]), /^HTTP\/1\.1 401/)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    const chunk = Buffer.alloc(64_000)
    const write = () => {
      while (socket.writable && socket.bytesWritten < BODY_BYTES && socket.write(chunk));
    }
    socket.on('drain', write)
    write()
    await Promise.race([closed, sleep(4000)])
    const { destroyed, bytesWritten } = socket
    socket.destroy()
    await http.close(100)
    assert.ok(destroyed, `${bytesWritten} octets were taken`)
  })
}
