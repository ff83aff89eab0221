import { type Rejection, RelayError } from '@kabutar/core/ports/relay.ts'

/** What nodemailer says of a failure; it exports no type for this. */
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

/** The enhanced status code of a reply (RFC 2034 section 4), if its class agrees with the reply code. */
export function statusOf(response: string): string | undefined {
  const [, reply, status] = /^([245])\d\d[ -]([245]\.\d{1,3}\.\d{1,3})(?:\s|$)/.exec(response) ?? []
  return status?.[0] === reply ? status : undefined
}

/** What the next hop calls the message it took: `queued as …` or `id=…`; empty if it does not say. */
export function relayIdOf(response: string): string {
  const [, queuedAs, id] = QUEUED_AS.exec(response) ?? []
  return queuedAs ?? id ?? ''
}

/** A reply as one line of text, without its codes where lines repeat them. */
function diagnosticOf(response: string): string {
  return response.replace(/\r?\n(?:\d{3}[ -](?:[245]\.\d{1,3}\.\d{1,3}\s)?)?/g, ' ').slice(0, MAX_DIAGNOSTIC)
}

export function rejectionOf(recipient: string, { response = '', responseCode = 0 }: SmtpFailure): Rejection {
  const status = statusOf(response)
  return { recipient, replyCode: responseCode, ...(status && { status }), diagnostic: diagnosticOf(response) }
}

/**
 * Why nobody, or perhaps somebody, has the message. `handedOver`: its last byte went to the socket, so that without a
 * reply nobody knows (RFC 1047).
 */
export function relayErrorOf(failure: SmtpFailure, handedOver: boolean): RelayError {
  const { code, command, response = '', responseCode, message } = failure
  const status = statusOf(response)
  const options = { cause: failure, ...(responseCode && { replyCode: responseCode }), ...(status && { status }) }
  const text = diagnosticOf(response || message)
  // After the final dot only its own reply tells.
  if (handedOver && !(code === 'EMESSAGE' && responseCode)) return new RelayError('ambiguous', text, options)
  if (responseCode && responseCode < 500 && TOO_FAST.test(response)) return new RelayError('throttled', text, options)
  // A login that fails is the operator's to mend, not the message's fault.
  if (code === 'EAUTH') return new RelayError('transient', text, options)
  if (command === 'MAIL FROM' && code === 'EMESSAGE') {
    return new RelayError('permanent', text, { ...options, replyCode: 552, status: '5.3.4' })
  }
  if (code === 'EENVELOPE' && command === 'API') return new RelayError('permanent', text, options)
  const refused = code === 'EENVELOPE' || code === 'EMESSAGE'
  // 503 says that the session is out of step, not that the message is bad.
  const forGood = refused && responseCode !== undefined && responseCode >= 500 && responseCode !== 503
  return new RelayError(forGood ? 'permanent' : 'transient', text, options)
}
