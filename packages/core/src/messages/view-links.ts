/**
 * Signed links to a message as a page of its own. A link is bound to the account, the message and whether remote images are
 * asked for, and lasts ten minutes. The secret is a row, so that every process of an installation signs with the same one.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { VIEW_SECRET_KEY } from '../store/keys.ts'
import { lazy } from '../store/lazy.ts'
import { putIfAbsent } from '../store/once.ts'

export type ViewedMessage = {
  readonly accountId: string
  readonly direction: 'sent' | 'received'
  readonly id: string
  /** Remote images are asked for. */
  readonly images: boolean
}
type ViewLinkPorts = { readonly table: Table; readonly clock: Clock; readonly ids: Ids }

const LIFETIME_SECONDS = 600
const SECRET_BYTES = 32

export class ViewLinks {
  readonly #clock: Clock
  readonly #secret: () => Promise<string>

  constructor(ports: ViewLinkPorts) {
    this.#clock = ports.clock
    this.#secret = lazy(() => readOrMakeSecret(ports))
  }

  /** The query of the link, and when it ends. */
  async sign(viewed: ViewedMessage): Promise<{ readonly query: string; readonly expiresAt: Date }> {
    const expires = String(Math.floor(this.#clock.now() / 1000) + LIFETIME_SECONDS)
    const signature = signatureOf(await this.#secret(), viewed, expires)
    const query = new URLSearchParams({ images: viewed.images ? '1' : '0', expires, signature })
    return { query: query.toString(), expiresAt: new Date(Number(expires) * 1000) }
  }

  /** False if the link was forged or changed, or has expired. */
  async verify(viewed: ViewedMessage, expires: string, signature: string): Promise<boolean> {
    const [own, given] = [Buffer.from(signatureOf(await this.#secret(), viewed, expires)), Buffer.from(signature)]
    const isSigned = own.length === given.length && timingSafeEqual(own, given)
    return isSigned && Number(expires) * 1000 > this.#clock.now()
  }
}

function signatureOf(secret: string, { accountId, direction, id, images }: ViewedMessage, expires: string): string {
  const signed = JSON.stringify(['view', accountId, direction, id, images, expires])
  return createHmac('sha256', secret).update(signed).digest('base64url')
}

async function readOrMakeSecret({ table, ids }: ViewLinkPorts): Promise<string> {
  const secret = ids.secret(SECRET_BYTES).toString('base64url')
  const made = row('view-secret', VIEW_SECRET_KEY, { secret })
  const found = readRow('view-secret', await table.get(VIEW_SECRET_KEY))
  if (found !== undefined) return found.secret as string
  if (await putIfAbsent(table, made)) return secret
  return readRow('view-secret', await table.get(VIEW_SECRET_KEY))?.secret as string
}
