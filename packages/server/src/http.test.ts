import assert from 'node:assert/strict'
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
