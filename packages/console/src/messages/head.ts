import type { Named, Summary } from '../api/messages.ts'

/** The fields of a message that the head of the pane shows, from the list or from the message itself. */
export type Head = Named &
  Pick<Summary, 'from' | 'to' | 'cc' | 'bcc' | 'subject' | 'tags' | 'created_at' | 'last_event' | 'captured'>

/** A message as the API answers it: a received one has no status, no `captured` and no tags. */
export type Whole = Omit<Head, 'direction' | Missing> & Partial<Pick<Head, Missing>>
type Missing = 'last_event' | 'captured' | 'tags'

export function headOf(named: Named, whole: Whole): Head {
  const { last_event = null, captured = false, tags = [] } = whole
  return { ...whole, ...named, last_event, captured, tags }
}
