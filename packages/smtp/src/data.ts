import type { Envelope } from './backend.ts'
import { DataReader } from './data-reader.ts'
import type { Reply } from './replies.ts'
import { replyOf } from './replies.ts'
import type { Session, Transaction } from './session.ts'
import { infoOf, replyToError } from './session.ts'

/**
 * Performs DATA (RFC 5321 section 4.1.1.4). 250 makes the server responsible for the message, so it is answered only after
 * the backend has resolved and the content was read to its terminator. A refused message is read to its end too, within bounds.
 */
export async function data(session: Session): Promise<Reply> {
  const { transaction, listener, connection } = session
  if (transaction === undefined) return { code: 503, status: '5.5.1', text: 'Say MAIL first' }
  if (transaction.recipients.length === 0) return { code: 554, status: '5.5.1', text: 'No valid recipients' }
  connection.write({ code: 354, text: 'End data with <CR><LF>.<CR><LF>' })
  connection.flush()
  const reader = new DataReader(connection, listener.limits, listener.clock)
  const reply = await accept(session, envelopeOf(session, transaction), reader)
  session.transaction = undefined
  if (!(await reader.drain())) return { ...reply, hangUp: true }
  if (reply.code === 250) {
    session.messages++
    session.commands = 0
    session.errors = 0
  }
  return reply
}

async function accept(session: Session, envelope: Envelope, reader: DataReader): Promise<Reply> {
  const { backend, limits } = session.listener
  try {
    const content = await reader.begin()
    if (content === undefined) return replyOf(reader.refusal)
    session.connection.allow(limits.backendMs)
    const { id } = await backend.data(infoOf(session), envelope, content)
    if (reader.refusal) return replyOf(reader.refusal)
    if (!reader.ended) throw new Error('the backend has not read the message to its end')
    return { code: 250, status: '2.0.0', text: `Ok: queued as ${id}` }
  } catch (error) {
    return reader.refusal ? replyOf(reader.refusal) : replyToError(session, 'DATA', error)
  }
}

function envelopeOf(session: Session, transaction: Transaction): Envelope {
  const { listener, helo = '', remoteAddress, cipher } = session
  return { ...transaction, id: listener.ids.next(), helo, remoteAddress, tls: cipher !== undefined }
}
