import type { Command } from './commands.ts'
import { parseCommand } from './commands.ts'
import { data } from './data.ts'
import type { Dialogue } from './dialogue.ts'
import { failureOf } from './failure.ts'
import { hello } from './hello.ts'
import { mail } from './mail.ts'
import { rcpt } from './rcpt.ts'
import type { Reply } from './replies.ts'
import { serialize } from './replies.ts'
import { starttls } from './starttls.ts'

const HTTP = /^(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) \S+ HTTP\//

/** Greets and answers commands in their order until one side ends the connection. Never rejects. */
export async function converse(dialogue: Dialogue): Promise<void> {
  const { wire, listener } = dialogue
  wire.write(`220 ${listener.hostname} ESMTP Kabutar\r\n`)
  let open = true
  while (open) {
    const farewell = farewellOf(dialogue)
    if (farewell !== undefined) wire.write(serialize(farewell))
    open = farewell === undefined && (await exchange(dialogue))
  }
  wire.hangUp()
}

/** Reads a command, does it and answers; false when it was the last. */
async function exchange(dialogue: Dialogue): Promise<boolean> {
  const { wire, listener } = dialogue
  let command: Command | undefined
  let reply: Reply | undefined
  try {
    const line = await wire.line(listener.limits.commandMs)
    if (line === undefined) return false
    // A browser made to speak to us: what it sends next is under a web page's control.
    if (dialogue.commands === 0 && dialogue.messages === 0 && HTTP.test(line.toString('latin1'))) return false
    dialogue.commands++
    command = parseCommand(line)
    reply = await perform(dialogue, command)
  } catch (error) {
    reply = failureOf(dialogue, command?.verb ?? 'line', error)
  }
  if (reply === undefined) return true
  if (reply.code >= 500) dialogue[command?.verb === 'RCPT' ? 'refusedRecipients' : 'errors']++
  wire.write(serialize(reply))
  return reply.hangUp !== true
}

function perform(dialogue: Dialogue, command: Command): Reply | undefined | Promise<Reply | undefined> {
  switch (command.verb) {
    case 'HELO':
    case 'EHLO':
      return hello(dialogue, command)
    case 'MAIL':
      return mail(dialogue, command)
    case 'RCPT':
      return rcpt(dialogue, command)
    case 'DATA':
      return data(dialogue)
    case 'STARTTLS':
      return starttls(dialogue)
    case 'RSET':
      dialogue.transaction = undefined
      return { code: 250, status: '2.0.0', text: 'Ok' }
    case 'NOOP':
      return { code: 250, status: '2.0.0', text: 'Ok' }
    case 'QUIT':
      return { code: 221, status: '2.0.0', text: 'Bye', hangUp: true }
    case 'HELP':
      return { code: 214, status: '2.0.0', text: 'See RFC 5321' }
    // RFC 5321 section 3.5.3: neither confirms nor denies, since who asks here mostly collects addresses.
    case 'VRFY':
      return { code: 252, status: '2.0.0', text: 'Not verified; send mail to try' }
    case 'EXPN':
      return { code: 502, status: '5.5.1', text: 'Command not implemented' }
  }
}

/** Why no further command is read. */
function farewellOf(dialogue: Dialogue): Reply | undefined {
  const { limits } = dialogue.listener
  if (dialogue.closing && dialogue.transaction === undefined) return SHUTTING_DOWN
  if (dialogue.errors >= limits.errors || dialogue.refusedRecipients >= limits.refusedRecipients) {
    return { code: 421, status: '4.7.0', text: 'Too many errors' }
  }
  if (dialogue.commands >= limits.commandsPerMessage) {
    return { code: 421, status: '4.7.0', text: 'Too many commands without a message' }
  }
  return undefined
}

export const SHUTTING_DOWN: Reply = { code: 421, status: '4.3.2', text: 'Shutting down, come again' }
