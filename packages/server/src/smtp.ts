import { isIP } from 'node:net'
import { refuseIfFull, type StoragePorts } from '@kabutar/core/accounts/storage.ts'
import { type AcceptPorts, accept, recipientOwner } from '@kabutar/core/receiving/accept.ts'
import type { Backend } from '@kabutar/smtp/backend.ts'
import { createSmtpServer } from '@kabutar/smtp/server.ts'
import type { Certificate } from './certificate.ts'
import { listenError } from './listen-error.ts'
import type { LoadShedding } from './load-shedding.ts'
import type { Settings } from './settings.ts'
import { hostText } from './settings-values.ts'

type InboundPorts = AcceptPorts & StoragePorts
type SmtpListener = {
  /** `host:port`, as bound. */
  readonly address: string
  /** Stops listening, lets running transactions end, and cuts those that last longer than `deadlineMs`. */
  close(deadlineMs: number): Promise<void>
}

/** Answers the name of this machine for the greeting and for MX records: that of the public URL, or the first domain. */
export function hostnameOf({ publicUrl, domains }: Pick<Settings, 'publicUrl' | 'domains'>): string {
  const named = publicUrl === undefined ? '' : new URL(publicUrl).hostname
  return named !== '' && isIP(named.replace(/^\[|\]$/g, '')) === 0 ? named : (domains[0] ?? 'localhost')
}

/** Starts the inbound (MX) listener; answers undefined if it is off. @throws {SettingsError} if it can't listen there */
export async function listenSmtp(
  settings: Pick<Settings, 'smtp' | 'smtpLimits' | 'publicUrl' | 'domains'>,
  ports: InboundPorts,
  shedding: LoadShedding,
  certificate?: Certificate,
): Promise<SmtpListener | undefined> {
  const { smtp, smtpLimits } = settings
  if (smtp === undefined) return undefined
  const server = createSmtpServer({
    hostname: hostnameOf(settings),
    backend: inbound(ports, shedding),
    log: ports.log,
    ids: ports.ids,
    clock: ports.clock,
    limits: smtpLimits,
    ...(certificate !== undefined && { tls: () => certificate.context }),
  })
  const { port } = await server.listen(smtp.host, smtp.port).catch((cause) => {
    throw listenError('KABUTAR_SMTP', smtp, cause)
  })
  return {
    address: `${hostText(smtp.host)}:${port}`,
    close: (deadlineMs) => server.close(deadlineMs),
  }
}

/** Accepts mail from anybody for domains that are verified here, while their accounts have room. */
function inbound(ports: InboundPorts, shedding: LoadShedding): Backend {
  return {
    async recipient(_session, address) {
      await refuseIfFull(ports, await recipientOwner(ports.table, address))
    },
    async data(_session, envelope, content) {
      const { id, returnPath, recipients, remoteAddress, helo, tls } = envelope
      await shedding.during(() => accept(ports, { id, returnPath, recipients, remoteAddress, helo, tls }, content))
      ports.log.debug('a message is accepted by SMTP', {
        id,
        remote: remoteAddress,
        recipients: recipients.length,
        tls: tls ? 'yes' : 'no',
      })
      return { id }
    },
  }
}
