/** Acts as the outside of an embedded server: delivers mail over SMTP, and publishes records of domains. */
import { createTransport } from 'nodemailer'
import type { DnsServer } from './dns-server.ts'
import type { DnsRecord } from './server-type.ts'
import { connectSender } from './smtp-sender.ts'

/** @throws {Error} the refusal, or that the connection ended */
export async function bringMail(port: number, raw: string | Uint8Array, recipients: readonly string[]): Promise<void> {
  if (raw.length === 0) return bringNothing(port, recipients)
  const transport = createTransport({ host: '127.0.0.1', port, tls: { rejectUnauthorized: false } })
  try {
    const envelope = { from: 'eve@far.test', to: [...recipients] }
    await transport.sendMail({ envelope, raw: typeof raw === 'string' ? raw : Buffer.from(raw) })
  } finally {
    transport.close()
  }
}

/** Sends the raw bytes; nodemailer would add a line end. */
async function bringNothing(port: number, [recipient = '']: readonly string[]): Promise<void> {
  const sender = await connectSender(port)
  await sender.send(recipient, Buffer.alloc(0)).finally(() => sender.close())
}

export function publishIn(dns: DnsServer | undefined, records: readonly DnsRecord[]): void {
  if (dns === undefined) throw new Error('the server was started without a name server')
  for (const { type, name, value, priority = 0 } of records) {
    if (type === 'MX') dns.mx.set(name, { exchange: value, priority })
    else dns.txt.set(name, [...(dns.txt.get(name) ?? []), value])
  }
}
