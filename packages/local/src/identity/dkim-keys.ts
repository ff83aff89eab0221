import { createPublicKey, generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { type Item, StoreError, type Table } from '@kabutar/core/ports/table.ts'
import { readRow, row } from '@kabutar/core/store/codec.ts'
import { dkimKeyKey } from '@kabutar/core/store/keys.ts'
import { putIfAbsent } from '@kabutar/core/store/once.ts'

/** The DKIM key of one domain. It is a row of the database, which only the server's user may read. */
export type DkimKey = {
  /** The name under which the domain publishes the public key (RFC 6376 section 3.1). */
  readonly selector: string
  /** PEM. */
  readonly privateKey: string
}

const BITS = 2048
const generate = promisify(generateKeyPair)

export async function dkimKeyOf(table: Table, domain: string): Promise<DkimKey | undefined> {
  const item = readRow('dkim-key', await table.get(dkimKeyKey(domain)))
  return item && keyOf(item)
}

/**
 * Answers the domain's key, and makes one if it has none. Each key has its own selector, so that an old record does not
 * prove a new key.
 */
export async function ensureDkimKey(table: Table, domain: string): Promise<DkimKey> {
  const known = await dkimKeyOf(table, domain)
  if (known !== undefined) return known
  const { privateKey } = await generate('rsa', {
    modulusLength: BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const key = { selector: `kabutar-${randomBytes(4).toString('hex')}`, privateKey }
  if (await putIfAbsent(table, row('dkim-key', dkimKeyKey(domain), key))) return key
  const winner = await dkimKeyOf(table, domain)
  if (winner === undefined) throw new StoreError('Conflict', 'the key was made and removed by other calls')
  return winner
}

export async function deleteDkimKey(table: Table, domain: string): Promise<void> {
  await table.write({ kind: 'delete', key: dkimKeyKey(domain) })
}

/** Builds the value of the TXT record (RFC 6376 section 3.6.1). */
export function publicRecord({ privateKey }: DkimKey): string {
  const der = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  return `v=DKIM1; k=rsa; p=${der.toString('base64')}`
}

const keyOf = ({ selector, privateKey }: Item): DkimKey => ({
  selector: selector as string,
  privateKey: privateKey as string,
})
