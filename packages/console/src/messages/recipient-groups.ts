import type { Summary } from '../api/messages.ts'
import { bareAddress } from './address.ts'

export type RecipientGroup = {
  readonly address: string
  readonly count: number
  readonly unread: number
  /** The time of the latest message. */
  readonly latest: string
}

/** Groups by recipient, whatever the case of an address, in the order of the rows. */
export function groupsOf(rows: readonly Summary[], unread: ReadonlySet<string>): RecipientGroup[] {
  const groups = new Map<string, RecipientGroup>()
  for (const { id, recipients, to, created_at } of rows) {
    const named = recipients.length > 0 ? recipients.map(({ address }) => address) : to.map(bareAddress)
    for (const address of new Set(named.map((one) => one.toLowerCase()))) {
      const { count, unread: before, latest } = groups.get(address) ?? { count: 0, unread: 0, latest: created_at }
      groups.set(address, { address, count: count + 1, unread: before + (unread.has(id) ? 1 : 0), latest })
    }
  }
  return [...groups.values()]
}
