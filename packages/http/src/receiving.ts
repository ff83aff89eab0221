import { refuseIfFull, type StoragePorts } from '@kabutar/core/accounts/storage.ts'
import { MailError } from '@kabutar/core/errors.ts'
import { partCopyKey } from '@kabutar/core/messages/blob-keys.ts'
import { deleteReceived } from '@kabutar/core/messages/delete.ts'
import { type MemoryPorts, whileShowingReading } from '@kabutar/core/messages/memory.ts'
import type { ReceivedAttachment, ReceivedMessage } from '@kabutar/core/messages/message.ts'
import { keepCopies } from '@kabutar/core/messages/message-copies.ts'
import { getReceived, listReceived, type WholeReceived, wholeOf } from '@kabutar/core/messages/read.ts'
import type { LinkOptions } from '@kabutar/core/ports/blobs.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { ComputePorts } from '@kabutar/core/ports/compute.ts'
import { type AcceptPorts, accept, MAX_INBOUND_BYTES, recipientOwner } from '@kabutar/core/receiving/accept.ts'
import { rereadReceived } from '@kabutar/core/receiving/reread.ts'
import { loggedPage, pageOfList } from '@kabutar/core/store/pages.ts'
import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { expiryOf, LINK_SECONDS, type SignedLink } from './answer.ts'
import { bytesBody, jsonBody } from './body.ts'
import type { DownloadPorts } from './downloads.ts'
import { accountOf, type Env, idOf } from './env.ts'
import { INJECTED_MESSAGE } from './injected-message.ts'
import { allOrPage, pageOf, pageWithin, uuidOf } from './page.ts'
import { expiredReceived, type HtmlFormat, listedReceived, wholeReceived } from './received-wire.ts'

export type ReceivingPorts = AcceptPorts & DownloadPorts & MemoryPorts & StoragePorts & ComputePorts

const MAX_INJECT_BODY_BYTES = 56 * 1024 * 1024
const MAX_INJECT_RECIPIENTS = 100

const address = z.string().min(1).max(320)
export const InjectRequest = z
  .object({
    /** The message in base64. */
    raw: z.string().meta({ format: 'base64', contentEncoding: 'base64' }),
    to: z.union([address.transform((one) => [one]), z.array(address).min(1).max(MAX_INJECT_RECIPIENTS)]),
    from: z.string().max(320).default(''),
  })
  .meta({ id: 'InjectEmail' })

/** GET /emails/receiving, /:id, /:id/attachments and /:id/attachments/:aid; DELETE /:id; POST /:id/reread. */
export function receiving(ports: ReceivingPorts) {
  return new Hono<Env>()
    .get('/', async (c) => {
      const { items, hasMore } = loggedPage(ports, await listReceived(ports, accountOf(c), pageOf(c)))
      return c.json(pageWithin(c, items.map(listedReceived), hasMore))
    })
    .get('/:id', async (c) => {
      const format = formatOf(c.req.query('html_format'))
      const listed = await getReceived(ports.table, accountOf(c), idOf(c))
      if (listed.expiredAt !== undefined) return c.json(expiredReceived(listed, format))
      return showing(ports, c, async (whole) =>
        c.json(
          await wholeReceived(ports, whole, {
            raw: await rawLink(ports, whole.received),
            format,
            signal: c.req.raw.signal,
          }),
        ),
      )
    })
    .get('/:id/attachments', (c) =>
      showing(ports, c, async ({ received, attachments }) => {
        const { items, hasMore } = pageOfList(attachments, allOrPage(c, attachments.length))
        return c.json(pageWithin(c, await linked(ports, received, items), hasMore))
      }),
    )
    .get('/:id/attachments/:aid', (c) => {
      const wanted = uuidOf(c.req.param('aid'))
      return showing(ports, c, async ({ received, attachments }) => {
        const found = attachments.find((one) => one.id === wanted)
        if (found === undefined) throw new MailError('not_found', 'Attachment not found')
        const [one] = await linked(ports, received, [found])
        return c.json({ object: 'attachment', ...one })
      })
    })
    .post('/:id/reread', async (c) => {
      const id = idOf(c)
      await rereadReceived(ports, accountOf(c), id)
      return c.json({ object: 'email', id })
    })
    .delete('/:id', async (c) => {
      const id = idOf(c)
      await deleteReceived(ports, accountOf(c), id)
      return c.json({ object: 'email', id, deleted: true })
    })
}

/** POST /emails/receiving/inject, for development. */
export function injection(ports: ReceivingPorts) {
  return new Hono<Env>().post('/', (c) => inject(ports, c))
}

