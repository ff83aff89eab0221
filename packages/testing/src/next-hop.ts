/** A scripted next hop for tests, and relays to it; all end with the test file. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { after } from 'node:test'
import type { Relayed } from '@kabutar/core/ports/relay.contract.ts'
import type { Relay } from '@kabutar/core/ports/relay.ts'
import { type SmtpRelayOptions, smtpRelay } from '@kabutar/local/relay/smtp.ts'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

const closing: (() => void)[] = []
after(() => {
  for (const close of closing) close()
})

/** A refusal that SMTPServer answers. */
export const reply = (responseCode: number, text: string) => Object.assign(new Error(text), { responseCode })

/**
 * A next hop on a free port. `sockets` are its connections so far, `secure` tells whether a message came by TLS; with
 * `hangUp.next` it takes the next message whole and closes all connections instead of answering.
 */
export async function nextHop(options: SMTPServerOptions = {}) {
  const received: (Relayed & { secure: boolean })[] = []
  const hangUp = { next: false }
  const sockets: Socket[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    size: 64 * 1024 * 1024,
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        if (hangUp.next) return hangUpNow()
        const { mailFrom, rcptTo } = session.envelope
        const returnPath = mailFrom ? mailFrom.address : ''
        const recipients = rcptTo.map(({ address }) => address)
        received.push({ envelope: { returnPath, recipients }, raw: Buffer.concat(chunks), secure: session.secure })
        done(null, `2.0.0 OK: queued as Q${received.length}`)
      })
    },
    ...options,
  })
  const hangUpNow = () => {
    hangUp.next = false
    for (const socket of sockets) socket.destroy()
  }
  server.on('error', () => undefined)
  server.server.on('connection', (socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.server.address() as { port: number }).port, received, sockets, hangUp }
}

/** Through a relay that waits 2 seconds at most. */
export function relayTo(port: number, options: SmtpRelayOptions = {}, url = `smtp://127.0.0.1:${port}`): Relay {
  const relay = smtpRelay(new URL(url), { connectTimeoutMs: 2000, replyTimeoutMs: 2000, ...options })
  closing.push(() => void relay.close?.())
  return relay
}
