import * as z from 'zod/mini'
import { CHECKS, VERDICTS, type Verdicts } from '../messages/verdicts.ts'

const ReceiveEntry = z.object({
  v: z.literal(1),
  a: z.string().check(z.minLength(1)),
  id: z.uuid(),
  from: z.string(),
  to: z.array(z.string()).check(z.minLength(1)),
  ip: z.string(),
  helo: z.string(),
  tls: z.boolean(),
  at: z.number(),
  rc: z.optional(z.literal(true)),
  vd: z.optional(z.partialRecord(z.enum(CHECKS), z.enum(VERDICTS))),
})

/** What came with a message and is not in it; `recipients` are those of one account, spelled as they came. */
export type InboundEnvelope = {
  /** Empty for notifications (RFC 5321 section 4.5.5). */
  readonly returnPath: string
  readonly recipients: readonly string[]
  /** Of the peer; empty if the message came by no network. */
  readonly remoteAddress: string
  readonly helo: string
  readonly tls: boolean
  /** Epoch milliseconds. */
  readonly receivedAt: number
  /** The envelope is not what was transmitted: it is made of header fields. */
  readonly reconstructed?: boolean
  /** Of who received it for us; absent where nobody judged it. */
  readonly verdicts?: Verdicts
}
/** A message that an account has accepted. */
export type ReceiveEntry = { readonly accountId: string; readonly id: string; readonly envelope: InboundEnvelope }

/** An entry of the receive queue: everything but the content. */
export function receiveEntry({ accountId, id, envelope }: ReceiveEntry): string {
  const { returnPath, recipients, remoteAddress, helo, tls, receivedAt, reconstructed, verdicts } = envelope
  return JSON.stringify({
    v: 1,
    a: accountId,
    id,
    from: returnPath,
    to: recipients,
    ip: remoteAddress,
    helo,
    tls,
    at: receivedAt,
    ...(reconstructed && { rc: true }),
    ...(verdicts && { vd: verdicts }),
  })
}

/** Throws on what receiveEntry did not make: after five receipts it lies in the dead-letter queue, whole. */
export function parseReceiveEntry(body: string): ReceiveEntry {
  const { a, id, from, to, ip, helo, tls, at, rc, vd } = ReceiveEntry.parse(JSON.parse(body))
  return {
    accountId: a,
    id,
    envelope: {
      returnPath: from,
      recipients: to,
      remoteAddress: ip,
      helo,
      tls,
      receivedAt: at,
      ...(rc && { reconstructed: rc }),
      ...(vd && { verdicts: vd as Verdicts }),
    },
  }
}
