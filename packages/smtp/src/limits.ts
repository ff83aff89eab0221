/** Bounds of the server and of each session. Times are in milliseconds; the defaults are those of RFC 5321 section 4.5.3 or above. */
export interface SmtpLimits {
  /** Open connections in all. */
  readonly connections: number
  /** Open connections of one IPv4 /24 or IPv6 /64. */
  readonly connectionsPerNetwork: number
  /** Open connections of one address. */
  readonly connectionsPerAddress: number
  /** At one of these three limits, a peer that has kept the server waiting for at least this long gives way to a new one. */
  readonly minRestMs: number
  /** Octets of one message, announced as SIZE. The default is what SES receives: 40 MB. */
  readonly messageBytes: number
  /** Octets that are read and dropped after a message was refused, so that the connection stays usable. */
  readonly drainBytes: number
  /** Octets of a command line with its CRLF. RFC 5321 asks for 512 and what the extensions add. */
  readonly lineBytes: number
  readonly recipients: number
  readonly messagesPerConnection: number
  /** Commands since the last accepted message, or since the start. */
  readonly commandsPerMessage: number
  /** Refused commands since the last accepted message, without refused recipients. */
  readonly errors: number
  /** Refused recipients of one connection: a client with more of them collects addresses. */
  readonly refusedRecipients: number
  /** For a whole command line, and for a TLS handshake. */
  readonly commandMs: number
  /** For the next octet of a message. */
  readonly dataIdleMs: number
  /** For a whole message. */
  readonly dataMs: number
  /** For the backend to answer. */
  readonly backendMs: number
}

export const DEFAULT_LIMITS: SmtpLimits = {
  connections: 1_000,
  connectionsPerNetwork: 50,
  connectionsPerAddress: 20,
  minRestMs: 2_000,
  messageBytes: 40 * 1024 * 1024,
  drainBytes: 64 * 1024 * 1024,
  lineBytes: 2_048,
  recipients: 100,
  messagesPerConnection: 10_000,
  commandsPerMessage: 1_000,
  errors: 10,
  refusedRecipients: 50,
  commandMs: 300_000,
  dataIdleMs: 180_000,
  dataMs: 1_800_000,
  backendMs: 300_000,
}
