/** A case is one kind of fault, known from public bug reports on software that does the same job, with inputs of our own. */
import assert from 'node:assert/strict'
import { type CaseRig, type Received, type ReceivedMail, receive } from './rig.ts'

export type Check = {
  readonly name: string
  /** Rejects if the server gets it wrong. */
  run(rig: CaseRig): Promise<void>
}
export type Case = {
  /** Two digits. A number that is missing was dropped. */
  readonly id: string
  /** The reports: `owner/repository#issue`. */
  readonly source: string
  /** What people reported. */
  readonly symptom: string
  /** What is right instead, and why. */
  readonly right: string
  readonly checks: readonly Check[]
  /** Checks that fail on purpose. The docs give the reason and its source. At most five cases have one. */
  readonly exception?: {
    readonly checks: readonly string[]
    readonly reason: string
    readonly documentedIn: 'docs/receiving.md' | 'docs/sending.md' | 'docs/webhooks.md'
  }
}

/** A message that is received; what `pick` reads of it must equal `expected`. */
export function received(
  name: string,
  raw: Uint8Array,
  pick: (mail: ReceivedMail) => unknown,
  expected: unknown,
  options?: Received,
): Check {
  return {
    name,
    async run({ captures }) {
      assert.deepEqual(pick(await receive(captures, raw, options)), expected)
    },
  }
}

/** What `ask` answers must equal `expected`. */
export function answered(name: string, ask: (rig: CaseRig) => Promise<unknown>, expected: unknown): Check {
  return {
    name,
    async run(rig) {
      assert.deepEqual(await ask(rig), expected)
    },
  }
}

const withCrlf = (text: string) => text.replace(/\r?\n/g, '\r\n')
/** Lines ended by CRLF, each character one octet. */
export const octets = (text: string) => Buffer.from(withCrlf(text), 'latin1')
/** Lines ended by CRLF, in UTF-8. */
export const utf8 = (text: string) => Buffer.from(withCrlf(text))
export const base64 = (content: string | Uint8Array) => Buffer.from(content).toString('base64')

/** The head of a message up to its content type. */
export const HEAD = 'From: eve@far.test\nTo: in@kabutar.test\nSubject: s\nMIME-Version: 1.0\n'
/** A multipart/mixed message, each part with its own head. */
export const mixed = (...parts: readonly string[]) =>
  octets(
    `${HEAD}Content-Type: multipart/mixed; boundary=bb\n\n${parts.map((part) => `--bb\n${part}\n`).join('')}--bb--\n`,
  )

/** A mailbox as the API writes it, taken apart; the quotes of a quoted name are taken off. */
export function mailboxOf(text: string): { name: string; address: string } {
  const [, name, address] = /^(?:(.*?)\s*)<([^<>]*)>\s*$/s.exec(text) ?? []
  if (name === undefined || address === undefined) return { name: '', address: text }
  return { name: /^".*"$/s.test(name) ? name.slice(1, -1).replace(/\\(.)/g, '$1') : name, address }
}
export const sender = ({ from }: ReceivedMail) => mailboxOf(from)
export const filenames = ({ attachments }: ReceivedMail) => attachments.map(({ filename }) => filename)
export const types = ({ attachments }: ReceivedMail) => attachments.map(({ content_type }) => content_type)
export const trimmed = (text: string | null) => text?.replace(/\r\n/g, '\n').trim() ?? null
export const text = (mail: ReceivedMail) => trimmed(mail.text)
export const textAndHtml = (mail: ReceivedMail) => [trimmed(mail.text), trimmed(mail.html)]
