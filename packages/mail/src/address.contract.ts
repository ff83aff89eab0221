import { seeded } from '@kabutar/testing/faults.ts'
import { formatMailbox, type Mailbox, parseMailbox } from './address.ts'
import { compose } from './compose.ts'
import { MalformedError } from './malformed.ts'

const OWN = 'me@own.test'
const OTHER = 'v@evil.test'
/** What display names and addresses are made of, and what was taken for either. */
const PIECES = [
  ...['"', '\\', '<', '>', '@', ',', ';', ':', '(', ')', '[', ']', ' ', '\t', '.', '%', 'a', 'b', 'é', '。', '＠'],
  ...['\u0085', '\u00a0', '\u200b', '\u202e', '\u2028x', '\ud800', '"x"', '\\"', '\\\\', 'group:', 'xn--'],
  ...[OWN, OTHER, `<${OWN}>`, `<${OTHER}>`, '=?utf-8?B?PHZAZXZpbC50ZXN0Pg==?=', '=?utf-8?Q?=3Cv=40evil.test=3E?='],
  'a'.repeat(20),
]
const MAX_PIECES = 7

type RoundTrips = { readonly taken: readonly Mailbox[]; readonly faults: readonly string[] }

/** Parses `tries` texts of random pieces, and says of each that is a mailbox whether its written form is that mailbox again. */
export function roundTrips(tries: number, seed: number): RoundTrips {
  const random = seeded(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const taken: Mailbox[] = []
  const faults: string[] = []
  for (let n = 0; n < tries; n++) {
    const pieces = Array.from({ length: 1 + below(MAX_PIECES) }, () => PIECES[below(PIECES.length)])
    const text = `${pieces.join('')}${random() < 0.5 ? ` <${OWN}>` : ''}`
    const mailbox = parsed(text)
    if (mailbox === undefined) continue
    taken.push(mailbox)
    const again = parsed(formatMailbox(mailbox))
    if (again?.name !== mailbox.name || again.address !== mailbox.address) {
      faults.push(JSON.stringify({ text, mailbox, again }))
    }
  }
  return { taken, faults }
}

/** Anything but a MalformedError is a defect, and thrown. */
function parsed(text: string): Mailbox | undefined {
  try {
    return parseMailbox(text)
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

const FIELDS = 'content-transfer-encoding,content-type,date,from,message-id,mime-version,reply-to,subject,to'

/** Composes a message from and to each mailbox, and says which messages have other fields, line ends or characters. */
export async function composedFaults(mailboxes: readonly Mailbox[]): Promise<readonly string[]> {
  const faults: string[] = []
  for (const mailbox of mailboxes) {
    const raw = Buffer.from(await compose(messageOf(mailbox))).toString('latin1')
    const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]/g, ' ')
    const names = head.split('\r\n').map((line) => line.slice(0, line.indexOf(':')).toLowerCase())
    if (names.sort().join() !== FIELDS || /[^\r]\n|\r[^\n]|\0|[\x80-\xff]/.test(raw)) {
      faults.push(JSON.stringify({ mailbox, head }))
    }
  }
  return faults
}

const messageOf = (mailbox: Mailbox) => ({
  id: '0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa',
  date: new Date(0),
  messageId: '<x@own.test>',
  from: mailbox,
  to: [mailbox],
  cc: [],
  replyTo: [mailbox],
  subject: 's',
  text: 't',
  headers: {},
  attachments: [],
})
