import type { SecureContext } from 'node:tls'
import type { Room } from '@kabutar/core/gathered.ts'
import type { Ids } from '@kabutar/core/ports/ids.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Backend, Session } from './backend.ts'
import type { Crowd } from './crowd.ts'
import type { Limits } from './limits.ts'
import type { Wire } from './wire.ts'

/** What all connections of a listener share. */
export interface Listener {
  readonly hostname: string
  readonly backend: Backend
  readonly log: Log
  readonly ids: Ids
  readonly limits: Limits
  readonly crowd: Crowd
  /** For the beginnings of messages, until they are known to be small or not. */
  readonly room: Room
  /** Returns the TLS context for a new connection. Undefined without a certificate. */
  readonly secureContext: (() => SecureContext) | undefined
}

/** From MAIL to the end of DATA, RSET or a new EHLO. */
export interface Transaction {
  readonly returnPath: string
  readonly recipients: string[]
  readonly smtputf8: boolean
  readonly body8bit: boolean
  readonly size?: number
}

/** One connection's state. The commands change it, each in its file. */
export interface Dialogue {
  readonly id: string
  readonly remoteAddress: string
  readonly wire: Wire
  readonly listener: Listener
  helo: string | undefined
  esmtp: boolean
  cipher: string | undefined
  transaction: Transaction | undefined
  /** Accepted on this connection. */
  messages: number
  /** Since the last accepted message. */
  commands: number
  errors: number
  refusedRecipients: number
  /** The listener is closing: nothing new begins. */
  closing: boolean
}

export function newDialogue(listener: Listener, wire: Wire, remoteAddress: string): Dialogue {
  return {
    id: listener.ids.next(),
    remoteAddress,
    wire,
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

export function sessionOf(dialogue: Dialogue): Session {
  const { id, remoteAddress, helo = '', esmtp, cipher } = dialogue
  return { id, remoteAddress, helo, esmtp, cipher }
}
