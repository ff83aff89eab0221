/** A real SMTP server on loopback that accepts mail or refuses it by script: the next hop of the flow tests. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'

/** `reply` is what the peer answers, such as `550 5.1.1 No such user`; `times` how often, before it accepts. */
export type Behaviour =
  | { readonly at: 'rcpt' | 'data'; readonly reply: string; readonly times?: number }
  /** Closes the connection after the whole message without an answer, and keeps the message or not. */
  | { readonly at: 'drop'; readonly keeps: boolean; readonly times?: number }
  /** Answers the message late. */
  | { readonly at: 'delay'; readonly ms: number; readonly times?: number }

/** Behaviours by local part. Other recipients are accepted, and so are these once their `times` are used up. */
const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  defer: { at: 'rcpt', reply: '451 4.3.0 Try again later' },
  full: { at: 'rcpt', reply: '452 4.2.2 Mailbox full' },
  bounce: { at: 'rcpt', reply: '550 5.1.1 No such user' },
  plain: { at: 'rcpt', reply: '550 Not here' },
  refuse: { at: 'data', reply: '554 5.7.1 Content refused' },
  later: { at: 'data', reply: '451 4.7.1 Greylisted' },
  once: { at: 'rcpt', reply: '450 4.2.0 Greylisted', times: 1 },
  drop: { at: 'drop', keeps: true, times: 1 },
  lose: { at: 'drop', keeps: false, times: 1 },
}

export type Received = {
  readonly envelope: { readonly returnPath: string; readonly recipients: readonly string[] }
  /** The bytes between DATA's 354 and its dot, dots unstuffed. */
  readonly raw: Buffer
  readonly user: string | undefined
  readonly secure: boolean
  readonly receivedAt: number
}
/** One answer to a RCPT TO. */
export type Attempt = { readonly recipient: string; readonly replyCode: number; readonly at: number }

export type SmtpPeerOptions = {
  /** Overrides BEHAVIOURS. */
  readonly behaviours?: Readonly<Record<string, Behaviour>>
  /** @default any free one */
  readonly port?: number
  /** If set, mail without these credentials is refused. */
  readonly auth?: { readonly user: string; readonly password: string }
  /** Offers STARTTLS, with a certificate that nobody trusts. */
  readonly startTls?: boolean
  readonly maxBytes?: number
}
export type SmtpPeer = AsyncDisposable & {
  readonly port: number
  /** The value of `KABUTAR_RELAY`, with credentials if the peer wants them. */
  readonly url: string
  /** The messages accepted so far, in order. */
  received(): readonly Received[]
  attempts(): readonly Attempt[]
  /** Resolves with the accepted messages once `enough` is true. @throws {Error} after `timeoutMs` (10 s) */
  waitFor(
    enough: number | ((received: readonly Received[]) => boolean),
    timeoutMs?: number,
  ): Promise<readonly Received[]>
  /** Cuts open connections. */
  close(): Promise<void>
}

type Waiter = { enough(): boolean; resolve(): void }

export async function startSmtpPeer(options: SmtpPeerOptions = {}): Promise<SmtpPeer> {
  const received: Received[] = []
  const attempts: Attempt[] = []
  const waiters = new Set<Waiter>()
  const script = scriptOf({ ...BEHAVIOURS, ...options.behaviours })
  const take = (message: Received) => {
    received.push(message)
    for (const waiter of waiters) if (waiter.enough()) waiter.resolve()
  }
  const server = serverOf(options, script, take, attempts)
  server.on('error', () => {
    // A killed client resets its connection; the tests look at what was received.
  })
  await once(server.listen(options.port ?? 0, '127.0.0.1'), 'listening')
  const { port } = server.server.address() as AddressInfo
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    cutConnections(server)
    await closed
  }
  return {
    port,
    url: urlOf(port, options.auth),
    received: () => [...received],
    attempts: () => [...attempts],
    waitFor: (enough, timeoutMs = 10_000) => waitFor(received, waiters, enough, timeoutMs),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Answers the behaviour that a recipient meets at a stage, and counts it. */
function scriptOf(behaviours: Readonly<Record<string, Behaviour>>) {
  const used = new Map<string, number>()
  return <T extends Behaviour['at']>(recipient: string, ...stages: T[]): (Behaviour & { at: T }) | undefined => {
    const behaviour = behaviours[recipient.slice(0, recipient.lastIndexOf('@'))]
    if (!behaviour || !stages.includes(behaviour.at as T)) return undefined
    const times = (used.get(recipient) ?? 0) + 1
    used.set(recipient, times)
    return times <= (behaviour.times ?? Number.POSITIVE_INFINITY) ? (behaviour as Behaviour & { at: T }) : undefined
  }
}

/** The code goes to SMTPServer apart from the text, which may hold an enhanced status code. */
function refusal(reply: string): Error {
  return Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) })
}

