import { MailError } from '@kabutar/core/errors.ts'
import { createMiddleware } from 'hono/factory'
import { accountOf, type Env } from './env.ts'

const MAX_STREAMS = 100
const MAX_OF_ACCOUNT = 20

type OpenStream = { readonly accountId: string; readonly isSignedIn: () => Promise<boolean>; readonly end: () => void }

/** Bounds the streams that are open, and ends those whose key or session has ended. */
export class OpenStreams {
  readonly #streams = new Set<OpenStream>()

  /** @throws {MailError} `busy` if too many streams are open, of the account or in all */
  refuseIfFull(accountId: string): void {
    if (this.#streams.size >= MAX_STREAMS) throw tooMany(MAX_STREAMS)
    if (this.#ofAccount(accountId).length >= MAX_OF_ACCOUNT) throw tooMany(MAX_OF_ACCOUNT)
  }

  /** Counts a stream until the returned function is called. `end` is called when its reader is no longer signed in. */
  add(stream: OpenStream): () => void {
    this.#streams.add(stream)
    return () => void this.#streams.delete(stream)
  }

  /** Ends the streams of an account whose readers are no longer signed in. */
  async endSignedOut(accountId: string): Promise<void> {
    await Promise.all(
      this.#ofAccount(accountId).map(async (stream) => {
        if (!(await stream.isSignedIn())) stream.end()
      }),
    )
  }

  #ofAccount(accountId: string): readonly OpenStream[] {
    return [...this.#streams].filter((stream) => stream.accountId === accountId)
  }
}

/** Ends streams after a deletion of what opens them: the session, or a key. */
export const endsSignedOut = (streams: OpenStreams) =>
  createMiddleware<Env>(async (c, next) => {
    await next()
    if (c.req.method === 'DELETE') await streams.endSignedOut(accountOf(c))
  })

const tooMany = (count: number) => new MailError('busy', `${count} streams are open. Ask /activity/changes.`)
