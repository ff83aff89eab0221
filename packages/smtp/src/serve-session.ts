import { data } from './data.ts'
import { hello } from './hello.ts'
import { mail } from './mail.ts'
import type { Command } from './parse-command.ts'
import { parseCommand } from './parse-command.ts'
import { rcpt } from './rcpt.ts'
import type { Reply } from './replies.ts'
import type { Session } from './session.ts'
import { replyToError } from './session.ts'
import { starttls } from './starttls.ts'

const HTTP = /^(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) \S+ HTTP\//

/** Greets the client and answers its commands in their order until one side ends the session. Never rejects. */
export async function serveSession(session: Session): Promise<void> {
  const { connection, listener } = session
  connection.write({ code: 220, text: `${listener.hostname} ESMTP Kabutar` })
  let open = true
  while (open) {
    const farewell = farewellOf(session)
    if (farewell !== undefined) connection.write(farewell)
    open = farewell === undefined && (await exchange(session))
  }
  connection.close()
}

/** Reads a command, performs it and answers; false after the last one. */
async function exchange(session: Session): Promise<boolean> {
  const { connection, listener } = session
  let command: Command | undefined
  let reply: Reply | undefined
  try {
    const line = await connection.readLine(listener.limits.commandMs)
    if (line === undefined) return false
    // A web page can make a browser speak to this port, and controls what it sends next.
    if (session.commands === 0 && session.messages === 0 && HTTP.test(line.toString('latin1'))) return false
    session.commands++
    command = parseCommand(line)
    reply = await perform(session, command)
  } catch (error) {
    reply = replyToError(session, command?.verb ?? 'line', error)
  }
  if (reply === undefined) return true
  if (reply.code >= 500) session[command?.verb === 'RCPT' ? 'refusedRecipients' : 'errors']++
  connection.write(reply)
  return reply.hangUp !== true
}

function perform(session: Session, command: Command): Reply | undefined | Promise<Reply | undefined> {
  switch (command.verb) {
    case 'HELO':
    case 'EHLO':
      return hello(session, command)
    case 'MAIL':
      return mail(session, command)
    case 'RCPT':
      return rcpt(session, command)
    case 'DATA':
      return data(session)
    case 'STARTTLS':
      return starttls(session)
    case 'RSET':
      session.transaction = undefined
      return { code: 250, status: '2.0.0', text: 'Ok' }
    case 'NOOP':
      return { code: 250, status: '2.0.0', text: 'Ok' }
    case 'QUIT':
      return { code: 221, status: '2.0.0', text: 'Bye', hangUp: true }
    case 'HELP':
      return { code: 214, status: '2.0.0', text: 'See RFC 5321' }
    // RFC 5321 section 3.5.3 allows this answer, which confirms nothing: most clients that ask collect addresses.
    case 'VRFY':
      return { code: 252, status: '2.0.0', text: 'Not verified; send mail to try' }
    case 'EXPN':
      return { code: 502, status: '5.5.1', text: 'Command not implemented' }
  }
}

/** The reply that ends the session before the next command is read, if there is a reason to. */
function farewellOf(session: Session): Reply | undefined {
  const { limits } = session.listener
  if (session.closing && session.transaction === undefined) return SHUTTING_DOWN
  if (session.errors >= limits.errors || session.refusedRecipients >= limits.refusedRecipients) {
    return { code: 421, status: '4.7.0', text: 'Too many errors' }
  }
  if (session.commands >= limits.commandsPerMessage) {
    return { code: 421, status: '4.7.0', text: 'Too many commands without a message' }
  }
  return undefined
}

export const SHUTTING_DOWN: Reply = { code: 421, status: '4.3.2', text: 'Shutting down, come again' }
