/**
 * Passes outbound mail to the next hop. One call is one SMTP transaction (or one SES call) for one message and its
 * recipients. A result names what happened to each recipient. A throw means that no recipient got the message, except
 * `ambiguous`: the next hop may have accepted it, and only an event with our tag or a second attempt will show that.
 */
export type RelayEnvelope = {
  /** MAIL FROM (RFC 5321 section 4.1.1.2); may be empty. */
  readonly returnPath: string
  /** RCPT TO, each once. */
  readonly recipients: readonly string[]
}
export type Rejection = {
  readonly recipient: string
  readonly replyCode: number
  /** Enhanced status code (RFC 3463), if the next hop gave one. */
  readonly status?: string
  readonly diagnostic: string
  /** The message was refused after its recipients were accepted, so the refusal says nothing about the address. */
  readonly refused?: 'message'
}
export type RelayResult = {
  /** The next hop's id of the message; empty if it gives none. */
  readonly relayId: string
  /** The Message-ID that recipients see, with angle brackets, where the next hop puts its own in place of ours. */
  readonly messageId?: string
  /** `delivered`: in the recipient's mailbox. `sent`: the next hop accepted the message, and may report more about it. */
  readonly outcome: 'sent' | 'delivered'
  /** Quotes the next hop's reply by which it accepted the message. */
  readonly response?: string
  /** Recipients that were refused at RCPT or DATA: 4yz may be tried again, 5yz may not. All others were accepted. */
  readonly rejected: readonly Rejection[]
}
export type RelayOptions = {
  /** With angle brackets; the same in each attempt. */
  readonly messageId: string
  /** Whose mail it is. */
  readonly accountId?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export interface Relay {
  /** The next hop's name, for people. */
  readonly host?: string
  /** True if every message is kept and none leaves. */
  readonly captures?: boolean
  readonly limits: { readonly maxRawBytes: number; readonly maxRecipients: number }
  /** @throws {RelayError} */
  send(envelope: RelayEnvelope, raw: Uint8Array, options: RelayOptions): Promise<RelayResult>
  /** Connects, says EHLO and logs in, without a message. @throws {RelayError} */
  verify?(): Promise<void>
  close?(): Promise<void>
}

/** `throttled`: slow down. `transient`: try later. `permanent`: never. `ambiguous`: the message may have been accepted. */
export type RelayErrorKind = 'throttled' | 'transient' | 'permanent' | 'ambiguous'

/** Names why a relay accepts no mail of any account for now: we send too fast, the day's quota is spent, or the relay was paused. */
export type RelayPause = 'throttled' | 'quota' | 'relay_paused'

export class RelayError extends Error {
  readonly kind: RelayErrorKind
  readonly replyCode: number | undefined
  readonly status: string | undefined
  readonly retryAfterMs: number | undefined
  /** Set if `throttled` concerns all messages and not this one alone. */
  readonly pause: RelayPause | undefined

  constructor(
    kind: RelayErrorKind,
    message: string,
    options: ErrorOptions & { replyCode?: number; status?: string; retryAfterMs?: number; pause?: RelayPause } = {},
  ) {
    super(message, options)
    this.name = 'RelayError'
    this.kind = kind
    this.replyCode = options.replyCode
    this.status = options.status
    this.retryAfterMs = options.retryAfterMs
    this.pause = options.pause
  }
}
