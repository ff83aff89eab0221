import { type ErrorCode, MailError } from '@kabutar/core/errors.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** An error as the wire has it; `statusCode` is the HTTP status too. */
type WireError = { readonly statusCode: ContentfulStatusCode; readonly name: string; readonly message: string }

const WIRE = {
  invalid_message: [422, 'validation_error'],
  invalid_from: [422, 'invalid_from_address'],
  missing_field: [422, 'missing_required_field'],
  invalid_parameter: [422, 'invalid_parameter'],
  invalid_attachment: [422, 'invalid_attachment'],
  message_too_large: [422, 'validation_error'],
  too_many_recipients: [422, 'validation_error'],
  sender_not_verified: [403, 'validation_error'],
  storage_full: [403, 'email_above_quota'],
  sending_paused: [403, 'suspended_api_key'],
  recipient_unknown: [422, 'validation_error'],
  relay_denied: [403, 'validation_error'],
  missing_key: [401, 'missing_api_key'],
  invalid_key: [403, 'invalid_api_key'],
  restricted_key: [401, 'restricted_api_key'],
  not_found: [404, 'not_found'],
  conflict: [409, 'resource_locked'],
  invalid_idempotency_key: [400, 'invalid_idempotency_key'],
  idempotency_mismatch: [409, 'invalid_idempotent_request'],
  idempotency_in_flight: [409, 'concurrent_idempotent_requests'],
  unavailable: [503, 'service_unavailable'],
  busy: [503, 'service_unavailable'],
} as const satisfies Record<ErrorCode, readonly [ContentfulStatusCode, string]>

/** Refusals that only HTTP knows. */
const HTTP = {
  invalid_access: 403,
  method_not_allowed: 405,
  internal_server_error: 500,
} as const satisfies Record<string, ContentfulStatusCode>

export type WireErrorName = (typeof WIRE)[ErrorCode][1] | keyof typeof HTTP
/** The status of each name; `validation_error` has others beside 422. */
export const ERROR_STATUS: Readonly<Record<string, ContentfulStatusCode>> = {
  ...HTTP,
  ...Object.fromEntries(Object.values(WIRE).map(([status, name]) => [name, status])),
  validation_error: 422,
}

/** A refusal for a reason that only HTTP knows: the path, the method, a body that is not JSON. */
export class HttpError extends Error {
  readonly status: ContentfulStatusCode
  readonly wireName: WireErrorName
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: ContentfulStatusCode,
    wireName: WireErrorName,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.headers = headers
    this.status = status
    this.wireName = wireName
  }
}

/** Maps an error to what the caller sees. An unknown error shows nothing of itself; the caller of this function logs it. */
export function wireErrorOf(error: unknown): WireError {
  if (error instanceof HttpError) return { statusCode: error.status, name: error.wireName, message: error.message }
  if (error instanceof MailError) {
    const [statusCode, name] = WIRE[error.code]
    return { statusCode, name, message: error.message }
  }
  if (error instanceof StoreError && ['Throttled', 'Unavailable', 'Conflict'].includes(error.code)) {
    return { statusCode: 503, name: 'service_unavailable', message: 'The service is busy. Please try again.' }
  }
  if (error instanceof StoreError && error.code === 'TooLarge') {
    return { statusCode: 422, name: 'validation_error', message: 'The request is larger than what can be stored.' }
  }
  return { statusCode: 500, name: 'internal_server_error', message: 'Internal error' }
}