/** Reads a whole message once there is room for it, and answers with `answer`. */
async function showing(
  ports: ReceivingPorts,
  c: Context<Env>,
  answer: (whole: WholeReceived) => Promise<Response>,
): Promise<Response> {
  const received = await getReceived(ports.table, accountOf(c), idOf(c))
  return whileShowingReading(ports, received.size, async () => answer(await wholeOf(ports, received)))
}

function formatOf(text = 'data_uri'): HtmlFormat {
  if (text === 'data_uri' || text === 'cid') return text
  throw new MailError('invalid_message', 'The `html_format` parameter must be `data_uri` or `cid`.')
}

export async function rawLink(ports: ReceivingPorts, { id, content }: ReceivedMessage): Promise<SignedLink> {
  const options = { expiresInSeconds: LINK_SECONDS, filename: `${id}.eml`, contentType: 'message/rfc822' }
  const url = await ports.blobs.link(content.blob, options)
  return { download_url: url.href, expires_at: expiryOf(ports) }
}

/** Attachments with links, for which S3 gets copies. @throws {MailError} `not_found` if the message was deleted meanwhile */
async function linked(ports: ReceivingPorts, received: ReceivedMessage, wanted: readonly ReceivedAttachment[]) {
  const { blob } = received.content
  const made = await Promise.all(
    wanted.map(async (one) => {
      const { from, to, encoding } = one
      const url = await ports.downloads.linkPart(blob, { from, to, encoding }, linkOptionsOf(one))
      return linkedAttachment(ports, one, url)
    }),
  )
  const copies = wanted.map((one) => partCopyKey(blob, one))
  await keepCopies(ports, received, copies)
  return made
}

/** Names and types the file of an attachment for a link to it. */
export const linkOptionsOf = ({ filename, contentType }: ReceivedAttachment): LinkOptions => ({
  expiresInSeconds: LINK_SECONDS,
  filename: savedAs(filename, contentType),
  contentType,
})

/** An attachment with the link to its file, of a sent or received message. */
export function linkedAttachment(ports: { readonly clock: Clock }, one: ReceivedAttachment, url: URL) {
  const { filename, contentType, contentId, disposition, size } = one
  return {
    id: one.id,
    ...(filename !== null && { filename }),
    size,
    content_type: contentType,
    content_disposition:
      disposition === 'inline' || (disposition === null && contentId !== null) ? 'inline' : 'attachment',
    ...(contentId !== null && { content_id: contentId }),
    download_url: url.href,
    expires_at: expiryOf(ports),
  }
}

/** Drops folders from a file name that is a path. */
function savedAs(filename: string | null, contentType: string): string {
  const name = filename?.split(/[\\/]/).at(-1)
  return name || (contentType === 'message/rfc822' ? 'message.eml' : 'attachment')
}

/** Accepts a message as if it had come by SMTP: line ends become CRLF, and only the caller's own domains are allowed. */
async function inject(ports: ReceivingPorts, c: Context<Env>): Promise<Response> {
  await refuseIfFull(ports, accountOf(c))
  const { raw, to, from } = await injected(ports, c)
  for (const recipient of to) {
    if ((await recipientOwner(ports.table, recipient)) === accountOf(c)) continue
    throw new MailError('relay_denied', `The domain of ${recipient} is not yours.`)
  }
  const peer = { remoteAddress: '', helo: 'inject', tls: false }
  const inbound = { id: ports.ids.next(), returnPath: from, recipients: [...new Set(to)], ...peer }
  const [accepted] = await accept(ports, inbound, raw)
  return c.json({ object: 'email', id: accepted?.id }, 201)
}

type Injected = { readonly raw: Uint8Array; readonly to: readonly string[]; readonly from: string }

async function injected(ports: ReceivingPorts, c: Context<Env>): Promise<Injected> {
  if (/^application\/json\b/i.test(c.req.header('Content-Type') ?? '')) {
    const { raw, to, from } = await jsonBody(c, InjectRequest, { maxBytes: MAX_INJECT_BODY_BYTES })
    return { raw: await octets(ports, raw), to, from }
  }
  const to = c.req.queries('to') ?? []
  if (to.length === 0) throw new MailError('missing_field', 'Missing `to` parameter.')
  if (to.length > MAX_INJECT_RECIPIENTS) {
    throw new MailError('too_many_recipients', `A message has at most ${MAX_INJECT_RECIPIENTS} recipients.`)
  }
  return { raw: await octets(ports, await bytesBody(c, MAX_INBOUND_BYTES)), to, from: c.req.query('from') ?? '' }
}

async function octets({ compute }: ReceivingPorts, raw: string | Uint8Array): Promise<Uint8Array> {
  const made = await compute.run(INJECTED_MESSAGE, raw, raw.length)
  if (made === undefined) throw new MailError('invalid_message', 'Invalid `raw` field: must be base64.')
  return made
}
