import { giveBack } from '@kabutar/core/lent.ts'
import type { Envelope } from './backend.ts'
import { Body } from './body.ts'
import type { Dialogue, Transaction } from './dialogue.ts'
import { sessionOf } from './dialogue.ts'
import { failureOf } from './failure.ts'
import type { Reply } from './replies.ts'
import { replyOf } from './replies.ts'

/**
 * DATA (RFC 5321 section 4.1.1.4): 250 means that the message is ours from now on, so it is said only when the backend has
 * resolved and the content was read to its terminator. A refused message is still read to its end, within bounds.
 */
export async function data(dialogue: Dialogue): Promise<Reply> {
  const { transaction, listener, wire } = dialogue
  if (transaction === undefined) return { code: 503, status: '5.5.1', text: 'Say MAIL first' }
  if (transaction.recipients.length === 0) return { code: 554, status: '5.5.1', text: 'No valid recipients' }
  wire.write('354 End data with <CR><LF>.<CR><LF>\r\n')
  wire.flush()
  const body = new Body(wire, listener.limits, listener.room)
  const reply = await accept(dialogue, envelopeOf(dialogue, transaction), body)
  dialogue.transaction = undefined
  if (!(await body.drain())) return { ...reply, hangUp: true }
  if (reply.code === 250) {
    dialogue.messages++
    dialogue.commands = 0
    dialogue.errors = 0
  }
  return reply
}

async function accept(dialogue: Dialogue, envelope: Envelope, body: Body): Promise<Reply> {
  const { backend, limits } = dialogue.listener
  try {
    const content = await body.begin()
    if (content === undefined) return replyOf(body.refusal)
    dialogue.wire.allow(limits.backendMs)
    const { id } = await backend.data(sessionOf(dialogue), envelope, content)
    if (content instanceof Uint8Array) giveBack(content)
    if (body.refusal) return replyOf(body.refusal)
    if (!body.ended) throw new Error('the backend has not read the message to its end')
    return { code: 250, status: '2.0.0', text: `Ok: queued as ${id}` }
  } catch (error) {
    return body.refusal ? replyOf(body.refusal) : failureOf(dialogue, 'DATA', error)
  }
}

function envelopeOf(dialogue: Dialogue, transaction: Transaction): Envelope {
  const { listener, helo = '', remoteAddress, cipher } = dialogue
  return { ...transaction, id: listener.ids.next(), helo, remoteAddress, tls: cipher !== undefined }
}
