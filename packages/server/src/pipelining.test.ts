import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { listenHttp } from './http.ts'

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const text = (socket: Socket): { readonly now: () => string } => {
  let read = ''
  socket.on('data', (chunk) => {
    read += chunk.toString('latin1')
  })
  return { now: () => read }
}

test('an address that pipelines more than 32 requests loses its connections and is refused for 10 s', async () => {
  let now = 0
  const http = await listenHttp(
    { host: '127.0.0.1', port: 0 },
    { ...systemClock, monotonic: () => now },
    { maxConnections: 100 },
  )
  let served = 0
  http.serve(async () => {
    served++
    await sleep(50)
    return new Response('ok')
  })
  const { port, address } = { port: http.address.port, address: '127.0.0.9' }
  const dial = () => connect({ port, host: '127.0.0.1', localAddress: address }).on('error', () => undefined)
  const [idle, flood] = [dial(), dial()]
  await Promise.all([once(idle, 'connect'), once(flood, 'connect')])
  const closed = Promise.all([once(idle, 'close'), once(flood, 'close')])
  flood.write(REQUEST.repeat(2000))
  await closed
  assert.equal(served, 32)

  await once(dial(), 'close')
  assert.equal(await (await fetch(http.url)).text(), 'ok')
  assert.equal(served, 33)

  now += 10_000
  const again = dial()
  const answer = text(again)
  again.write(REQUEST.repeat(32))
  for (let n = 0; n < 100 && answer.now().split('HTTP/1.1 200 OK').length < 33; n++) await sleep(20)
  assert.equal(served, 65)
  again.destroy()
  await http.close(100)
})
