import type { Reply } from './replies.ts'

/** Input that the grammar of SMTP doesn't have. It carries its own reply, which quotes nothing of the input. */
export class MalformedError extends Error {
  readonly reply: Reply

  constructor(code: number, status: string, text: string, options: { hangUp?: boolean } = {}) {
    super(text)
    this.name = 'MalformedError'
    this.reply = { code, status, text, ...options }
  }
}
