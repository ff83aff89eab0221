import type { Dialogue } from './dialogue.ts'
import type { Reply } from './replies.ts'

/**
 * STARTTLS (RFC 3207): everything said before it is forgotten. No reply follows the handshake. If too many are under TLS the peer waits,
 * and is then sent away, to come again: told that TLS is not available (454), many would go on in plain.
 */
export async function starttls(dialogue: Dialogue): Promise<Reply | undefined> {
  if (dialogue.cipher !== undefined) return { code: 503, status: '5.5.1', text: 'TLS is already in use' }
  if (dialogue.listener.secureContext === undefined) {
    return { code: 502, status: '5.5.1', text: 'Command not implemented' }
  }
  if (!(await dialogue.listener.crowd.secure(dialogue))) return TOO_MANY
  dialogue.wire.write('220 2.0.0 Ready to start TLS\r\n')
  await handshake(dialogue)
  dialogue.helo = undefined
  dialogue.esmtp = false
  dialogue.transaction = undefined
  return undefined
}

/** TLS from the first octet. False if too many are under TLS: nobody is left to be told. */
export async function secure(dialogue: Dialogue): Promise<boolean> {
  const hasPlace = await dialogue.listener.crowd.secure(dialogue)
  if (hasPlace) await handshake(dialogue)
  else dialogue.wire.destroy()
  return hasPlace
}

const TOO_MANY: Reply = {
  code: 421,
  status: '4.3.2',
  text: 'Too many connections under TLS, try again later',
  hangUp: true,
}

/** Puts the connection under TLS; after a failed handshake it is over, which the next read tells. */
async function handshake(dialogue: Dialogue): Promise<void> {
  const { wire, listener } = dialogue
  if (listener.secureContext === undefined) return
  if (await wire.secure(listener.secureContext(), listener.limits.commandMs)) dialogue.cipher = wire.cipher
  else listener.log.info('smtp: TLS handshake failed', { session: dialogue.id, remote: dialogue.remoteAddress })
}
