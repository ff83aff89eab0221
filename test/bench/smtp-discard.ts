/**
 * A listener that reads and forgets, for the SMTP benchmarks: the last arguments are `kabutar` or npm `smtp-server`, and `plain` or
 * `tls`, from the first octet. It tells its port, to a parent that forked it by message, and then its usage when asked.
 */
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Log } from '@kabutar/core/ports/log.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { createSmtpServer } from '@kabutar/smtp/server.ts'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { SMTPServer } from 'smtp-server'

const [name, over] = process.argv.slice(-2)
const certificate = over === 'tls' ? selfSigned('bench.test') : undefined

async function ours(): Promise<number> {
  const nothing = () => {}
  const log: Log = { debug: nothing, info: nothing, warn: nothing, error: console.error }
  let last = 0
  const server = createSmtpServer({
    hostname: 'bench.test',
    log,
    ids: { next: () => String(++last), secret: randomBytes },
    ...(certificate && { tls: certificate, implicitTls: true }),
    clock: systemClock,
    limits: { connectionsPerNetwork: 100, connectionsPerAddress: 100, messagesPerConnection: Number.POSITIVE_INFINITY },
    backend: {
      async recipient() {},
      async data(_session, envelope, content) {
        if (!(content instanceof Uint8Array)) for await (const _chunk of content);
        return { id: envelope.id }
      },
    },
  })
  return (await server.listen('127.0.0.1', 0)).port
}

function theirs(): Promise<number> {
  const server = new SMTPServer({
    ...(certificate && { ...certificate, secure: true }),
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData(stream, _session, done) {
      stream.resume()
      stream.on('end', () => done())
    },
  })
  return new Promise((resolve) => {
    const listening = server.listen(0, '127.0.0.1', () => resolve((listening.address() as AddressInfo).port))
  })
}

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpu: user + system, rss: process.memoryUsage.rss() })
})
const port = name === 'kabutar' ? await ours() : await theirs()
if (process.send) process.send(port)
else console.log(`port ${port}`)
