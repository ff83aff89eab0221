/** Answers what people look at of a message beside its fields: header, parts, attachments and source, the same for both directions. */
import { MailError } from '@kabutar/core/errors.ts'
import { type Inspected, inspectReceived } from '@kabutar/core/messages/inspected.ts'
import { whileShowing, whileShowingReading } from '@kabutar/core/messages/memory.ts'
import type { ReceivedAttachment } from '@kabutar/core/messages/message.ts'
import { copyAttachment, copyRaw } from '@kabutar/core/messages/message-copies.ts'
import { getReceived, getSent } from '@kabutar/core/messages/read.ts'
import { readingSteps } from '@kabutar/core/messages/reading-jobs.ts'
import { pageOfList } from '@kabutar/core/store/pages.ts'
import { paramOf } from '@kabutar/mail/mime/params.ts'
import { type Part, partsOf } from '@kabutar/mail/mime/part.ts'
import { namedCharset } from '@kabutar/mail/read/message.ts'
import { type Context, Hono } from 'hono'
import { bytesOf, expiryOf, LINK_SECONDS, type SignedLink, within } from './answer.ts'
import { accountOf, type Env, idOf } from './env.ts'
import { pageOf, pageWithin, uuidOf } from './page.ts'
import { linkedAttachment, linkOptionsOf, type ReceivingPorts, rawLink } from './receiving.ts'

const MAX_TEXT_BYTES = 1024 * 1024
const MAX_LIST_BYTES = 1024 * 1024
const MAX_PARTS = 300
const MAX_SOURCE_BYTES = 256 * 1024

/** Reads the message that a request names, and holds memory for it while `use` runs. */
export type Inspect = <T>(
  c: Context<Env>,
  use: (message: Inspected, raw: () => Promise<SignedLink>) => Promise<T>,
) => Promise<T>

export function inspectingSent(ports: ReceivingPorts): Inspect {
  return async (c, use) => {
    const accountId = accountOf(c)
    const message = await getSent(ports.table, accountId, idOf(c))
    return whileShowing(ports, message.size, async () => {
      const { inspectSent } = await import('@kabutar/core/messages/inspect-sent.ts')
      const inspected = await inspectSent(ports, message)
      return use(inspected, async () => {
        const key = await copyRaw(ports, accountId, inspected)
        const options = { expiresInSeconds: LINK_SECONDS, filename: `${message.id}.eml`, contentType: 'message/rfc822' }
        return { download_url: (await ports.blobs.link(key, options)).href, expires_at: expiryOf(ports) }
      })
    })
  }
}

export function inspectingReceived(ports: ReceivingPorts): Inspect {
  return async (c, use) => {
    const received = await getReceived(ports.table, accountOf(c), idOf(c))
    return whileShowingReading(ports, received.size, async () =>
      use(await inspectReceived(ports, received), () => rawLink(ports, received)),
    )
  }
}

/** GET /:id/content and /:id/source. */
export function messageContent({ compute }: Pick<ReceivingPorts, 'compute'>, inspect: Inspect) {
  return new Hono<Env>()
    .get('/:id/content', (c) => inspect(c, async (message) => c.json(await contentOf(compute, message))))
    .get('/:id/source', (c) =>
      inspect(c, async (message, raw) => {
        const source = await beginning(message)
        const truncated = source.length < message.size
        return c.json({ object: 'source', id: message.id, source, size: message.size, truncated, ...(await raw()) })
      }),
    )
}

/** GET /emails/:id/attachments and /:aid, as the wire has them for sent mail. */
export function sentAttachments(ports: ReceivingPorts) {
  const inspect = inspectingSent(ports)
  const linked = async (c: Context<Env>, message: Inspected, one: ReceivedAttachment) => {
    const key = await copyAttachment(ports, accountOf(c), message, one)
    return linkedAttachment(ports, one, await ports.blobs.link(key, linkOptionsOf(one)))
  }
  return new Hono<Env>()
    .get('/:id/attachments', (c) =>
      inspect(c, async (message) => {
        const { items, hasMore } = pageOfList(message.attachments, pageOf(c))
        const data = []
        for (const one of items) data.push(await linked(c, message, one))
        return c.json(pageWithin(c, data, hasMore))
      }),
    )
    .get('/:id/attachments/:aid', (c) => {
      const wanted = uuidOf(c.req.param('aid'))
      return inspect(c, async (message) => {
        const found = message.attachments.find((one) => one.id === wanted)
        if (found === undefined) throw new MailError('not_found', 'Attachment not found')
        return c.json({ object: 'attachment', ...(await linked(c, message, found)) })
      })
    })
}

async function contentOf(compute: ReceivingPorts['compute'], { id, reading, root, attachments }: Inspected) {
  const { text } = reading
  const fits = text === null || (text.length <= MAX_TEXT_BYTES && bytesOf(text) <= 2 * MAX_TEXT_BYTES)
  return {
    object: 'content',
    id,
    headers: within(reading.headers, MAX_LIST_BYTES),
    text: fits ? text : null,
    html: reading.html !== null,
    truncated: [...new Set([...reading.truncated, ...(fits ? [] : ['text'])])],
    undecoded: reading.undecoded,
    structure: root && structureOf(root, { left: MAX_PARTS, names: await filenamesOf(compute, root) }),
    attachments: within(attachments.map(shownAttachment), MAX_LIST_BYTES),
  }
}

function shownAttachment({ id, filename, contentType, contentId, disposition, size }: ReceivedAttachment) {
  const content_disposition = disposition ?? (contentId === null ? 'attachment' : 'inline')
  return { id, filename, content_type: contentType, content_disposition, content_id: contentId, size }
}

type Structure = {
  readonly part: string
  readonly content_type: string
  readonly charset: string | null
  readonly encoding: string
  readonly disposition: string | null
  readonly filename: string | null
  readonly content_id: string | null
  readonly size: number
  readonly parts: readonly Structure[]
}

/** The tree of the parts; `size` is that of a part's body as it was sent. At most 300 parts are shown. */
function structureOf(part: Part, budget: { left: number; readonly names: Filenames }): Structure {
  budget.left--
  const { path, type, subtype, params, encoding, disposition, id, bodyStart, bodyEnd, children, message } = part
  const inner = message === null ? children : [message.body]
  return {
    part: path,
    content_type: `${type}/${subtype}`,
    charset: paramOf(params, 'charset') ?? null,
    encoding,
    disposition: disposition?.type ?? null,
    filename: budget.names.get(part) ?? null,
    content_id: id,
    size: bodyEnd - bodyStart,
    parts: inner.flatMap((one) => (budget.left > 0 ? [structureOf(one, budget)] : [])),
  }
}

type Filenames = ReadonlyMap<Part, string | null>

/** Decodes the names of the first parts as those of attachments are: RFC 2231, RFC 2047, or octets of some character set. */
async function filenamesOf(compute: ReceivingPorts['compute'], root: Part): Promise<Filenames> {
  const names = new Map<Part, string | null>()
  const { leaf } = readingSteps(compute)
  const fallback = namedCharset(root)
  for (const part of partsOf(root)) {
    if (names.size >= MAX_PARTS) break
    const head = {
      kind: 'filename',
      fallback,
      disposition: part.disposition?.params ?? [],
      contentType: part.params,
    } as const
    names.set(part, (await leaf(head, new Uint8Array(0))) ?? null)
  }
  return names
}

/** The first octets, one character for each. */
async function beginning({ size, range }: Inspected): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of range(0, Math.min(size, MAX_SOURCE_BYTES))) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}
