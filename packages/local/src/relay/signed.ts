import type { Compute, Job } from '@kabutar/core/ports/compute.ts'
import { type Relay, RelayError } from '@kabutar/core/ports/relay.ts'
import DKIM from 'nodemailer/lib/dkim'
import type { DkimKey } from '../identity/dkim-keys.ts'

/**
 * Signs each message with the DKIM key of its From domain (RFC 6376), if there is one, and gives it to another relay. The
 * domain is read from the Message-ID, which is made in it. The signature contains no time, so that a message that is sent
 * again is byte for byte the same.
 */
export function signedRelay(
  relay: Relay,
  compute: Compute,
  keyOf: (domain: string) => Promise<DkimKey | undefined>,
): Relay {
  return {
    ...relay,
    async send(envelope, raw, options) {
      const domain = options.messageId.slice(options.messageId.lastIndexOf('@') + 1).replace(/>$/, '')
      const key = await keyOf(domain)
      return relay.send(envelope, key === undefined ? raw : await signed(compute, { raw, domain, key }), options)
    },
  }
}

type ToSign = { readonly raw: Uint8Array; readonly domain: string; readonly key: DkimKey }

async function signed(compute: Compute, toSign: ToSign): Promise<Uint8Array> {
  const { raw, domain } = toSign
  const message = await compute.run(SIGN, toSign, raw.byteLength)
  // nodemailer returns the message unsigned if it can't use the key.
  if (message.byteLength <= raw.byteLength) throw new RelayError('transient', `the DKIM key of ${domain} can't be used`)
  return message
}

/** Signing 1 MB takes some ten milliseconds. */
export const SIGN: Job<ToSign, Uint8Array> = {
  name: 'sign',
  largeBytes: 1024 * 1024,
  async run({ raw, domain, key: { selector, privateKey } }) {
    const signer = new DKIM({ domainName: domain, keySelector: selector, privateKey })
    const chunks: Buffer[] = []
    const input = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)
    for await (const chunk of signer.sign(input)) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  },
}
