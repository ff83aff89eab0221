/** The next hop of the relay benchmarks: takes mail, counts and forgets it. Told anything, it answers how many came and when. */
import { randomBytes } from 'node:crypto'
import type { Log } from '@kabutar/core/ports/log.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { createSmtpServer } from '@kabutar/smtp/server.ts'

const nothing = () => {}
const log: Log = { debug: nothing, info: nothing, warn: nothing, error: console.error }
let count = 0
let lastAt = 0
const server = createSmtpServer({
  hostname: 'sink.test',
  log,
  ids: { next: () => String(count), secret: randomBytes },
  clock: systemClock,
  limits: { connectionsPerNetwork: 100, connectionsPerAddress: 100, messagesPerConnection: Number.POSITIVE_INFINITY },
  backend: {
    async recipient() {},
    async data(_session, envelope, content) {
      if (!(content instanceof Uint8Array)) for await (const _chunk of content);
      count++
      lastAt = Date.now()
      return { id: envelope.id }
    },
  },
})

process.on('message', () => process.send?.({ count, lastAt }))
process.once('disconnect', () => process.exit(0))
process.send?.((await server.listen('127.0.0.1', 0)).port)
