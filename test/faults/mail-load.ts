/** Peers that send by SMTP while the server is killed: they record the answers, and send again as mail servers do. */
import { createHash, randomBytes } from 'node:crypto'
import { connectSender, type SmtpSender } from '../flows/support/smtp-sender.ts'

export type MailLoad = {
  /** Messages that were answered 250, by the id that the 250 named. The server must not lose them. */
  readonly answered: ReadonlyMap<string, { readonly subject: string; readonly sha256: string }>
  /** How often each message was offered without an answer: at most so many extra copies may be received. */
  readonly unanswered: ReadonlyMap<string, number>
  /** Answers that are neither 250 nor a lost connection. A correct server gives none. */
  readonly broken: readonly string[]
  /** Sends over several connections until each is lost or `signal` aborts. */
  send(port: number, connections: number, signal: AbortSignal): Promise<void>
  /** Sends each message without an answer once more, as every mail server does. */
  retry(port: number): Promise<void>
}

/** Sizes for raw messages in the database and in files. */
const BODIES: readonly { readonly share: number; readonly bytes: number }[] = [
  { share: 0.02, bytes: 150_000 },
  { share: 0.12, bytes: 20_000 },
  { share: 1, bytes: 2000 },
]

export function startMailLoad(random: () => number): MailLoad {
  const answered = new Map<string, { subject: string; sha256: string }>()
  const unanswered = new Map<string, number>()
  const pending = new Map<string, Buffer>()
  const broken: string[] = []
  let count = 0

  /** False once the connection is lost. */
  const offer = async (sender: SmtpSender, subject: string, raw: Buffer): Promise<boolean> => {
    pending.set(subject, raw)
    try {
      const id = await sender.send('ada@kabutar.test', raw)
      if (answered.has(id)) broken.push(`${id} was given twice`)
      answered.set(id, { subject, sha256: sha256(raw) })
      pending.delete(subject)
      return true
    } catch (error) {
      const { message } = error as Error
      if (/^\d{3} /.test(message)) broken.push(`${subject}: ${message}`)
      unanswered.set(subject, (unanswered.get(subject) ?? 0) + 1)
      return false
    }
  }
  return {
    answered,
    unanswered,
    broken,
    async send(port, connections, signal) {
      const loop = async () => {
        // The server was killed before it greeted, so nothing was sent.
        const sender = await connectSender(port).catch(() => undefined)
        for (let open = true; sender && open && !signal.aborted; ) {
          const subject = `mail ${++count}`
          open = await offer(sender, subject, messageOf(subject, random))
        }
        sender?.close()
      }
      await Promise.all(Array.from({ length: connections }, loop))
    },
    async retry(port) {
      const sender = await connectSender(port)
      for (const [subject, raw] of [...pending]) {
        if (!(await offer(sender, subject, raw))) break
      }
      sender.close()
    },
  }
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

function messageOf(subject: string, random: () => number): Buffer {
  const size = random()
  const bytes = BODIES.find(({ share }) => size < share)?.bytes ?? 0
  const lines = randomBytes(Math.ceil((bytes * 3) / 4))
    .toString('base64')
    .replace(/.{76}/g, '$&\r\n')
  return Buffer.from(`From: eve@far.test\r\nSubject: ${subject}\r\n\r\n..\r\n.\r\n${lines}\r\n`)
}
