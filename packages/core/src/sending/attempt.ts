import { composeMessage } from '../messages/compose-message.ts'
import type { Composed } from '../messages/content.ts'
import { fromDomain, ownMessageId, type SentMessage } from '../messages/message.ts'
import { answeredIds } from '../messages/threads.ts'
import type { Compute } from '../ports/compute.ts'
import { type Rejection, type Relay, RelayError, type RelayPause, type RelayResult } from '../ports/relay.ts'
import { MAX_ROW_DIAGNOSTIC, type Outcome } from './status.ts'

/**
 * The end of an attempt. `postponed`: the next hop asked us to slow down, and nothing was tried. `ambiguous`: the next hop
 * may have the message, and only feedback can tell.
 */
export type Attempted = Ended | { readonly postponed: Postponed } | Ambiguous

/** `outcomes` are those of recipients that need no relay; `diagnostic` is why nobody knows the others'. */
export type Ambiguous = {
  readonly ambiguous: true
  readonly outcomes: readonly Outcome[]
  readonly diagnostic: string
}

/** `pause`: why all messages are to slow down; undefined if only this one is. */
export type Postponed = {
  readonly retryAfterMs: number | undefined
  readonly pause: RelayPause | undefined
  readonly message: string
}
/** `messageId`: what recipients see, where the relay replaced ours. `answers`: the Message-IDs that the message answers. */
export type Ended = {
  readonly outcomes: readonly Outcome[]
  readonly messageId?: string
  readonly answers?: readonly string[]
}

const MAX_DIAGNOSTIC = 500
const MAX_RESPONSE = 250

/** Makes one attempt for all pending recipients. `known` are the outcomes of those that need no relay. */
export async function attempt(
  { relay, compute }: { readonly relay: Relay; readonly compute: Compute },
  message: SentMessage,
  content: Composed,
  known: readonly Outcome[],
  signal: AbortSignal,
): Promise<Attempted> {
  const done = new Set(known.map(({ recipient }) => recipient))
  const pending = message.recipients.filter((recipient) => recipient.pending).map(({ address }) => address)
  const recipients = pending.filter((address) => !done.has(address))
  if (recipients.length === 0) return { outcomes: known }
  try {
    const raw = await composeMessage(compute, message, content)
    if (raw.byteLength > relay.limits.maxRawBytes)
      return { outcomes: [...known, ...failAll(recipients, 'The composed message is too large for the relay')] }
    const result = await relay.send({ returnPath: returnPathOf(message), recipients }, raw, {
      messageId: ownMessageId(message.id, fromDomain(message)),
      accountId: message.accountId,
      tags: { kabutar_id: message.id, kabutar_account: message.accountId },
      signal,
    })
    const ended = {
      outcomes: [...known, ...outcomesOf(relay, recipients, result)],
      answers: answeredIds(content.headers),
    }
    return result.messageId ? { ...ended, messageId: result.messageId } : ended
  } catch (error) {
    if (error instanceof RelayError) return afterError(relay, error, recipients, known)
    throw error
  }
}

/** A return path of ours in the sender's domain, so that a bounce names its message. */
function returnPathOf(message: SentMessage): string {
  return `bounces+${message.id}@${fromDomain(message)}`
}

type Hop = Pick<Relay, 'host'>

function outcomesOf({ host }: Hop, recipients: readonly string[], result: RelayResult): Outcome[] {
  const rejected = new Map(result.rejected.map((rejection) => [rejection.recipient, rejection]))
  const response = result.response?.slice(0, MAX_RESPONSE)
  return recipients.map((recipient) => {
    const rejection = rejected.get(recipient)
    const outcome = rejection && refused(rejection)
    return {
      ...(outcome ?? { recipient, status: result.outcome, ...(response && { response }) }),
      ...(host && { host }),
    }
  })
}

function refused({ recipient, replyCode, status, diagnostic, refused }: Rejection): Outcome {
  return {
    recipient,
    status: replyCode >= 500 ? 'bounced' : 'deferred',
    replyCode,
    ...(status !== undefined && { enhanced: status }),
    diagnostic: diagnostic.slice(0, MAX_DIAGNOSTIC),
    ...(refused !== undefined && { refused }),
  }
}

/** The outcomes of a message that cannot go: every recipient that is pending, but for the known ones, has failed. */
export function failPending(
  { recipients }: SentMessage,
  diagnostic: string,
  known: readonly Outcome[] = [],
): Outcome[] {
  const decided = new Set(known.map(({ recipient }) => recipient))
  const pending = recipients.filter(({ pending, address }) => pending && !decided.has(address))
  return failAll(
    pending.map(({ address }) => address),
    diagnostic,
  )
}

function failAll(recipients: readonly string[], diagnostic: string): Outcome[] {
  return recipients.map((recipient) => ({ recipient, status: 'failed', diagnostic }))
}

function afterError(
  { host }: Hop,
  error: RelayError,
  recipients: readonly string[],
  known: readonly Outcome[],
): Attempted {
  const facts = {
    ...(host && { host }),
    diagnostic: error.message.slice(0, MAX_DIAGNOSTIC),
    ...(error.replyCode !== undefined && { replyCode: error.replyCode }),
    ...(error.status !== undefined && { enhanced: error.status }),
  }
  const all = (status: 'deferred' | 'failed') => recipients.map((recipient) => ({ recipient, status, ...facts }))
  if (error.kind === 'ambiguous')
    return { ambiguous: true, outcomes: known, diagnostic: facts.diagnostic.slice(0, MAX_ROW_DIAGNOSTIC) }
  if (error.kind === 'permanent') return { outcomes: [...known, ...all('failed')] }
  // The known outcomes are the same at the next attempt.
  if (error.kind === 'throttled') return { postponed: error }
  return { outcomes: [...known, ...all('deferred')] }
}
