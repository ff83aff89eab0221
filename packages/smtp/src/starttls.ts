import type { Reply } from './replies.ts'
import type { Session } from './session.ts'

/** Performs STARTTLS (RFC 3207): the session starts again under TLS. No reply follows the handshake. */
export async function starttls(session: Session): Promise<Reply | undefined> {
  if (session.cipher !== undefined) return { code: 503, status: '5.5.1', text: 'TLS is already in use' }
  if (session.listener.secureContext === undefined) {
    return { code: 502, status: '5.5.1', text: 'Command not implemented' }
  }
  session.connection.write({ code: 220, status: '2.0.0', text: 'Ready to start TLS' })
  await startTls(session)
  session.helo = undefined
  session.esmtp = false
  session.transaction = undefined
  return undefined
}

/** Puts the connection under TLS. After a failed handshake it is closed, and the next read ends the session. */
export async function startTls(session: Session): Promise<void> {
  const { connection, listener, id, remoteAddress } = session
  if (listener.secureContext === undefined) return
  if (await connection.startTls(listener.secureContext(), listener.limits.commandMs)) session.cipher = connection.cipher
  else listener.log.info('smtp: TLS handshake failed', { session: id, remote: remoteAddress })
}
