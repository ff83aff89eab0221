/**
 * The senders of the relay benchmarks: `kabutar`, the whole embedded server, and `nodemailer`, its pool alone behind a
 * trigger (a POST with a number makes it compose and send so many messages). Arguments: folder, kind, port of the next hop.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { jsonLog } from '@kabutar/server/log.ts'
import { readSettings } from '@kabutar/server/settings.ts'
import { startServer } from '@kabutar/server/wiring.ts'
import { createTransport } from 'nodemailer'
import { orderOf } from './order.ts'

const [folder = '', kind = '', nextHop = ''] = process.argv.slice(2)

async function kabutar(): Promise<void> {
  const settings = readSettings(
    { KABUTAR_DATA: folder, KABUTAR_HTTP: '127.0.0.1:0', KABUTAR_RELAY: `smtp://127.0.0.1:${nextHop}` },
    [],
  )
  const running = await startServer(settings, jsonLog('warn'))
  console.log(`token ${running.newKey}`)
  console.log(`port ${new URL(running.url).port}`)
}

function nodemailer(): void {
  const pool = createTransport({
    pool: true,
    host: '127.0.0.1',
    port: Number(nextHop),
    ignoreTLS: true,
    maxConnections: 10,
    maxMessages: 1000,
  })
  const server = createServer(async (request, response) => {
    const count = Number(await text(request))
    let next = 0
    const loop = async () => {
      while (next < count) await pool.sendMail(orderOf(next++))
    }
    await Promise.all(Array.from({ length: 40 }, loop))
    response.end()
  })
  server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`))
}

if (kind === 'kabutar') await kabutar()
else nodemailer()
