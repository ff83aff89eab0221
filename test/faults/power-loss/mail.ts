/** Messages whose every byte follows from their number, so that whoever finds one can say whether it is whole. */
import { createHash } from 'node:crypto'

export type Mail = { readonly subject: string; readonly text: string; readonly file: Buffer | undefined }

const LARGE_EVERY = 8
const LARGE_BYTES = 90_000

/** Every eighth has a file that is no blob in the engine but a file of its own. */
export function mailOf(number: number): Mail {
  const block = createHash('sha512').update(String(number)).digest()
  const file = number % LARGE_EVERY === 0 ? Buffer.alloc(LARGE_BYTES + number, block) : undefined
  return { subject: `number ${number}`, text: block.toString('base64').repeat(1 + (number % 12)), file }
}

export const numberOf = (subject: string) => Number(/^number (\d+)$/.exec(subject)?.[1])

/**
 * Posts mail over several connections until it is enough or time is up.
 * @throws {Error} if anything is answered but 200
 */
export async function postMails(
  server: { readonly url: string; readonly apiKey: string },
  limits: { readonly mails: number; readonly ms: number; readonly connections: number },
): Promise<void> {
  const end = Date.now() + limits.ms
  let next = 1
  const loop = async () => {
    while (next <= limits.mails && Date.now() < end) await postMail(server, next++)
  }
  await Promise.all(Array.from({ length: limits.connections }, loop))
}

async function postMail({ url, apiKey }: { url: string; apiKey: string }, number: number): Promise<void> {
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
