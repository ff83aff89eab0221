import type { ErrorCode } from '@kabutar/core/errors.ts'
import { MailError } from '@kabutar/core/errors.ts'

/** The answer to one command. */
export interface Reply {
  readonly code: number
  /** Enhanced status code (RFC 2034); the greeting, HELO, EHLO and 354 carry none. */
  readonly status?: string
  /** Several lines only for EHLO. */
  readonly text: string | readonly string[]
  /** The server closes the connection after this reply. */
  readonly hangUp?: boolean
}

/** A refusal by the protocol itself: it carries its reply, which quotes nothing of the input. */
export class SmtpError extends Error {
  readonly reply: Reply

  constructor(code: number, status: string, text: string, options: { hangUp?: boolean } = {}) {
    super(text)
    this.name = 'SmtpError'
    this.reply = { code, status, text, ...options }
  }
}

/** The SMTP reply code of each refusal of an operation; the enhanced status code comes from the error itself. */
export const REPLY_CODES = {
  invalid_message: 550,
  invalid_from: 550,
  missing_field: 550,
  invalid_parameter: 501,
  invalid_attachment: 550,
  message_too_large: 552,
  too_many_recipients: 550,
  sender_not_verified: 550,
  storage_full: 452,
  sending_paused: 451,
  recipient_unknown: 550,
  relay_denied: 550,
  missing_key: 530,
  invalid_key: 535,
  restricted_key: 550,
  not_found: 550,
  conflict: 554,
  invalid_idempotency_key: 501,
  idempotency_mismatch: 554,
  idempotency_in_flight: 451,
  unavailable: 451,
  busy: 452,
} satisfies Record<ErrorCode, number>

const LOCAL_ERROR: Reply = { code: 451, status: '4.3.0', text: 'Local error, try again later' }

/** The reply to a failed operation. An unknown error is temporary and shows nothing of itself. */
export function replyOf(error: unknown): Reply {
  if (error instanceof SmtpError) return error.reply
  if (!(error instanceof MailError)) return LOCAL_ERROR
  return { code: REPLY_CODES[error.code], status: error.status, text: printable(error.message) }
}

/** Reply lines end in CRLF and have at most 512 octets (RFC 5321 section 4.5.3.1.5). */
export function serialize(reply: Reply): string {
  const prefix = reply.status === undefined ? '' : `${reply.status} `
  if (typeof reply.text === 'string') return `${reply.code} ${prefix}${reply.text}\r\n`
  const last = reply.text.length - 1
  return reply.text.map((line, i) => `${reply.code}${i === last ? ' ' : '-'}${prefix}${line}\r\n`).join('')
}

/** Replaces all but printable ASCII: an error may quote the client, whose line breaks must not start another reply. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 400)
}
