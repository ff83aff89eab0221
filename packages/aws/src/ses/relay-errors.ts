import { RelayError } from '@kabutar/core/ports/relay.ts'

/** SES's daily quota is a sliding window of 24 hours, so part of it is free again within an hour. */
const QUOTA_RETRY_MS = 60 * 60_000
/** AWS or the operator paused or suspended the account. A person has to undo that, so rare attempts are enough. */
const PAUSED_RETRY_MS = 15 * 60_000
/** A tenant that SES stopped, that is not there, or that may not use the domain or the configuration set. */
const TENANT = /^(AccessDeniedException|NotFoundException|SendingPausedException)$/
const RATE_RETRY_MS = 1_000

type SesFault = Error & {
  readonly code?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

const THROTTLED = /^(Throttling|ThrottlingException|TooManyRequestsException|LimitExceededException)$/
const PAUSED = /^(AccountSuspendedException|SendingPausedException)$/
/** Errors about this message or its domain: a retry would fail in the same way. */
const REFUSED: Readonly<Record<string, { readonly status: string; readonly replyCode: number }>> = {
  MessageRejected: { status: '5.6.0', replyCode: 554 },
  MailFromDomainNotVerifiedException: { status: '5.7.1', replyCode: 550 },
  BadRequestException: { status: '5.6.0', replyCode: 554 },
}
/** Codes of a connection that was never established: no request was written. */
const NEVER_CONNECTED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO)/

/**
 * Turns an error of SendEmail into a RelayError. Faults of the installation (credentials, a missing configuration set) are
 * `transient`, because the message is not at fault. A fault of a tenant holds up the mail of its account alone. What failed after the request was written is `ambiguous`.
 */
export function sesError(cause: unknown): RelayError {
  const fault = cause as SesFault
  const name = fault?.name ?? ''
  const message = fault?.message ?? String(cause)
  if (THROTTLED.test(name)) return throttled(name, message, cause)
  if (TENANT.test(name) && /tenant/i.test(message)) {
    return new RelayError('throttled', message, { cause, retryAfterMs: PAUSED_RETRY_MS })
  }
  if (PAUSED.test(name)) {
    return new RelayError('throttled', message, { cause, retryAfterMs: PAUSED_RETRY_MS, pause: 'relay_paused' })
  }
  const refused = REFUSED[name]
  if (refused) return new RelayError('permanent', message, { cause, ...refused })
  const httpStatus = fault?.$metadata?.httpStatusCode
  if (httpStatus === 413) return new RelayError('permanent', message, { cause, status: '5.3.4', replyCode: 552 })
  if (httpStatus !== undefined && httpStatus >= 400 && httpStatus < 500) {
    return new RelayError('transient', `SES refuses us: ${name}`, { cause })
  }
  if (neverWritten(fault)) return new RelayError('transient', `SES was not reached: ${message}`, { cause })
  return new RelayError('ambiguous', `SES may have taken the message: ${name || message}`, { cause })
}

/** Tells the send rate from the daily quota by the text, because SES uses the same error names for both. */
function throttled(name: string, message: string, cause: unknown): RelayError {
  const quota = /quota/i.test(message) || name === 'LimitExceededException'
  return quota
    ? new RelayError('throttled', message, { cause, retryAfterMs: QUOTA_RETRY_MS, pause: 'quota' })
    : new RelayError('throttled', message, { cause, retryAfterMs: RATE_RETRY_MS, pause: 'throttled' })
}

function neverWritten({ name, code = '', message }: SesFault): boolean {
  if (NEVER_CONNECTED.test(code) || name === 'CredentialsProviderError') return true
  return name === 'TimeoutError' && message.includes('did not establish a connection')
}
