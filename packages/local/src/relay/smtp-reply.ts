import { type Rejection, RelayError } from '@kabutar/core/ports/relay.ts'

/** An error of nodemailer, which exports no type for it. */
export type SmtpFailure = Error & {
  readonly code?: string
  readonly command?: string
  readonly response?: string
  readonly responseCode?: number
  readonly recipient?: string
  readonly rejectedErrors?: readonly SmtpFailure[]
}

const MAX_DIAGNOSTIC = 500
const TOO_FAST = /throttl|rate limit|sending rate|too many (?:connections|messages|recipients this)|slow down/i
const QUEUED_AS = /\bqueued as ([^\s<>()]+)|\bid=([^\s<>();]+)/i

/** Parses the enhanced status code of a reply (RFC 2034 section 4), if its class agrees with the reply code. */
export function statusOf(response: string): string | undefined {
  const [, reply, status] = /^([245])\d\d[ -]([245]\.\d{1,3}\.\d{1,3})(?:\s|$)/.exec(response) ?? []
  return status?.[0] === reply ? status : undefined
}

/** Parses the id that the next hop gave the message: `queued as …` or `id=…`. Empty if the reply has none. */
export function relayIdOf(response: string): string {
  const [, queuedAs, id] = QUEUED_AS.exec(response) ?? []
  return queuedAs ?? id ?? ''
}

/** Writes a reply as one line of text, without the codes that its further lines repeat. */
function diagnosticOf(response: string): string {
  return response.replace(/\r?\n(?:\d{3}[ -](?:[245]\.\d{1,3}\.\d{1,3}\s)?)?/g, ' ').slice(0, MAX_DIAGNOSTIC)
}

export function rejectionOf(recipient: string, { response = '', responseCode = 0 }: SmtpFailure): Rejection {
  const status = statusOf(response)
  return { recipient, replyCode: responseCode, ...(status && { status }), diagnostic: diagnosticOf(response) }
}

/**
 * Turns a failure into the relay's error. After `handedOver`, when the last byte went to the socket, a failure without a
 * reply is ambiguous: the next hop may have accepted the message (RFC 1047).
 */
export function relayErrorOf(failure: SmtpFailure, handedOver: boolean): RelayError {
  const { code, command, response = '', responseCode, message } = failure
  const status = statusOf(response)
  const options = { cause: failure, ...(responseCode && { replyCode: responseCode }), ...(status && { status }) }
  const text = diagnosticOf(response || message)
  // After the final dot, only the reply to it decides.
  if (handedOver && !(code === 'EMESSAGE' && responseCode)) return new RelayError('ambiguous', text, options)
  if (responseCode && responseCode < 500 && TOO_FAST.test(response)) return new RelayError('throttled', text, options)
  // A failed login is a fault of the settings, not of the message.
  if (code === 'EAUTH') return new RelayError('transient', text, options)
  if (command === 'MAIL FROM' && code === 'EMESSAGE') {
    return new RelayError('permanent', text, { ...options, replyCode: 552, status: '5.3.4' })
  }
  if (code === 'EENVELOPE' && command === 'API') return new RelayError('permanent', text, options)
  const refused = code === 'EENVELOPE' || code === 'EMESSAGE'
  // 503 means a bad sequence of commands; it does not reject the message.
  const permanent = refused && responseCode !== undefined && responseCode >= 500 && responseCode !== 503
  return new RelayError(permanent ? 'permanent' : 'transient', text, options)
}
