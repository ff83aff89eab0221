/** A stored message, sent or received: who it is from and for, what it says and where that lies, and the work on it. */
import { timeOf } from '../ports/ids.ts'
import type { StoredJson } from './stored-json.ts'

export type Message = SentMessage | ReceivedMessage

type Fields = {
  /** A UUIDv7, which tells when the message was accepted. */
  readonly id: string
  readonly accountId: string
  /** Header fields as people read them; lists of a received message are cut to what fits a row. */
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly replyTo: readonly string[]
  readonly subject: string
  /** The first words of the text on one line, for lists; empty if there are none, or once the content was deleted. */
  readonly preview: string
  /** The Message-ID field with angle brackets, as recipients see it; empty if a received message has none. */
  readonly messageId: string
  /** Octets: exactly those of a raw message, about those of a composed one. */
  readonly size: number
  /** When its content expired (epoch milliseconds); from then on no reader finds any. See expire.ts. */
  readonly expiredAt?: number
  /** When its events expired. */
  readonly eventsExpiredAt?: number
}

export type SentMessage = Fields & {
  readonly direction: 'sent'
  readonly tags: readonly Tag[]
  readonly recipients: readonly Recipient[]
  readonly content: ComposedContent
  /** The number of its attachments; absent if there are none. */
  readonly attachments?: number
  /** Set by an attempt whose relay kept the message: it has left nowhere. */
  readonly captured?: boolean
  /** Relay attempts begun. */
  readonly attempts: number
  /** Attempts after which it is unknown whether the next hop took the message. */
  readonly ambiguous: number
  /** No attempt begins before (epoch milliseconds). */
  readonly notBefore: number
  readonly lease?: Lease
  /** The sweep looks at the message then (epoch milliseconds); absent once no recipient is pending. */
  readonly due?: number
  /** Counts the writes of the work on the message; each is conditional on the one before. */
  readonly version: number
}

export type ReceivedMessage = Fields & {
  readonly direction: 'received'
  readonly attachments: readonly ListedAttachment[]
  readonly envelope: InboundEnvelope
  readonly content: RawContent
  /** The id of the message that began the thread. */
  readonly thread: string
  /** Names what could not be decoded: `whole`, `header`, or section numbers of parts; absent if all was decoded. */
  readonly undecoded?: readonly string[]
  /** Names the lists of this row that are cut to what fits it: `to`, `attachments`; absent where all are whole. */
  readonly truncated?: readonly ('to' | 'cc' | 'bcc' | 'replyTo' | 'attachments')[]
}

/**
 * Content that `compose` turns into the same octets at each attempt. It lies in the message's own row (`message`), in a
 * row of its own, or in a blob, and nowhere once it was deleted or has expired.
 */
export type ComposedContent =
  | { readonly form: 'composed'; readonly place: 'message'; readonly stored: StoredJson }
  | { readonly form: 'composed'; readonly place: 'row' | 'blob' | 'deleted' }
/** Content as it was received: the octets in a blob, and what was read of them. */
type RawContent = { readonly form: 'raw'; readonly blob: string; readonly reading: ReadingPlace }
export type ReadingPlace =
  | { readonly place: 'message'; readonly stored: StoredJson }
  | { readonly place: 'row' | 'blob' | 'deleted' }

/** A message that was put into a mailbox: it was neither sent nor received by us, and no list of the account shows it. */
export type AppendedMessage = Omit<ReceivedMessage, 'direction' | 'envelope' | 'thread'> & {
  readonly direction: 'appended'
}

/** Names the message whose content is meant. */
export type ContentRef = { readonly direction: 'sent' | 'received' | 'appended'; readonly id: string }

export type Tag = { readonly name: string; readonly value: string }

export const RECIPIENT_STATUSES = [
  'queued',
  'sent',
  'delivery_delayed',
  'delivered',
  'opened',
  'clicked',
  'failed',
  'bounced',
  'suppressed',
  'complained',
] as const
export type RecipientStatus = (typeof RECIPIENT_STATUSES)[number]

export type Recipient = {
  readonly address: string
  readonly status: RecipientStatus
  /** True until the next hop, or we ourselves, have decided about this recipient. */
  readonly pending: boolean
  /** Tells why the recipient has this status: the reply of the other server, or what went wrong on the way to it. */
  readonly diagnostic?: string
}

/** The worker that has the message. Another may take a lease over that ran out, or whose process has ended. */
export type Lease = { readonly owner: string; readonly until: number }

export type ReceivedAttachment = {
  /** Made of the message's id and the section number of the part, so it is the same at every look. */
  readonly id: string
  readonly filename: string | null
  readonly contentType: string
  readonly contentId: string | null
  readonly disposition: string | null
  /** Decoded bytes. */
  readonly size: number
  /** [from, to) of the encoded body in the raw message. */
  readonly from: number
  readonly to: number
  readonly encoding: string
}
/** The fields of an attachment that a list shows. */
export type ListedAttachment = Omit<ReceivedAttachment, 'from' | 'to' | 'encoding'>

/** The envelope of a received message, from the SMTP dialogue; `recipients` are those of one account, spelled as they came. */
export type InboundEnvelope = {
  /** Empty for notifications (RFC 5321 section 4.5.5). */
  readonly returnPath: string
  readonly recipients: readonly string[]
  /** The peer's IP address; empty if the message did not come over a network. */
  readonly remoteAddress: string
  readonly helo: string
  readonly tls: boolean
  /** Epoch milliseconds. */
  readonly receivedAt: number
  /** Set if the envelope was lost and is made of header fields. */
  readonly reconstructed?: boolean
  /** Verdicts of the receiving server (SES); absent over SMTP. */
  readonly verdicts?: Verdicts
}

export const CHECKS = ['spf', 'dkim', 'dmarc', 'spam', 'virus'] as const
/** `none`: there was nothing to check, for example no policy. `error`: the check itself failed. */
export const VERDICTS = ['pass', 'fail', 'none', 'error'] as const
export type Verdict = (typeof VERDICTS)[number]
/** Checks that were not made are absent. */
export type Verdicts = { readonly [check in (typeof CHECKS)[number]]?: Verdict }

const PREVIEW_LENGTH = 120

/** Cuts a line to what a message's row keeps of it: 120 characters. */
export function listedPreview(line: string): string {
  return Array.from(line).slice(0, PREVIEW_LENGTH).join('').trimEnd().toWellFormed()
}

/** The Message-ID that we write: the same in each attempt, whatever a relay puts in its place. */
export function ownMessageId(id: string, domain: string): string {
  return `<${id}@${domain}>`
}

/** The domain of From, which our Message-ID and return path are in. */
export const fromDomain = ({ from }: Pick<Message, 'from'>): string =>
  from.slice(from.lastIndexOf('@') + 1, from.endsWith('>') ? -1 : undefined)

export const createdAtOf = (message: Pick<Message, 'id'>): Date => new Date(timeOf(message.id))

export function isPending({ recipients }: Pick<SentMessage, 'recipients'>): boolean {
  return recipients.some((recipient) => recipient.pending)
}
