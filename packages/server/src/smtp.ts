import type { Log } from '@kabutar/core/ports/log.ts'
import { type AcceptPorts, accept, recipientOwner } from '@kabutar/core/receiving/accept.ts'
import type { Backend } from '@kabutar/smtp/backend.ts'
import { createSmtpServer } from '@kabutar/smtp/server.ts'
import type { Settings } from './settings.ts'

export type SmtpListener = {
  /** `host:port`, as bound. */
  readonly address: string
  /** Lets messages under way end, up to a deadline. */
  close(deadlineMs: number): Promise<void>
}

/** The inbound (MX) listener, greeting with our first domain. Undefined if it is off. @throws {Error} if the address is in use */
export async function listenSmtp(
  { smtp, tls, domains }: Settings,
  ports: AcceptPorts & { readonly log: Log },
): Promise<SmtpListener | undefined> {
  if (smtp === undefined) return undefined
  const server = createSmtpServer({
    hostname: domains[0] ?? 'localhost',
    backend: inbound(ports),
    log: ports.log,
    ids: ports.ids,
    ...(tls !== undefined && { tls }),
  })
  const { port } = await server.listen(smtp.host, smtp.port)
  return {
    address: `${smtp.host.includes(':') ? `[${smtp.host}]` : smtp.host}:${port}`,
    close: (deadlineMs) => server.close(deadlineMs),
  }
}

/** Mail for our domains, from anybody. */
function inbound(ports: AcceptPorts): Backend {
  return {
    async recipient(_session, address) {
      await recipientOwner(ports.table, address)
    },
    async data(_session, envelope, body) {
      const { id, returnPath, recipients, remoteAddress, helo, tls } = envelope
      await accept(ports, { id, returnPath, recipients, remoteAddress, helo, tls }, body)
      return { id }
    },
  }
}
