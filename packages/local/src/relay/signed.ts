import { type Relay, RelayError } from '@kabutar/core/ports/relay.ts'
import DKIM from 'nodemailer/lib/dkim'
import type { DkimKey } from '../identity/dkim-keys.ts'

/**
 * Signs each message with the DKIM key of its From domain (RFC 6376), if there is one, and gives it to another relay. The
 * domain is read from the Message-ID, which is made in it. The signature contains no time, so that a message that is sent
 * again is byte for byte the same.
 */
export function signedRelay(relay: Relay, keyOf: (domain: string) => Promise<DkimKey | undefined>): Relay {
  return {
    ...relay,
    async send(envelope, raw, options) {
      const domain = options.messageId.slice(options.messageId.lastIndexOf('@') + 1).replace(/>$/, '')
      const key = await keyOf(domain)
      return relay.send(envelope, key === undefined ? raw : await signed(raw, domain, key), options)
    },
  }
}

async function signed(raw: Uint8Array, domain: string, { selector, privateKey }: DkimKey): Promise<Uint8Array> {
  const signer = new DKIM({ domainName: domain, keySelector: selector, privateKey })
  const chunks: Buffer[] = []
  const input = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)
  for await (const chunk of signer.sign(input)) chunks.push(chunk as Buffer)
  const message = Buffer.concat(chunks)
  // nodemailer returns the message unsigned if it can't use the key.
  if (message.byteLength <= raw.byteLength) throw new RelayError('transient', `the DKIM key of ${domain} can't be used`)
  return message
}