function serverOf(
  options: SmtpPeerOptions,
  script: ReturnType<typeof scriptOf>,
  take: (message: Received) => void,
  attempts: Attempt[],
): SMTPServer {
  const server: SMTPServer = new SMTPServer({
    logger: false,
    disableReverseLookup: true,
    authOptional: !options.auth,
    allowInsecureAuth: true,
    disabledCommands: [...(options.startTls ? [] : ['STARTTLS']), ...(options.auth ? [] : ['AUTH'])],
    size: options.maxBytes ?? 30_000_000,
    closeTimeout: 1000,
    onAuth({ username, password }, _session, done) {
      const known = username === options.auth?.user && password === options.auth?.password
      if (known) done(null, { user: username })
      else done(refusal('535 5.7.8 Credentials refused'))
    },
    onRcptTo({ address }, _session, done) {
      const reply = script(address, 'rcpt')?.reply
      attempts.push({ recipient: address, replyCode: reply ? Number(reply.slice(0, 3)) : 250, at: Date.now() })
      done(reply ? refusal(reply) : null)
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', (error: Error) => done(error))
      stream.on('end', () => {
        const message = messageOf(session, Buffer.concat(chunks))
        if (stream.sizeExceeded) done(refusal('552 5.3.4 Message too large'))
        else answer(message, script, take, done, () => cutConnections(server, session.id))
      })
    },
  })
  return server
}

function answer(
  message: Received,
  script: ReturnType<typeof scriptOf>,
  take: (message: Received) => void,
  done: (error?: Error | null, text?: string) => void,
  cut: () => void,
): void {
  const [behaviour] = message.envelope.recipients.flatMap((address) => script(address, 'data', 'drop', 'delay') ?? [])
  const refused = behaviour?.at === 'data' || (behaviour?.at === 'drop' && !behaviour.keeps)
  if (!refused) take(message)
  if (behaviour?.at === 'data') done(refusal(behaviour.reply))
  else if (behaviour?.at === 'drop') cut()
  else setTimeout(() => done(null, '2.0.0 Taken'), behaviour?.ms ?? 0)
}

function messageOf(session: SMTPServerSession, raw: Buffer): Received {
  const { mailFrom, rcptTo } = session.envelope
  return {
    envelope: { returnPath: mailFrom ? mailFrom.address : '', recipients: rcptTo.map(({ address }) => address) },
    raw,
    user: typeof session.user === 'string' ? session.user : undefined,
    secure: session.secure,
    receivedAt: Date.now(),
  }
}

/** Closes all connections, or that of one session. */
function cutConnections(server: SMTPServer, id?: string): void {
  for (const connection of server.connections) {
    if (id === undefined || connection.session.id === id) connection._socket.destroy()
  }
}

function urlOf(port: number, auth: SmtpPeerOptions['auth']): string {
  const credentials = auth ? `${encodeURIComponent(auth.user)}:${encodeURIComponent(auth.password)}@` : ''
  return `smtp://${credentials}127.0.0.1:${port}`
}

async function waitFor(
  received: readonly Received[],
  waiters: Set<Waiter>,
  enough: number | ((received: readonly Received[]) => boolean),
  timeoutMs: number,
): Promise<readonly Received[]> {
  const isEnough = typeof enough === 'number' ? () => received.length >= enough : () => enough(received)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const waiter = { enough: isEnough, resolve }
  const late = setTimeout(
    () => reject(new Error(`only ${received.length} messages came within ${timeoutMs} ms`)),
    timeoutMs,
  )
  waiters.add(waiter)
  if (isEnough()) resolve()
  try {
    await promise
    return [...received]
  } finally {
    clearTimeout(late)
    waiters.delete(waiter)
  }
}
