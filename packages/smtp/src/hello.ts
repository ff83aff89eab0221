import type { Hello } from './parse-command.ts'
import type { Reply } from './replies.ts'
import type { Session } from './session.ts'

/** Performs HELO and EHLO (RFC 5321 section 4.1.1.1). Both end an open transaction (section 4.1.4). */
export function hello(session: Session, { verb, name }: Hello): Reply {
  const { hostname, limits, secureContext } = session.listener
  session.helo = name
  session.esmtp = verb === 'EHLO'
  session.transaction = undefined
  if (verb === 'HELO') return { code: 250, text: hostname }
  const starttls = secureContext !== undefined && session.cipher === undefined ? ['STARTTLS'] : []
  const size = `SIZE ${limits.messageBytes}`
  return {
    code: 250,
    text: [hostname, 'PIPELINING', size, '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', ...starttls, 'HELP'],
  }
}
