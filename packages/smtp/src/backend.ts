/** What the server knows of a session; all of it but the address is what the client says. */
export interface SessionInfo {
  readonly id: string
  readonly remoteAddress: string
  /** The name after HELO or EHLO. */
  readonly helo: string
  readonly esmtp: boolean
  /** Protocol and cipher suite, where TLS is in use. */
  readonly cipher?: string | undefined
}

/** The envelope of a message (RFC 5321 section 2.3.1), and what the server knows of its sender. */
export interface Envelope {
  /** Names the message. It is fixed before the content comes, and the 250 tells it to the client. */
  readonly id: string
  /** Without angle brackets; empty for notifications (RFC 5321 section 4.5.5). */
  readonly returnPath: string
  /** In the order of the RCPT commands, each once, spelled as it came. */
  readonly recipients: readonly string[]
  readonly smtputf8: boolean
  /** The client declared BODY=8BITMIME. Content with eighth bits is accepted without it too. */
  readonly body8bit: boolean
  /** Octets that the client announced. */
  readonly size?: number
  readonly helo: string
  readonly remoteAddress: string
  readonly tls: boolean
}

/** Mail data (RFC 5321 section 2.3.1): the content as it came, without dot stuffing and terminator. */
export type MailData = Uint8Array | AsyncIterable<Uint8Array>

/**
 * Decides what the server only translates. Each refusal is a `MailError` and becomes the reply; any other error is logged
 * and answered 451, so that the client tries again.
 */
export interface Backend {
  /**
   * Resolves if mail for `address` is accepted. Called for one RCPT at a time. `<postmaster>` without a domain is asked as
   * postmaster at the host name of the server (RFC 5321 section 4.5.1).
   */
  recipient(session: SessionInfo, address: string): Promise<void>

  /**
   * Takes responsibility for a message. Once it resolves the client reads 250 and forgets the message, so content and queue
   * entry must be durable by then.
   * Up to 64 KB come as one Uint8Array, after the terminator was read. A larger `data` must be iterated to its end, and is
   * read from the network no faster than that. It throws a `MailError` if the content is too large or malformed or the client
   * goes away; nothing may be kept then, and 250 isn't answered whatever this does.
   */
  data(session: SessionInfo, envelope: Envelope, data: MailData): Promise<{ readonly id: string }>
}
