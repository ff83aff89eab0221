import type { Summary } from '../api/messages.ts'

export type Named = Pick<Summary, 'direction' | 'id'>

/** What the head of the pane shows, of the list or of the message itself. */
export type Head = Named &
  Pick<Summary, 'from' | 'to' | 'cc' | 'bcc' | 'subject' | 'created_at' | 'last_event'> & {
    readonly captured?: boolean
  }

export type Whole = Omit<Head, 'direction' | 'last_event'> & { readonly last_event?: Head['last_event'] }

/** A received message has no status. `captured`: what a list said of the message, if one had it. */
export const headOf = (named: Named, whole: Whole, captured: boolean | undefined): Head => ({
  ...whole,
  ...named,
  last_event: whole.last_event ?? null,
  captured,
})
