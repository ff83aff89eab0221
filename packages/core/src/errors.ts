/** Every way an operation can refuse. `detail` is RFC 3463 without the class; each front end maps every code once. */
const ERRORS = {
  invalid_message: { temporary: false, detail: '6.0' },
  invalid_from: { temporary: false, detail: '1.7' },
  missing_field: { temporary: false, detail: '6.0' },
  invalid_parameter: { temporary: false, detail: '5.4' },
  invalid_attachment: { temporary: false, detail: '6.0' },
  message_too_large: { temporary: false, detail: '3.4' },
  too_many_recipients: { temporary: false, detail: '5.3' },
  sender_not_verified: { temporary: false, detail: '7.1' },
  recipient_unknown: { temporary: false, detail: '1.1' },
  relay_denied: { temporary: false, detail: '7.1' },
  missing_key: { temporary: false, detail: '7.0' },
  invalid_key: { temporary: false, detail: '7.8' },
  storage_full: { temporary: true, detail: '2.2' },
  sending_paused: { temporary: true, detail: '7.1' },
  restricted_key: { temporary: false, detail: '7.1' },
  not_found: { temporary: false, detail: '1.1' },
  conflict: { temporary: false, detail: '3.0' },
  invalid_idempotency_key: { temporary: false, detail: '5.4' },
  idempotency_mismatch: { temporary: false, detail: '5.4' },
  idempotency_in_flight: { temporary: true, detail: '5.4' },
  unavailable: { temporary: true, detail: '3.0' },
  busy: { temporary: true, detail: '3.1' },
} as const
export type ErrorCode = keyof typeof ERRORS

/** A refusal that the caller may see: `message` names no host, key or policy of ours. */
export class MailError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MailError'
    this.code = code
  }

  get temporary(): boolean {
    return ERRORS[this.code].temporary
  }

  /** Enhanced status code (RFC 3463); its class comes from `temporary`, so the two cannot disagree. */
  get status(): string {
    return `${this.temporary ? 4 : 5}.${ERRORS[this.code].detail}`
  }
}
