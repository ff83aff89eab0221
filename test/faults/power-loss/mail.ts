/** Messages whose bytes follow from their number, so that a test can tell whether one is whole. */
import { createHash } from 'node:crypto'
import { createTransport } from 'nodemailer'

export type Mail = { readonly subject: string; readonly text: string; readonly file: Buffer | undefined }

const LARGE_EVERY = 8
const LARGE_BYTES = 90_000

/** Every eighth message has an attachment that is too large for the database and is stored as a file. */
export function mailOf(number: number): Mail {
  const block = createHash('sha512').update(String(number)).digest()
  const file = number % LARGE_EVERY === 0 ? Buffer.alloc(LARGE_BYTES + number, block) : undefined
  return { subject: `number ${number}`, text: block.toString('base64').repeat(1 + (number % 12)), file }
}

export const numberOf = (subject: string) => Number(/^number (\d+)$/.exec(subject)?.[1])

/** A message as another server delivers it; its bytes follow from its number too. */
export function rawOf(number: number): Buffer {
  const { subject, text, file } = mailOf(number)
  const header = `From: eve@far.test\r\nTo: in-${number % 7}@kabutar.test\r\nSubject: ${subject}\r\n\r\n`
  const lines = `${text}${file?.toString('base64') ?? ''}`.match(/.{1,76}/g) ?? []
  return Buffer.from(`${header}${lines.join('\r\n')}\r\n`)
}

type Server = { readonly url: string; readonly apiKey: string; readonly smtpPort: number | undefined }
export type Load = { readonly mails: number; readonly ms: number; readonly connections: number }

/** Sends mail by SMTP, as postMails does by HTTP. @throws {Error} if anything is refused */
export async function deliverMails(server: Server, limits: Load): Promise<void> {
  const transport = createTransport({
    host: '127.0.0.1',
    port: server.smtpPort ?? 0,
    ignoreTLS: true,
    pool: true,
    maxConnections: limits.connections,
    maxMessages: Number.POSITIVE_INFINITY,
  })
  try {
    await repeat(limits, (number) => {
      const envelope = { from: 'eve@far.test', to: [`in-${number % 7}@kabutar.test`] }
      return transport.sendMail({ envelope, raw: rawOf(number) })
    })
  } finally {
    transport.close()
  }
}

/**
 * Posts mail over several connections until the count is reached or the time is over.
 * @throws {Error} for any answer but 200
 */
export function postMails(server: Server, limits: Load): Promise<void> {
  return repeat(limits, (number) => postMail(server, number))
}

async function repeat({ mails, ms, connections }: Load, one: (number: number) => Promise<unknown>): Promise<void> {
  const end = Date.now() + ms
  let next = 1
  const loop = async () => {
    while (next <= mails && Date.now() < end) await one(next++)
  }
  await Promise.all(Array.from({ length: connections }, loop))
}

async function postMail({ url, apiKey }: Server, number: number): Promise<void> {
  const { subject, text, file } = mailOf(number)
  const answer = await fetch(`${url}/emails`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${apiKey}`,
      'Content-Type': 'application/json',
      ...(number % 3 === 0 && { 'Idempotency-Key': `order-${number}` }),
    },
    body: JSON.stringify({
      from: 'Ada <ada@kabutar.test>',
      to: [`customer-${number}@dest.test`],
      subject,
      text,
      ...(file && { attachments: [{ filename: 'f.bin', content: file.toString('base64') }] }),
    }),
    signal: AbortSignal.timeout(30_000),
  })
  const said = await answer.text()
  if (answer.status !== 200) throw new Error(`${subject}: ${answer.status} ${said}`)
}
