import { isIP } from 'node:net'
import type { Log } from '@kabutar/core/ports/log.ts'
import { type AcceptPorts, accept, recipientOwner } from '@kabutar/core/receiving/accept.ts'
import type { Backend } from '@kabutar/smtp/backend.ts'
import { createSmtpServer } from '@kabutar/smtp/server.ts'
import type { FrontDoor } from './load-shedding.ts'
import type { Settings } from './settings.ts'

export type SmtpListener = {
  /** `host:port`, as bound. */
  readonly address: string
  /** Lets messages under way end, up to a deadline. */
  close(deadlineMs: number): Promise<void>
}

/** What the world knows this machine by, for our greeting and for MX records: the public URL's name, or our first domain. */
export function hostnameOf({ publicUrl, domains }: Pick<Settings, 'publicUrl' | 'domains'>): string {
  const named = publicUrl === undefined ? '' : new URL(publicUrl).hostname
  return named !== '' && isIP(named.replace(/^\[|\]$/g, '')) === 0 ? named : (domains[0] ?? 'localhost')
}

/** The inbound (MX) listener, greeting with our name. Undefined if it is off. @throws {Error} if the address is in use */
export async function listenSmtp(
  settings: Settings,
  ports: AcceptPorts & { readonly log: Log },
  door: FrontDoor,
): Promise<SmtpListener | undefined> {
  const { smtp, tls } = settings
  if (smtp === undefined) return undefined
  const server = createSmtpServer({
    hostname: hostnameOf(settings),
    backend: inbound(ports, door),
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
function inbound(ports: AcceptPorts, door: FrontDoor): Backend {
  return {
    async recipient(_session, address) {
      await recipientOwner(ports.table, address)
    },
    async data(_session, envelope, body) {
      door.enter()
      const { id, returnPath, recipients, remoteAddress, helo, tls } = envelope
      await accept(ports, { id, returnPath, recipients, remoteAddress, helo, tls }, body)
      return { id }
    },
  }
}
