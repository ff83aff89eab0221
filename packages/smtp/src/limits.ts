/** What one peer may ask of the server. Times in milliseconds; the defaults are those of RFC 5321 section 4.5.3 or above. */
export interface Limits {
  /** Octets of one message, announced as SIZE. The default is what SES receives: 40 MB. */
  readonly messageBytes: number
  /** Octets read and dropped after a message was refused, so that the connection stays usable. */
  readonly drainBytes: number
  /** Octets of a command line with its CRLF. RFC 5321 asks for 512 and what the extensions add. */
  readonly lineBytes: number
  readonly recipients: number
  readonly connections: number
  /** Of them under TLS, where one that pushes takes about 80 KB; who comes later waits for a place, at most `patienceMs`. */
  readonly securedConnections: number
  /** Once there are so many, whoever has kept us waiting this long for a line, chunk or handshake gives way to a newcomer. */
  readonly patienceMs: number
  /** Of one IPv4 address or IPv6 /64 network; loopback, where proxies and tests live, is exempt. */
  readonly connectionsPerNetwork: number
  readonly messagesPerConnection: number
  /** Commands since the last accepted message, or since the start. */
  readonly commandsPerMessage: number
  /** Refused commands since the last accepted message; refused recipients apart. */
  readonly errors: number
  /** Recipients refused on one connection: whoever asks more often collects addresses. */
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

export const DEFAULT_LIMITS: Limits = {
  messageBytes: 40 * 1024 * 1024,
  drainBytes: 64 * 1024 * 1024,
  lineBytes: 2_048,
  recipients: 100,
  connections: 1_000,
  securedConnections: 200,
  patienceMs: 10_000,
  connectionsPerNetwork: 50,
  messagesPerConnection: 10_000,
  commandsPerMessage: 1_000,
  errors: 10,
  refusedRecipients: 50,
  commandMs: 300_000,
  dataIdleMs: 180_000,
  dataMs: 1_800_000,
  backendMs: 300_000,
}
