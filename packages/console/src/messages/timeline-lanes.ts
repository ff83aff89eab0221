import type { TimelineEvent } from '../api/messages.ts'

export type Lane = {
  readonly recipient: string
  readonly events: readonly TimelineEvent[]
}

/** Makes a lane for each recipient. An event that names nobody is about all of them. */
export function lanesOf(events: readonly TimelineEvent[]): Lane[] {
  const named = [...new Set(events.flatMap(({ recipients }) => recipients))]
  const all = named.length > 0 ? named : ['']
  return all.map((recipient) => ({
    recipient,
    events: events.filter(({ recipients }) => recipients.length === 0 || recipients.includes(recipient)),
  }))
}
