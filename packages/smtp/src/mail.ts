import type { Mail } from './parse-command.ts'
import type { Reply } from './replies.ts'
import type { Session } from './session.ts'

/** Performs MAIL (RFC 5321 section 4.1.1.2): opens a transaction if the announced size fits (RFC 1870 section 6.1). */
export function mail(session: Session, command: Mail): Reply {
  const { limits } = session.listener
  const { path, smtputf8, body8bit, size } = command
  if (session.helo === undefined) return { code: 503, status: '5.5.1', text: 'Say EHLO first' }
  if (session.transaction !== undefined) return { code: 503, status: '5.5.1', text: 'One MAIL at a time' }
  if (session.messages >= limits.messagesPerConnection) {
    return { code: 421, status: '4.7.0', text: 'Too many messages on one connection, come again', hangUp: true }
  }
  if (size !== undefined && size > limits.messageBytes) {
    return { code: 552, status: '5.3.4', text: `Larger than ${limits.messageBytes} octets` }
  }
  const announced = size === undefined ? {} : { size }
  session.transaction = { returnPath: path.address, recipients: [], smtputf8, body8bit, ...announced }
  return { code: 250, status: '2.1.0', text: 'Ok' }
}
