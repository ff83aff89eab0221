import type { Envelope, Session } from './backend.ts'

/**
 * The time stamp line of RFC 5321 section 4.4, with its CRLF, for whoever shows or relays a message: the stored content is
 * kept exactly as it came. Recipients are not named, since one of several might be a blind copy.
 */
export function traceField(session: Session, envelope: Envelope, hostname: string, receivedAt: Date): string {
  const peer = envelope.remoteAddress.includes(':') ? `IPv6:${envelope.remoteAddress}` : envelope.remoteAddress
  const date = receivedAt.toUTCString().replace('GMT', '+0000')
  const from = `from ${envelope.helo} ([${peer}])`
  return `Received: ${from}\r\n\tby ${hostname} with ${protocolOf(session, envelope)} id ${envelope.id};\r\n\t${date}\r\n`
}

/** The names registered by RFC 3848 and RFC 6531 section 4.3. */
function protocolOf(session: Session, envelope: Envelope): string {
  if (!session.esmtp) return 'SMTP'
  return `${envelope.smtputf8 ? 'UTF8SMTP' : 'ESMTP'}${envelope.tls ? 'S' : ''}`
}
