import type { Dialogue } from './dialogue.ts'
import type { Reply } from './replies.ts'

/** STARTTLS (RFC 3207): everything said before it is forgotten. No reply follows the handshake. */
export async function starttls(dialogue: Dialogue): Promise<Reply | undefined> {
  if (dialogue.cipher !== undefined) return { code: 503, status: '5.5.1', text: 'TLS is already in use' }
  if (dialogue.listener.secureContext === undefined) {
    return { code: 502, status: '5.5.1', text: 'Command not implemented' }
  }
  dialogue.wire.write('220 2.0.0 Ready to start TLS\r\n')
  await secure(dialogue)
  dialogue.helo = undefined
  dialogue.esmtp = false
  dialogue.transaction = undefined
  return undefined
}

/** Puts the connection under TLS; after a failed handshake it is over, which the next read tells. */
export async function secure(dialogue: Dialogue): Promise<void> {
  const { wire, listener } = dialogue
  if (listener.secureContext === undefined) return
  if (await wire.secure(listener.secureContext, listener.limits.commandMs)) dialogue.cipher = wire.cipher
  else listener.log.info('smtp: TLS handshake failed', { session: dialogue.id, remote: dialogue.remoteAddress })
}
