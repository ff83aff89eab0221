import type { Hello } from './commands.ts'
import type { Dialogue } from './dialogue.ts'
import type { Reply } from './replies.ts'

/** HELO and EHLO (RFC 5321 section 4.1.1.1); both end a transaction under way (section 4.1.4). */
export function hello(dialogue: Dialogue, { verb, name }: Hello): Reply {
  const { hostname, limits, secureContext } = dialogue.listener
  dialogue.helo = name
  dialogue.esmtp = verb === 'EHLO'
  dialogue.transaction = undefined
  if (verb === 'HELO') return { code: 250, text: hostname }
  const starttls = secureContext !== undefined && dialogue.cipher === undefined ? ['STARTTLS'] : []
  const size = `SIZE ${limits.messageBytes}`
  return {
    code: 250,
    text: [hostname, 'PIPELINING', size, '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', ...starttls, 'HELP'],
  }
}
