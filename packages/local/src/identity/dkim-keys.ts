import { createPublicKey, generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { type Item, StoreError, type Table } from '@kabutar/core/ports/table.ts'
import { readRow, row } from '@kabutar/core/store/codec.ts'
import { dkimKeyKey } from '@kabutar/core/store/keys.ts'
import { putIfAbsent } from '@kabutar/core/store/once.ts'

/** A domain's own key for signing. It lies in the store, which is readable by the server's user alone. */
export type DkimKey = {
  /** Where in the domain the public half is published (RFC 6376 section 3.1). */
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

/** The domain's key, made now if it has none. Its selector is of its own, so that an old record proves no new key. */
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
  const faster = await dkimKeyOf(table, domain)
  if (faster === undefined) throw new StoreError('Conflict', 'the key was made and removed by others')
  return faster
}

export async function deleteDkimKey(table: Table, domain: string): Promise<void> {
  await table.write({ kind: 'delete', key: dkimKeyKey(domain) })
}

/** The value of the TXT record (RFC 6376 section 3.6.1). */
export function publicRecord({ privateKey }: DkimKey): string {
  const der = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  return `v=DKIM1; k=rsa; p=${der.toString('base64')}`
}

const keyOf = ({ selector, privateKey }: Item): DkimKey => ({
  selector: selector as string,
  privateKey: privateKey as string,
})
