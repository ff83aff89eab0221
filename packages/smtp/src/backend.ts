/** What is known of a peer; all of it but the address is what the peer says. */
export interface Session {
  readonly id: string
  readonly remoteAddress: string
  /** The name after HELO or EHLO. */
  readonly helo: string
  readonly esmtp: boolean
  /** Protocol and cipher, where TLS is in use. */
  readonly cipher?: string | undefined
}

/** What came with a message and isn't in it (RFC 5321 section 2.3.1). */
export interface Envelope {
  /** The message's own id, for the operation to keep: fixed before the content, told to the sender with the 250. */
  readonly id: string
  /** Without angle brackets; empty for notifications (RFC 5321 section 4.5.5). */
  readonly returnPath: string
  /** In the order of the RCPT commands, each once, spelled as it came. */
  readonly recipients: readonly string[]
  readonly smtputf8: boolean
  /** The sender declared BODY=8BITMIME; content of eight bits is taken without it too. */
  readonly body8bit: boolean
  /** Octets that the sender announced. */
  readonly size?: number
  readonly helo: string
  readonly remoteAddress: string
  readonly tls: boolean
}

/**
 * Decides what the listener translates. Every refusal is a `MailError`, which becomes the reply; anything else thrown
 * is logged and answered 451, so that the sender tries again.
 */
export interface Backend {
  /**
   * May mail for this address come in? One question for each RCPT, one after another. `<postmaster>` without a domain
   * is asked as postmaster at the host name of the listener (RFC 5321 section 4.5.1).
   */
  recipient(session: Session, address: string): Promise<void>

  /**
   * Takes a message over: once it resolves, the sender is told 250 and forgets the message, so content and queue entry
   * must be durable. The content is exactly what came, without dot stuffing and terminator.
   * Up to 64 KB come whole, once all has arrived, and may be used until this resolves. A larger `body`, or any in a flood, must
   * be read to its end, and is read from the network no faster than it is consumed; a chunk is to be used before the next is
   * asked for, since its memory is gone then. It throws a `MailError` when the content turns out too large or malformed or
   * the peer goes away: then nothing may be kept, and 250 isn't said either way.
   */
  data(session: Session, envelope: Envelope, body: Content): Promise<{ readonly id: string }>
}

export type Content = Uint8Array | AsyncIterable<Uint8Array>
