import type { SecureContext } from 'node:tls'
import { MailError } from '@kabutar/core/errors.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Ids } from '@kabutar/core/ports/ids.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Backend, SessionInfo } from './backend.ts'
import type { Connection } from './connection.ts'
import type { SmtpLimits } from './limits.ts'
import { type Reply, replyOf, SmtpError } from './replies.ts'

/** What all sessions of a server share. */
export interface Listener {
  readonly hostname: string
  readonly backend: Backend
  readonly log: Log
  readonly ids: Ids
  readonly clock: Clock
  readonly limits: SmtpLimits
  /** Returns the TLS context for a new connection. Undefined without a certificate. */
  readonly secureContext: (() => SecureContext) | undefined
}

/** A mail transaction (RFC 5321 section 3.3): from MAIL to the end of DATA, RSET or a new EHLO. */
export interface Transaction {
  readonly returnPath: string
  readonly recipients: string[]
  readonly smtputf8: boolean
  readonly body8bit: boolean
  readonly size?: number
}

/** The state of one SMTP session. The commands change it, each in its file. */
export interface Session {
  readonly id: string
  readonly remoteAddress: string
  readonly connection: Connection
  readonly listener: Listener
  helo: string | undefined
  esmtp: boolean
  cipher: string | undefined
  transaction: Transaction | undefined
  /** Accepted in this session. */
  messages: number
  /** Since the last accepted message. */
  commands: number
  errors: number
  refusedRecipients: number
  /** The server is closing: no new transaction begins. */
  closing: boolean
}

export function newSession(listener: Listener, connection: Connection): Session {
  return {
    id: listener.ids.next(),
    remoteAddress: connection.remoteAddress,
    connection,
    listener,
    helo: undefined,
    esmtp: false,
    cipher: undefined,
    transaction: undefined,
    messages: 0,
    commands: 0,
    errors: 0,
    refusedRecipients: 0,
    closing: false,
  }
}

export function infoOf(session: Session): SessionInfo {
  const { id, remoteAddress, helo = '', esmtp, cipher } = session
  return { id, remoteAddress, helo, esmtp, cipher }
}

/** The reply to an error of a command. An unknown one is logged whole and answered 451. */
export function replyToError(session: Session, command: string, thrown: unknown): Reply {
  if (!(thrown instanceof SmtpError || thrown instanceof MailError)) {
    const error = thrown instanceof Error ? thrown : new Error('a value that is no Error was thrown', { cause: thrown })
    session.listener.log.error('smtp: command failed', { session: session.id, command, error })
  }
  return replyOf(thrown)
}
